"""SSH keys on USB sticks: which devices are looked into, how, and what is told of the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.unit.answer_files import SSH_KEY
from tests.unit.fakesys import MOUNT, FakeSystem
from tests.unit.test_ssh_keys import key

from trebol_common.errors import BadInput
from trebol_common.run import ScriptedRunner
from trebol_installer.key_sticks import keys_on_sticks
from trebol_installer.ssh_keys import LARGEST, MOST, Keys

USB = "pci0000:00/0000:00:14.0/usb1/1-{port}/1-{port}:1.0/host9/target9:0:0/9:0:0:0/block"
SATA = "pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block"
MOUNTING = ("mount", "--types", "{kind}", "--options", "ro,nodev,nosuid,noexec", "/dev/{name}")


@dataclass
class Sticks:
    """A machine with a disk, and sticks: what is "mounted" is what a test has put at the point already."""

    system: FakeSystem
    point: Path
    runner: ScriptedRunner = field(default_factory=ScriptedRunner)

    def add(self, name: str, *parts: str, port: int = 1, sectors: int = 2**20) -> None:
        folder = self.system.disk(name, USB.format(port=port), sectors=sectors, number=f"8:{port * 16}")
        for number, part in enumerate(parts, 1):
            self.system.partition(folder, part, number, start=2048, sectors=2**18, dev=f"8:{port * 16 + number}")

    def holds(self, name: str, kind: str, mounted: bool = True) -> None:
        asked = ("blkid", "--probe", "--match-tag", "TYPE", "--output", "value", f"/dev/{name}")
        self.runner.expect(*asked, stdout=f"{kind}\n")
        if mounted:
            self.runner.expect(*(part.format(kind=kind, name=name) for part in MOUNTING), str(self.point))
            self.runner.expect("umount", str(self.point))

    def look(self, *targets: str) -> Keys:
        found = keys_on_sticks(self.runner, frozenset(targets), root=self.system.root, point=self.point)
        assert self.runner.expected == []
        return found

    def refused(self, *targets: str) -> str:
        with pytest.raises(BadInput) as caught:
            self.look(*targets)
        assert self.runner.expected == [], "it is unmounted whatever is wrong"
        return str(caught.value)

    def write(self, path: str, content: str | bytes) -> None:
        file = self.point / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.fixture
def sticks(tmp_path: Path) -> Sticks:
    system = FakeSystem(tmp_path / "root")
    system.disk("sda", SATA)
    return Sticks(system, tmp_path / "point")


def test_keys_are_found_in_the_root_and_in_ssh_of_a_partition(sticks: Sticks) -> None:
    sticks.add("sdb", "sdb1")
    sticks.holds("sdb1", "vfat")
    sticks.write("Admin.PUB", SSH_KEY)
    sticks.write("._Admin.pub", "\0\5\x16\7")
    sticks.write("notes.txt", key(9))
    sticks.write(".ssh/authorized_keys", f"{SSH_KEY}\n{key(1)}\nbroken\n")

    found = sticks.look()

    assert found.keys == (SSH_KEY, key(1))
    assert found.where == "the USB stick (sdb1/Admin.PUB, sdb1/.ssh/authorized_keys)"
    assert [problem.where for problem in found.wrong] == ["sdb1/.ssh/authorized_keys, line 3"]


@pytest.mark.parametrize("kind", ["vfat", "iso9660", "udf"])
def test_a_stick_without_partitions_is_one_file_system(sticks: Sticks, kind: str) -> None:
    sticks.add("sdb")
    sticks.holds("sdb", kind)
    sticks.write("authorized_keys", SSH_KEY)

    assert sticks.look().keys == (SSH_KEY,)


@pytest.mark.parametrize("kind", ["ext4", "exfat", "ntfs", "btrfs"])
def test_what_a_look_might_change_is_not_mounted(sticks: Sticks, kind: str) -> None:
    sticks.add("sdb", "sdb1")
    sticks.holds("sdb1", kind, mounted=False)

    assert sticks.refused() == f"sdb1: holds {kind}; keys are looked for on FAT, ISO 9660 and UDF"


def test_neither_another_disk_nor_a_target_nor_what_is_in_use_is_opened(sticks: Sticks) -> None:
    sticks.add("sdb", "sdb1")
    sticks.add("sdc", "sdc1", port=2)
    sticks.add("sdd", port=3, sectors=0)
    medium = MOUNT.format(id=1, number="8:33", point="/run/trebol/medium", kind="vfat", source="/dev/sdc1")
    sticks.system.write("proc/self/mountinfo", medium)

    assert sticks.refused("sdb").startswith("There is no USB stick to look into.\n  → plug one in")
    assert sticks.runner.seen == []


def test_a_link_does_not_lead_out_of_the_stick(sticks: Sticks, tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host/authorized_keys").write_text(SSH_KEY)
    sticks.add("sdb", "sdb1")
    sticks.holds("sdb1", "iso9660")
    sticks.point.mkdir()
    (sticks.point / ".ssh").symlink_to(tmp_path / "host")
    (sticks.point / "authorized_keys").symlink_to(tmp_path / "host/authorized_keys")

    told = sticks.refused()

    assert told == "sdb1: has neither authorized_keys nor a .pub file, at its top or in .ssh"


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
def test_a_list_that_gives_no_key_is_told(sticks: Sticks, content: str | bytes, told: str) -> None:
    sticks.add("sdb", "sdb1")
    sticks.holds("sdb1", "vfat")
    sticks.write("authorized_keys", content)

    assert sticks.refused() == told


def test_keys_of_many_lists_are_no_more_than_of_one(sticks: Sticks) -> None:
    sticks.add("sdb", "sdb1")
    sticks.holds("sdb1", "vfat")
    for number in range(MOST + 1):
        sticks.write(f"{number}.pub", key(number))

    assert "holds more than 20 SSH keys" in sticks.refused()


def test_a_stick_that_cannot_be_mounted_does_not_hide_the_next_one(sticks: Sticks) -> None:
    sticks.add("sdb", "sdb1")
    sticks.add("sdc", "sdc1", port=2)
    asked = ("blkid", "--probe", "--match-tag", "TYPE", "--output", "value")
    sticks.runner.expect(*asked, "/dev/sdb1", stdout="vfat\n")
    mounting = (*(part.format(kind="vfat", name="sdb1") for part in MOUNTING), str(sticks.point))
    sticks.runner.expect(*mounting, stderr="mount: wrong fs type\n", status=32)
    sticks.holds("sdc1", "vfat")
    sticks.write("authorized_keys", SSH_KEY)

    found = sticks.look()

    assert found.keys == (SSH_KEY,)
    assert [str(problem) for problem in found.wrong] == ["/dev/sdb1: cannot be mounted: mount: wrong fs type"]
