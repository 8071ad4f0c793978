"""The logs of an installation on a USB stick: which stick, what is in the archive, what is said if there is none."""

from __future__ import annotations

import json
import tarfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.answer_files import answers, made_machine, manifest

from trebol_common.errors import Refused, TrebolError
from trebol_common.events import Context
from trebol_common.run import ScriptedRunner
from trebol_installer.execute import Installer, StepFailed
from trebol_installer.logs import JOURNAL, archive_name, save_in, save_to_stick, targets
from trebol_installer.plan import plan
from trebol_installer.steps import WriteLocale
from trebol_installer.sticks import LSBLK, Stick, stick

ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"


def part(name: str, fstype: str | None = "vfat", *, parttype: str | None = "0xc", at: str | None = None) -> Any:
    return {
        "name": name, "path": f"/dev/{name}", "type": "part", "tran": None, "rm": True, "ro": False, "size": 8 << 30,
        "fstype": fstype, "parttype": parttype, "label": None, "vendor": None, "model": None, "mountpoints": [at],
    }  # fmt: skip


def disk(name: str, *children: Mapping[str, Any], **others: Any) -> dict[str, Any]:
    made = {
        **part(name, None, parttype=None), "type": "disk", "tran": "usb", "vendor": "SanDisk ", "model": "Ultra",
        **others,
    }  # fmt: skip
    return {**made, "children": list(children)} if children else made


def listing(*disks: Mapping[str, Any]) -> str:
    return json.dumps({"blockdevices": disks})


SYSTEM = disk("sda", part("sda1"), tran="sata", rm=False)


@pytest.mark.parametrize(
    ("found", "device"),
    [
        (disk("sdb", part("sdb1", "ntfs"), part("sdb2")), "/dev/sdb2"),
        (disk("sdb", fstype="vfat"), "/dev/sdb"),
    ],
)
def test_a_stick_is_a_fat_file_system_on_a_removable_usb_disk(found: dict[str, Any], device: str) -> None:
    assert stick(listing(SYSTEM, found), frozenset()) == Stick(device, "SanDisk Ultra (sdb)")


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (SYSTEM, "no USB stick was found"),
        (disk("sdb", part("sdb1"), size=0), "no USB stick was found"),
        (disk("sdb", part("sdb1"), rm=False), "no USB stick was found"),
        (disk("sdb"), "SanDisk Ultra (sdb): has no FAT file system"),
        (disk("sdb", part("sdb1", "ext4")), "has no FAT file system"),
        (disk("sdb", part("sdb1", parttype=ESP)), "has no FAT file system"),
        (disk("sdb", part("sdb1"), ro=True), "is write-protected"),
        (disk("sdb", part("sdb1", at="/run/trebol/medium")), "is in use"),
        (disk("sdb", part("sdb1", "iso9660"), part("sdb2"), fstype="iso9660"), "carries an installation medium"),
        (disk("sdc", part("sdc1")), "is installed on"),
    ],
)
def test_what_is_no_stick_to_write_to_is_told_why(found: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused) as caught:
        stick(listing(found), frozenset({"sdc"}))

    assert why in str(caught.value) and "plug in one that has a FAT file system" in str(caught.value)


def test_a_second_stick_is_taken_where_the_first_cannot_be() -> None:
    medium = disk("sdb", part("sdb1", "iso9660"))

    assert stick(listing(medium, disk("sdc", part("sdc1"))), frozenset()).device == "/dev/sdc1"


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
    runner.expect("mount", "-t", "vfat", "-o", "rw,nodev,nosuid,noexec", "/dev/sdd1", str(at))
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


def test_a_stick_that_cannot_be_written_is_unmounted_and_keeps_no_half_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*others: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "addfile", full)
    at = tmp_path / "stick"
    runner = ScriptedRunner().expect(*LSBLK, stdout=listing(disk("sdd", part("sdd1"))))
    runner.expect("mount", "-t", "vfat", "-o", "rw,nodev,nosuid,noexec", "/dev/sdd1", str(at))
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
