"""An installed Trebol is found and opened from the live system, and closed however it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.answer_files import GIB, made_machine

from trebol_common.errors import BadInput, Refused
from trebol_common.run import ScriptedRunner
from trebol_hardware.machine import Content, Disk, Partition
from trebol_installer.rescue import Installed, choose, find, opened


def disk(name: str, kind: str, *, uuid: str = "", group: str = "", system: str = "Trebol") -> Disk:
    """A disk of a node, whose third partition holds `kind`."""
    holds = (Content(kind, uuid=uuid, group_uuid=group),)
    parts = tuple(
        Partition(f"{name}{number}", number, number * GIB, GIB, holds if number == 3 else ()) for number in (1, 2, 3)
    )
    return Disk(name, 8 * GIB, by_id=(f"virtio-{name}",), partitions=parts, system=system)


MACHINE = made_machine(
    disk("vda", "linux_raid_member", uuid="1"),
    disk("vdb", "btrfs", uuid="2"),
    disk("vdc", "linux_raid_member", uuid="1"),
    disk("vdd", "ext4", system="Linux"),
    disk("vde", "LVM2_member", uuid="5", group="6"),
)


def test_disks_that_belong_together_are_one_system() -> None:
    found = find(MACHINE)

    assert [(system.kind, [each.name for each in system.disks]) for system in found] == [
        ("linux_raid_member", ["vda", "vdc"]),
        ("btrfs", ["vdb"]),
        ("LVM2_member", ["vde"]),
    ]
    assert found[0].devices == ("/dev/vda3", "/dev/vdc3")


@pytest.mark.parametrize(
    ("name", "told"),
    [(None, "there are several systems"), ("vdd", "there is no Trebol on it"), ("nvme9", "no Trebol")],
)
def test_which_system_has_to_be_clear(name: str | None, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        choose(find(MACHINE), name)
    assert choose(find(MACHINE), "virtio-vdc").kind == "linux_raid_member"


def bound(runner: ScriptedRunner, at: str) -> None:
    runner.expect("mount", "--make-private", at)
    for name in ("dev", "proc", "sys", "run"):
        runner.expect("mount", "--rbind", "--make-rslave", f"/{name}", f"{at}/{name}")
    runner.expect("chroot", at, "mount", "--all")


BLKID = ("blkid", "--probe", "--match-tag", "TYPE", "--output", "value")


def test_an_encrypted_group_on_an_array_is_opened_from_below_and_closed_from_above(tmp_path: Path) -> None:
    at = str(tmp_path / "at")
    runner = ScriptedRunner()
    array, opened_at = "/dev/md/trebol", "/dev/mapper/trebol-crypt"
    runner.expect("mdadm", "--assemble", "--run", "--readonly", array, "/dev/vda3")
    runner.expect("mdadm", "--readwrite", array)
    runner.expect(*BLKID, array, stdout="crypto_LUKS\n")
    runner.expect("cryptsetup", "open", "--key-file=-", array, "trebol-crypt")
    runner.expect(*BLKID, opened_at, stdout="LVM2_member\n")
    runner.expect("vgchange", "--devices", opened_at, "--activate", "y", "trebol")
    runner.expect("mount", "/dev/trebol/root", at)
    bound(runner, at)
    for command in (
        ("umount", "--recursive", at),
        ("udevadm", "settle"),
        ("vgchange", "--devices", opened_at, "--activate", "n", "trebol"),
        ("cryptsetup", "close", "trebol-crypt"),
        ("mdadm", "--stop", array),
    ):
        runner.expect(*command)
    asked: list[str] = []

    def ask(device: str) -> str:
        asked.append(device)
        return "four words"

    system = Installed("linux_raid_member", (disk("vda", "linux_raid_member"),))

    with opened(system, runner, ask, Path(at)) as root:
        assert root == Path(at)

    assert asked == [array]
    assert not runner.expected, "all that was opened is closed"


def test_a_pool_is_imported_without_mounting_what_it_holds(tmp_path: Path) -> None:
    at = str(tmp_path)
    runner = ScriptedRunner()
    for _ in range(2):
        runner.expect(*BLKID, "/dev/vda3", stdout="zfs_member\n")
    runner.expect("modprobe", "zfs")
    runner.expect("zpool", "import", "-d", "/dev/vda3", "-f", "-N", "-R", at, "rpool")
    runner.expect("zfs", "get", "-H", "-o", "value", "keystatus", "rpool", stdout="-\n")
    runner.expect("zfs", "mount", "rpool/ROOT/trebol")
    bound(runner, at)
    runner.expect("umount", "--recursive", at)
    runner.expect("zpool", "export", "rpool")

    with opened(Installed("zfs_member", (disk("vda", "zfs_member"),)), runner, str, Path(at)):
        pass

    assert not runner.expected


def test_a_wrong_passphrase_is_told_and_nothing_stays_open(tmp_path: Path) -> None:
    runner = ScriptedRunner()
    runner.expect(*BLKID, "/dev/vda3", stdout="crypto_LUKS\n")
    runner.expect("cryptsetup", "open", "--key-file=-", "/dev/vda3", "trebol-crypt", status=2)

    with (
        pytest.raises(Refused, match="the passphrase does not open it"),
        opened(Installed("crypto_LUKS", (disk("vda", "crypto_LUKS"),)), runner, lambda _: "no", tmp_path),
    ):
        raise AssertionError("it was opened")

    assert not runner.expected
