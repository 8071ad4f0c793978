"""The hardware checks before an installation: what is told, what is refused, and by which key."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.unit.answer_files import GIB, answers, changed, made_machine, manifest
from tests.unit.fakesys import AnsweringRunner, FakeSystem

from trebol_common.answers.model import Checks, NodeRole
from trebol_common.answers.parse import dump_answers, parse_answers
from trebol_common.cli import run
from trebol_common.errors import BadInput, Refused
from trebol_common.run import CommandRunner, Completed, Runner, ScriptedRunner
from trebol_hardware.checks.finding import Severity
from trebol_hardware.checks.registry import Role, checks
from trebol_hardware.facts import DiskHealth
from trebol_hardware.machine import Disk, Machine, Processor
from trebol_hardware.probe.questions import with_disk_health
from trebol_installer import session
from trebol_installer.drivers import load_virtualisation
from trebol_installer.hardware import LEFT_TO_THE_NODE, checked, short
from trebol_installer.plan import Plan, plan
from trebol_installer.render import render, to_json

FLAGS = ("lm", "cmov", "cx8", "fpu", "fxsr", "mmx", "sse", "sse2", "syscall")

#: VT-x switched off by firmware.
OFF = replace(
    made_machine(),
    processor=Processor("GenuineIntel", "Intel(R) Xeon(R)", 1, 4, 8, flags=FLAGS),
    kvm=replace(made_machine().kvm, device=False, opens=False, creates=False, feature_control=1),
)


def made(machine: Machine = OFF, /, **keys: Any) -> Plan:
    return plan(machine, answers(*((f"checks.{key.replace('_', '-')}", keys[key]) for key in keys)), manifest())


def refused(machine: Machine = OFF, /, **keys: Any) -> str:
    with pytest.raises(Refused) as caught:
        made(machine, **keys)
    return str(caught.value)


def test_by_default_nothing_that_is_found_stops_an_installation_but_it_is_told_with_its_remedy() -> None:
    text = render(made())

    told = " ".join(text.split())
    assert "fail Hardware virtualisation (VT-x, AMD-V): VT-x: switched off by firmware (cpu-virtualisation)" in told
    assert "→ Switch it on in" in told
    assert 'fail-on = "fail" in [checks]' in told
    assert "warn Memory: 4.0 GiB (memory-size)" in told
    assert max(map(len, text.splitlines())) <= 80


def test_fail_on_fail_refuses_with_reason_remedy_and_the_key_that_lets_it_pass() -> None:
    text = refused(fail_on="fail")

    assert "check cpu-virtualisation (fail): Hardware virtualisation (VT-x, AMD-V): VT-x: switched off" in text
    assert "MSR 0x3A is 0x1: locked" in text
    assert "→ Switch it on in" in text
    assert 'mute = ["cpu-virtualisation"] or fail-on = "never" in [checks]' in text
    assert "check kvm-usable (fail)" in text
    assert "check memory-size" not in text


def test_a_refusal_tells_what_else_was_found() -> None:
    last = refused(fail_on="fail").rpartition("no reasons to refuse, but found as well:")[2]
    assert "warn    Memory: 4.0 GiB (memory-size)" in last
    assert "cpu-virtualisation)" not in last and "pass " not in last


def test_warnings_stop_only_where_that_is_asked_for() -> None:
    assert "check memory-size (warn)" in refused(fail_on="warn")
    muted = [found.code for found in made().findings if found.severity is Severity.FAIL]
    assert made(fail_on="fail", mute=muted).findings


def test_muted_findings_stop_nothing_and_are_not_told() -> None:
    mute = [found.code for found in made().findings if found.severity in (Severity.FAIL, Severity.WARN)]

    text = render(made(fail_on="warn", mute=mute))

    assert "(cpu-virtualisation)" not in text and "does not stop" not in text


def test_hardware_is_refused_together_with_all_other_reasons() -> None:
    machine = replace(OFF, disks=(Disk("vda", 1 * GIB, serial="d1"),))
    text = refused(machine, fail_on="fail")
    assert "at least" in text and "check cpu-virtualisation" in text


def test_a_failing_disk_is_found_before_anything_is_written_to_it() -> None:
    disk = replace(OFF.disks[0], transport="sata", health=DiskHealth(passed=False))
    text = refused(replace(OFF, disks=(disk,)), fail_on="fail", mute=["cpu-virtualisation", "kvm-usable"])
    assert "check disk-health (fail)" in text and "The disk itself says that it is failing" in text


@pytest.mark.parametrize(
    ("mute", "told"),
    [
        (["cpu-virtualization"], "checks.mute: 'cpu-virtualization': no such check\n  → did you mean cpu-virtualis"),
        (["kvm-usable", "memory-sice", "qqq"], "'memory-sice': no such check"),
        (["kvm-usable", "memory-sice", "qqq"], "'qqq': no such check\n  → trebol check list"),
    ],
)
def test_codes_that_no_check_has_are_told_with_close_ones(mute: list[str], told: str) -> None:
    with pytest.raises(BadInput) as caught:
        made(mute=mute)
    assert told in str(caught.value)


def test_validate_knows_the_codes_without_a_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "answer.toml"
    file.write_text(changed(("checks.mute", ["kvm-usabel"])))
    assert run(["answer", "validate", str(file)]) == 2
    told = capsys.readouterr().err
    assert f"{file}: checks.mute: 'kvm-usabel': " in told and "did you mean kvm-usable" in told
    file.write_text(changed(("checks.mute", ["kvm-usable"])))
    assert run(["answer", "validate", str(file)]) == 0


def test_a_refusal_is_status_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, record = tmp_path / "answer.toml", tmp_path / "machine.json"
    file.write_text(changed(("checks.fail-on", "fail")))
    record.write_text(OFF.to_json())
    for command in (["answer", "match", str(file)], ["install", "--dry-run", "--answers", str(file)]):
        assert run([*command, "--machine", str(record)]) == 3
        assert "check cpu-virtualisation (fail)" in capsys.readouterr().err


def test_a_dry_run_shows_the_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, record = tmp_path / "answer.toml", tmp_path / "machine.json"
    file.write_text(changed())
    record.write_text(OFF.to_json())
    assert run(["install", "--dry-run", "--answers", str(file), "--machine", str(record)]) == 0
    assert "Hardware checks, role node (" in capsys.readouterr().out


def test_programs_get_every_finding_with_its_role() -> None:
    members = json.loads(to_json(made(**{"for": "mixed"})))
    codes = {found["code"]: found["severity"] for found in members["findings"]}
    assert members["role"] == "mixed"
    assert codes["cpu-virtualisation"] == "fail" and "mixed-memory" in codes


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("checks.fail-on", "always", "'always' is not one of 'fail', 'warn' or 'never'"),
        ("checks.for", "router", "checks.for: 'router' is not one of 'node', 'cluster'"),
        ("checks.faill-on", "fail", "did you mean fail-on?"),
    ],
)
def test_wrong_keys_are_told(key: str, value: str, told: str) -> None:
    with pytest.raises(BadInput) as caught:
        answers((key, value))
    assert told in str(caught.value)


def test_the_section_is_kept_in_the_report() -> None:
    wanted = answers(("checks.for", "ha"), ("checks.fail-on", "warn"), ("checks.mute", ["bmc"]))
    assert dump_answers(wanted).rpartition("[checks]")[2].split("\n")[1:4] == [
        'for = "ha"',
        'fail-on = "warn"',
        "mute = [",
    ]
    assert "[checks]" not in dump_answers(parse_answers(changed()))


def test_the_roles_of_answer_files_are_those_of_the_checks() -> None:
    assert get_args(NodeRole) == tuple(role.value for role in Role)


def test_what_only_a_node_shows_is_left_to_it() -> None:
    assert {check.code for check in checks()} >= LEFT_TO_THE_NODE
    codes = {found.code for role in Role for found in checked(OFF, Checks.model_validate({"for": role.value}))}
    assert codes == {check.code for check in checks()} - LEFT_TO_THE_NODE


def test_a_finding_is_one_line() -> None:
    assert all("\n" not in short(found) for found in made().findings)


def test_only_a_plan_loads_the_checks() -> None:
    """They are fifty modules, and an installation under emulation pays for each."""
    program = "import sys, trebol_installer.commands.install; print('trebol_hardware.checks.groups' in sys.modules)"
    assert CommandRunner().run([sys.executable, "-c", program]).stdout == "False\n"


DISKS = (Disk("sda", GIB, transport="sata"), Disk("vda", GIB, transport="virtio"), Disk("sdb", GIB, transport="usb"))


@pytest.mark.parametrize(("privileged", "asked"), [(True, ["smartctl /dev/sda", "smartctl /dev/sdb"]), (False, [])])
def test_before_an_installation_only_real_disks_are_asked_and_nothing_else(
    privileged: bool, asked: list[str]
) -> None:
    runner = AnsweringRunner({"smartctl": Completed(0, '{"smart_status": {"passed": true}}')})
    found = with_disk_health(made_machine(*DISKS), runner, privileged=privileged)
    assert sorted(f"{command[3]} {command[-1]}" for command in runner.asked) == asked
    assert [disk.health is not None and disk.health.passed for disk in found.disks] == (
        [True, None, True] if privileged else [None, None, None]
    )


@pytest.mark.parametrize(
    ("vendor", "modules"),
    [
        ("GenuineIntel", ("msr", "kvm_intel")),
        ("AuthenticAMD", ("msr", "kvm_amd")),
        ("HygonGenuine", ("msr", "kvm_amd")),
        ("Unheard-of", ("msr",)),
    ],
)
def test_kvm_of_the_processors_make_is_loaded_before_it_is_tried(
    tmp_path: Path, vendor: str, modules: tuple[str, ...]
) -> None:
    system = FakeSystem(tmp_path)
    system.write("proc/cpuinfo", f"processor : 0\nvendor_id : {vendor}\nflags : lm\n")
    runner = ScriptedRunner().expect("modprobe", "--all", "--quiet", *modules, status=1)
    load_virtualisation(runner, root=system.root)
    assert runner.expected == []


def test_a_machine_is_probed_once_its_drivers_are_there_and_refused_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def probed(runner: Runner) -> Machine:
        done.append("probe")
        return OFF

    monkeypatch.setattr(session, "read_manifest", lambda medium: manifest())
    monkeypatch.setattr(session, "clear_leftovers", lambda runner, target: done.append("clear"))
    monkeypatch.setattr(session, "load_virtualisation", lambda runner: done.append("drivers"))
    monkeypatch.setattr(session, "this_machine", probed)
    runner = ScriptedRunner()

    with pytest.raises(Refused, match="VT-x: switched off"):
        session.prepare(answers(("checks.fail-on", "fail")), tmp_path, runner=runner)

    assert done == ["clear", "drivers", "probe"]
    assert runner.seen == []
