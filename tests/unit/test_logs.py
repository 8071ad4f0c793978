"""The logs of an installation on a USB stick: what is in the archive, what is said where no stick will do."""

from __future__ import annotations

import json
import tarfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.answer_files import answers, made_machine, manifest
from tests.unit.usb_sticks import disk, listing, part

from trebol_common.errors import Refused, TrebolError
from trebol_common.events import Context
from trebol_common.run import ScriptedRunner
from trebol_installer.execute import Installer, StepFailed
from trebol_installer.logs import JOURNAL, archive_name, save_in, save_to_stick, targets
from trebol_installer.plan import plan
from trebol_installer.steps import WriteLocale
from trebol_installer.sticks import LSBLK


def test_an_archive_is_called_what_fat_can_hold() -> None:
    moment = time.gmtime(1764338400)

    assert archive_name("Node1.example.org", moment) == "trebol-logs-node1-20251128-140000"
    assert archive_name("", moment) == "trebol-logs-node-20251128-140000"


def archived(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        texts = {}
        for entry in archive.getmembers():
            stream = archive.extractfile(entry)
            assert stream is not None and entry.name.startswith(f"{path.name.removesuffix('.tar.gz')}/")
            texts[Path(entry.name).name] = stream.read().decode()
    return texts


def test_logs_go_to_a_stick_which_can_be_taken_out_then(tmp_path: Path) -> None:
    at, logs = tmp_path / "stick", tmp_path / "logs"
    logs.mkdir()
    (logs / "install.log").write_text("[1.0] install: it failed\n")
    (logs / "answers.toml").write_text("# what the engine was given\n")
    (logs / "plan.json").write_text(json.dumps({"disks": [{"name": "sdc"}]}))
    runner = ScriptedRunner().expect(*LSBLK, stdout=listing(disk("sdc", part("sdc1")), disk("sdd", part("sdd1"))))
    runner.expect("mount", "--types", "vfat", "--options", "rw,nodev,nosuid,noexec", "/dev/sdd1", str(at))
    runner.expect(*JOURNAL, stdout="[ 1.0] kernel: Linux\n")
    runner.expect("sync", "--file-system", str(at)).expect("umount", str(at))

    saved = save_to_stick(
        runner, host="node1.example.org", others={"answers.toml": "", "screens.jsonl": "{}"}, logs=logs, at=at
    )

    assert saved.on == "SanDisk Ultra (sdd)" and saved.file.startswith("trebol-logs-node1-")
    texts = archived(at / saved.file)
    assert texts.keys() == {"journal.txt", "screens.jsonl", "install.log", "answers.toml", "plan.json"}
    assert texts["answers.toml"] == "# what the engine was given\n" and "it failed" in texts["install.log"]
    assert runner.expected == []


def test_where_no_stick_will_do_each_is_told_and_what_to_do(tmp_path: Path) -> None:
    sticks = listing(disk("sdb", part("sdb1", "ntfs")), disk("sdc", part("sdc1")))
    runner = ScriptedRunner().expect(*LSBLK, stdout=sticks)

    with pytest.raises(Refused) as caught:
        save_to_stick(runner, chosen=["sdc"], logs=tmp_path / "none", at=tmp_path)

    assert str(caught.value) == (
        "SanDisk Ultra (sdb): sdb1 holds ntfs; only FAT and exFAT are written to\n"
        "SanDisk Ultra (sdc): is installed on\n"
        "  → plug in one that is formatted as FAT or exFAT, wait until its light is still, and try again"
    )


def test_a_stick_that_cannot_be_written_is_unmounted_and_keeps_no_half_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*others: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "addfile", full)
    at = tmp_path / "stick"
    runner = ScriptedRunner().expect(*LSBLK, stdout=listing(disk("sdd", part("sdd1"))))
    runner.expect("mount", "--types", "vfat", "--options", "rw,nodev,nosuid,noexec", "/dev/sdd1", str(at))
    runner.expect(*JOURNAL).expect("umount", str(at))

    with pytest.raises(TrebolError, match="No space left on device"):
        save_to_stick(runner, logs=tmp_path / "none", at=at)

    assert list(at.iterdir()) == [] and runner.expected == []


def test_disks_that_answers_name_are_targets_before_there_is_a_plan(tmp_path: Path) -> None:
    assert "sdc" in targets(tmp_path, ["sdc"])


def test_what_a_failed_installation_leaves_tells_the_plan_and_no_secret(tmp_path: Path) -> None:
    given = answers()
    made = replace(plan(made_machine(), given, manifest()), steps=(WriteLocale(given.global_.keyboard, "No/Where"),))
    at = tmp_path / "target"
    installer = Installer(given, made_machine(), manifest(), tmp_path, ScriptedRunner(), at, tmp_path / "logs")

    with pytest.raises(StepFailed):
        installer.execute(made, Context())

    texts = archived(save_in(tmp_path, ScriptedRunner().expect(*JOURNAL), logs=tmp_path / "logs"))
    assert {"plan.txt", "plan.json", "answers.toml", "machine.json", "hardware.json", "hardware.txt"} <= texts.keys()
    password = given.global_.root_password
    assert password is not None and not any(password.get_secret_value() in text for text in texts.values())
    assert targets(tmp_path / "logs") == {change.name for change in made.disks}


def test_the_password_of_a_url_on_the_kernels_command_line_is_in_no_archive(tmp_path: Path) -> None:
    said = "[0.0] kernel: Command line: trebol.answer=https://me:hunt/er2@example.org/a.toml quiet\n[0.1] kernel: b\n"

    texts = archived(save_in(tmp_path, ScriptedRunner().expect(*JOURNAL, stdout=said), logs=tmp_path / "logs"))

    assert texts["journal.txt"] == said.replace("me:hunt/er2@", "")
