"""The run of a whole plan: what the user is told when a step fails, what is undone, what is logged."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.answer_files import answers, made_machine, manifest

from trebol_common.errors import Refused, TrebolError
from trebol_common.events import Context, Event, Kind
from trebol_common.run import ScriptedRunner
from trebol_installer.execute import DryRun, Installer, StepFailed
from trebol_installer.plan import Plan, plan
from trebol_installer.steps import (
    CheckTarget,
    CloseTarget,
    CreateDataset,
    CreateVolume,
    MountTarget,
    ReuseVolumeGroup,
    Step,
    WriteIdentity,
    WriteLocale,
    WriteReport,
    step_name,
)


def installer(tmp_path: Path, runner: ScriptedRunner) -> Installer:
    return Installer(
        answers(),
        made_machine(),
        manifest(),
        tmp_path / "medium",
        runner,
        target=tmp_path / "target",
        logs=tmp_path / "logs",
    )


def short_plan(*steps: Step) -> Plan:
    return replace(plan(made_machine(), answers(), manifest()), steps=steps)


def test_a_failed_step_says_which_why_and_what_next_and_unmounts(tmp_path: Path) -> None:
    root = str(tmp_path / "target")
    runner = ScriptedRunner().expect("mount", "-o", "noatime", "/dev/trebol/root", root)
    runner.expect("umount", root)
    made = short_plan(MountTarget("/dev/trebol/root", "/"), WriteLocale(answers().global_.keyboard, "Europe/Madrid"))
    events: list[Event] = []

    with pytest.raises(StepFailed) as caught:
        installer(tmp_path, runner).execute(made, Context(events.append))

    text = str(caught.value)
    assert text.startswith("Set keyboard es and time zone Europe/Madrid: step 2 of 2 failed:")
    assert "time zone Europe/Madrid is not in the system" in text
    assert "start again" in text
    assert caught.value.exit_status == 1
    assert runner.expected == [], "the target was unmounted"


def test_a_failed_step_is_done_again_where_that_is_wanted_and_what_earlier_steps_opened_stays(tmp_path: Path) -> None:
    root = str(tmp_path / "target")
    runner = ScriptedRunner().expect("mount", "-o", "noatime", "/dev/trebol/root", root)
    runner.expect("zfs", "create", "-u", "rpool/x", status=1, stderr="Input/output error")
    runner.expect("zfs", "destroy", "rpool/x", status=1)
    runner.expect("zfs", "create", "-u", "rpool/x")
    runner.expect("umount", root)
    made = short_plan(MountTarget("/dev/trebol/root", "/"), CreateDataset("rpool/x", ()), CloseTarget())
    failures: list[str] = []

    def again(failed: StepFailed) -> bool:
        failures.append(str(failed))
        return True

    replace(installer(tmp_path, runner), retry=again).execute(made, Context())

    assert len(failures) == 1 and "step 2 of 3 failed" in failures[0] and "Input/output error" in failures[0]
    assert runner.expected == []


def test_what_a_failed_attempt_opened_is_closed_before_the_next(tmp_path: Path) -> None:
    columns = ("--options", "lv_name,lv_size,segtype", "--units", "b", "--nosuffix", "--reportformat", "json")
    volumes = [
        {"lv_name": "root", "lv_size": "9", "segtype": "linear"},
        {"lv_name": "data", "lv_size": "9", "segtype": "thin-pool"},
    ]
    runner = ScriptedRunner()
    for _ in range(2):
        listed = json.dumps({"report": [{"lv": volumes}]})
        runner.expect("lvs", "--devices", "/dev/x", *columns, "trebol", stdout=listed)
        activate = ("lvchange", "--devices", "/dev/x", "--activate", "y", "trebol/root")
        runner.expect(*activate, status=5, stderr="device-mapper: reload ioctl failed")
        runner.expect("vgchange", "--activate", "n", "trebol")
    replies = iter([True, False])
    given_up = replace(installer(tmp_path, runner), retry=lambda failed: next(replies))

    with pytest.raises(StepFailed, match="reload ioctl failed"):
        given_up.execute(short_plan(ReuseVolumeGroup("trebol", "/dev/x", 9, "data")), Context())

    assert runner.expected == []


def test_what_cannot_be_unmounted_is_unmounted_by_the_next_try_and_not_forgotten(tmp_path: Path) -> None:
    root, efi = str(tmp_path / "target"), str(tmp_path / "target/boot/efi")
    runner = ScriptedRunner().expect("mount", "-o", "noatime", "/dev/trebol/root", root)
    runner.expect("mount", "-o", "noatime", "/dev/x", efi)
    runner.expect("umount", efi)
    runner.expect("umount", root, status=32, stderr="target is busy")
    runner.expect("umount", root)
    made = short_plan(MountTarget("/dev/trebol/root", "/"), MountTarget("/dev/x", "/boot/efi"), CloseTarget())

    replace(installer(tmp_path, runner), retry=lambda failed: "busy" in str(failed)).execute(made, Context())

    assert runner.expected == []


@pytest.mark.parametrize(("good", "told"), [(0, Refused), (1, StepFailed)])
def test_a_refusal_is_one_as_long_as_nothing_was_written(good: int, told: type[TrebolError], tmp_path: Path) -> None:
    whole = [{"lv_name": "data", "lv_size": "9", "segtype": "thin-pool"}]
    whole += [{"lv_name": "root", "lv_size": "9", "segtype": "linear"}]
    columns = ("--options", "lv_name,lv_size,segtype", "--units", "b", "--nosuffix", "--reportformat", "json")
    runner = ScriptedRunner()
    for _ in range(good):
        listed = json.dumps({"report": [{"lv": whole}]})
        runner.expect("lvs", "--devices", "/dev/x", *columns, "trebol", stdout=listed)
        runner.expect("lvchange", "--devices", "/dev/x", "--activate", "y", "trebol/root")
    listed = json.dumps({"report": [{"lv": []}]})
    runner.expect("lvs", "--devices", "/dev/x", *columns, "trebol", stdout=listed)
    for _ in range(good):
        runner.expect("vgchange", "--activate", "n", "trebol")
    step = ReuseVolumeGroup("trebol", "/dev/x", 9, "data")

    with pytest.raises(TrebolError, match="has no volume root and thin pool data") as caught:
        installer(tmp_path, runner).execute(short_plan(*[step] * (good + 1)), Context())

    assert type(caught.value) is told


def test_what_a_half_done_attempt_made_is_taken_away_before_the_next(tmp_path: Path) -> None:
    create = ("--size", "9b", "--name", "root", "trebol")
    options = ("--yes", "--wipesignatures", "y", "--devices", "/dev/x")
    runner = ScriptedRunner().expect("lvcreate", *options, *create, status=5, stderr="failed to wipe")
    runner.expect("lvremove", "--yes", "--devices", "/dev/x", "trebol/root", status=5)
    runner.expect("lvcreate", *options, *create)

    replace(installer(tmp_path, runner), retry=lambda failed: True).execute(
        short_plan(CreateVolume("trebol", "root", 9, "/dev/x")), Context()
    )

    assert runner.expected == []


def test_an_undo_that_fails_does_not_hide_the_reason(tmp_path: Path) -> None:
    root = str(tmp_path / "target")
    runner = ScriptedRunner().expect("mount", "-o", "noatime", "/dev/trebol/root", root)
    runner.expect("umount", root, status=32, stderr="target is busy")
    made = short_plan(MountTarget("/dev/trebol/root", "/"), WriteLocale(answers().global_.keyboard, "Europe/Madrid"))
    events: list[Event] = []

    with pytest.raises(StepFailed, match="time zone"):
        installer(tmp_path, runner).execute(made, Context(events.append))

    assert any("target is busy" in event.text for event in events)


def test_a_full_disk_while_writing_is_a_failed_step_too(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("not a folder")

    with pytest.raises(StepFailed, match="Not a directory"):
        installer(tmp_path, ScriptedRunner()).execute(short_plan(WriteReport()), Context())


def test_a_refusal_stays_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(TrebolError, match="is not there any more"):
        installer(tmp_path, ScriptedRunner()).execute(
            short_plan(CheckTarget(str(tmp_path / "gone"), 1, "")), Context()
        )


def test_every_command_is_logged_in_its_step(tmp_path: Path) -> None:
    (tmp_path / "target/etc/ssh").mkdir(parents=True)
    runner = ScriptedRunner()
    for kind in ("ed25519", "ecdsa"):
        path = str(tmp_path / f"target/etc/ssh/ssh_host_{kind}_key")
        runner.expect("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "root@a.b", "-f", path, stdout="made\n")
    events: list[Event] = []

    installer(tmp_path, runner).execute(short_plan(WriteIdentity("a.b", "a", None)), Context(events.append))

    logged = [(event.path[-1], event.text) for event in events if event.kind is Kind.LOG]
    assert logged[0][0] == "write-identity" and logged[0][1].startswith("$ ssh-keygen -q -t ed25519")
    assert logged[1] == ("write-identity", "made")


def test_a_dry_run_names_every_step_and_runs_nothing() -> None:
    made = plan(made_machine(), answers(), manifest())
    events: list[Event] = []

    DryRun().execute(made, Context(events.append))

    started = [event.path[-1] for event in events if event.kind is Kind.START]
    assert started == [step_name(step) for step in made.steps]


def test_the_report_can_be_loaded_without_the_executor() -> None:
    code = "import sys, trebol_installer.report; print('trebol_installer.execute' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert result.stdout.strip() == "False", result.stderr
