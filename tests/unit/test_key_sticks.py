"""SSH keys on USB sticks: where they are found, how a stick is mounted, what is told where there are none."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.unit.answer_files import SSH_KEY
from tests.unit.test_ssh_keys import key
from tests.unit.usb_sticks import SYSTEM, disk, listing, part

from trebol_common.errors import BadInput
from trebol_common.run import ScriptedRunner
from trebol_installer import key_sticks
from trebol_installer.key_files import keys_below
from trebol_installer.key_sticks import keys_on_sticks
from trebol_installer.ssh_keys import LARGEST, MOST, Keys
from trebol_installer.sticks import LSBLK

HINT = "\n  → plug in one that holds keys, wait until its light is still, and look again"


@dataclass
class Sticks:
    """A machine with a disk, and sticks: what is "mounted" is what a test has put at the folder already."""

    at: Path
    runner: ScriptedRunner = field(default_factory=ScriptedRunner)

    def plug_in(self, *sticks: Mapping[str, Any]) -> None:
        self.runner.expect(*LSBLK, stdout=listing(SYSTEM, *sticks))

    def mounts(self, name: str, kind: str = "vfat", *, wrong: str = "") -> None:
        options = ("--options", "ro,nodev,nosuid,noexec", f"/dev/{name}", str(self.at))
        self.runner.expect("mount", "--types", kind, *options, stderr=wrong, status=32 if wrong else 0)
        if not wrong:
            self.runner.expect("umount", str(self.at))

    def look(self, *targets: str) -> Keys:
        found = keys_on_sticks(self.runner, frozenset(targets), at=self.at)
        assert self.runner.expected == []
        return found

    def refused(self, *targets: str) -> str:
        with pytest.raises(BadInput) as caught:
            self.look(*targets)
        assert self.runner.expected == [], "it is unmounted whatever is wrong"
        return str(caught.value)

    def write(self, path: str, content: str | bytes) -> None:
        file = self.at / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.fixture
def sticks(tmp_path: Path) -> Sticks:
    return Sticks(tmp_path / "stick")


@pytest.fixture
def plugged(sticks: Sticks) -> Sticks:
    """With one that is mounted."""
    sticks.plug_in(disk("sdb", part("sdb1")))
    sticks.mounts("sdb1")
    return sticks


def test_keys_are_found_in_the_root_and_in_ssh_of_a_partition(plugged: Sticks) -> None:
    plugged.write("Admin.PUB", SSH_KEY)
    plugged.write("._Admin.pub", "\0\5\x16\7")
    plugged.write("notes.txt", key(9))
    plugged.write(".ssh/authorized_keys", f"{SSH_KEY}\n{key(1)}\nbroken\n")

    found = plugged.look()

    assert found.keys == (SSH_KEY, key(1))
    assert found.where == "the USB stick (sdb1/Admin.PUB, sdb1/.ssh/authorized_keys)"
    assert [problem.where for problem in found.wrong] == ["sdb1/.ssh/authorized_keys, line 3"]


@pytest.mark.parametrize("kind", ["vfat", "exfat", "iso9660", "udf"])
def test_a_stick_is_mounted_as_what_it_is(sticks: Sticks, kind: str) -> None:
    sticks.plug_in(disk("sdb", fstype=kind))
    sticks.mounts("sdb", kind)
    sticks.write("authorized_keys", SSH_KEY)

    assert sticks.look().keys == (SSH_KEY,)


def test_neither_a_target_nor_what_is_in_use_nor_what_a_look_might_change_is_mounted(sticks: Sticks) -> None:
    medium = disk("sdc", part("sdc1", at="/run/trebol/medium"))
    sticks.plug_in(disk("sdb", part("sdb1")), medium, disk("sdd", part("sdd1", "ntfs")))

    assert sticks.refused("sdb") == (
        "SanDisk Ultra (sdb): is installed on\n"
        "SanDisk Ultra (sdc): is in use\n"
        "SanDisk Ultra (sdd): sdd1 holds ntfs; only FAT, exFAT, ISO 9660 and UDF are read" + HINT
    )


def test_without_a_stick_one_is_asked_for(sticks: Sticks) -> None:
    sticks.plug_in()

    assert sticks.refused() == "no USB stick was found" + HINT


def test_a_link_does_not_lead_out_of_the_stick(plugged: Sticks, tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host/authorized_keys").write_text(SSH_KEY)
    plugged.at.mkdir()
    (plugged.at / ".ssh").symlink_to(tmp_path / "host")
    (plugged.at / "authorized_keys").symlink_to(tmp_path / "host/authorized_keys")

    told = "SanDisk Ultra (sdb): sdb1 has neither authorized_keys nor a .pub file, at its top or in .ssh"
    assert plugged.refused() == told + HINT


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("# none", "sdb1/authorized_keys: holds no SSH key"),
        (b"\xff", "sdb1/authorized_keys: is not UTF-8 text"),
        ("#" * (LARGEST + 1), f"sdb1/authorized_keys: is larger than {LARGEST} bytes"),
        ("\n".join(map(key, range(MOST + 1))), "sdb1/authorized_keys: holds more than 20 SSH keys"),
    ],
    ids=["empty", "binary", "large", "many"],
)
def test_a_list_that_gives_no_key_is_told(plugged: Sticks, content: str | bytes, told: str) -> None:
    plugged.write("authorized_keys", content)

    assert plugged.refused() == told + HINT


def test_keys_of_many_lists_are_no_more_than_of_one(plugged: Sticks) -> None:
    for number in range(MOST + 1):
        plugged.write(f"{number}.pub", key(number))

    assert "holds more than 20 SSH keys" in plugged.refused()


def test_a_stick_that_cannot_be_mounted_does_not_hide_the_next_one(sticks: Sticks) -> None:
    sticks.plug_in(disk("sdb", part("sdb1")), disk("sdc", part("sdc1")))
    sticks.mounts("sdb1", wrong="mount: wrong fs type\n")
    sticks.mounts("sdc1")
    sticks.write("authorized_keys", SSH_KEY)

    found = sticks.look()

    assert found.keys == (SSH_KEY,)
    assert [str(problem) for problem in found.wrong] == [
        "SanDisk Ultra (sdb): sdb1 cannot be mounted: mount: wrong fs type"
    ]


def test_a_damaged_folder_does_not_hide_the_next_stick(sticks: Sticks, monkeypatch: pytest.MonkeyPatch) -> None:
    sticks.plug_in(disk("sdb", part("sdb1")), disk("sdc", part("sdc1")))
    sticks.mounts("sdb1")
    sticks.mounts("sdc1")
    sticks.write("authorized_keys", SSH_KEY)
    damaged = iter((True, False))

    def below(top: Path, name: str) -> Iterator[Keys]:
        if next(damaged):
            raise OSError(errno.EIO, "Input/output error")
        return keys_below(top, name)

    monkeypatch.setattr(key_sticks, "keys_below", below)

    found = sticks.look()

    assert found.keys == (SSH_KEY,)
    assert [str(problem) for problem in found.wrong] == ["SanDisk Ultra (sdb): cannot be read: Input/output error"]
