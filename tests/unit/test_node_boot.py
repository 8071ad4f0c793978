"""`trebol node boot-sync` writes to a mounted boot partition and to nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from trebol_common.errors import BadInput, Refused
from trebol_common.esp import Synchronised
from trebol_common.run import ScriptedRunner
from trebol_common.unfinished import UNFINISHED
from trebol_installer.execute.partition import write_table
from trebol_installer.steps import PartitionKind, PlannedPartition
from trebol_node.boot import BEHIND, boot_sync, describe, require_mounted

DEBIAN = Path(__file__).parents[2] / "debian"

LINE = "{id} 1 8:1 / {point} {options} shared:1 - {kind} /dev/sda2 rw\n"


def mountinfo(*mounts: tuple[str, str, str]) -> str:
    return "".join(
        LINE.format(id=index, point=point, kind=kind, options=options)
        for index, (point, kind, options) in enumerate(mounts)
    )


@pytest.mark.parametrize(
    ("mounts", "reason"),
    [
        ((), "is not a mount point"),
        ((("/boot", "vfat", "rw"),), "is not a mount point"),
        ((("/boot/efi", "autofs", "rw"),), "is not a mount point"),
        ((("/boot/efi", "ext4", "rw"),), "holds ext4, not FAT"),
        ((("/boot/efi", "vfat", "rw"), ("/boot/efi", "tmpfs", "rw")), "holds tmpfs, not FAT"),
        ((("/boot/efi", "vfat", "ro,relatime"),), "read-only"),
    ],
)
def test_anything_but_a_writable_boot_partition_is_refused(
    mounts: tuple[tuple[str, str, str], ...], reason: str
) -> None:
    with pytest.raises(Refused, match=reason) as caught:
        require_mounted(mountinfo(("/", "ext4", "rw"), *mounts))
    assert caught.value.problems[0].where == "/boot/efi"


@pytest.mark.parametrize(
    "mounts", [(("/boot/efi", "vfat", "rw,relatime"),), (("/boot/efi", "autofs", "rw"), ("/boot/efi", "vfat", "rw"))]
)
def test_a_mounted_boot_partition_is_accepted(mounts: tuple[tuple[str, str, str], ...]) -> None:
    require_mounted(mountinfo(*mounts))


def test_kernel_and_initramfs_reach_the_boot_partition(tmp_path: Path) -> None:
    files = {
        "proc/self/mountinfo": mountinfo(("/boot/efi", "vfat", "rw")),
        "boot/vmlinuz-6.12.1-amd64": "kernel",
        "boot/initrd.img-6.12.1-amd64": "initramfs",
        "etc/trebol/kernel-cmdline": "root=/dev/mapper/trebol-root ro",
        "boot/efi/kernel/6.1.0-amd64/vmlinuz": "old",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    first = list(boot_sync(tmp_path))
    second = list(boot_sync(tmp_path))

    assert (tmp_path / "boot/efi/kernel/6.12.1-amd64/initrd.img").read_text() == "initramfs"
    assert not (tmp_path / "boot/efi/kernel/6.1.0-amd64").exists()
    assert "removed kernel/6.1.0-amd64" in first
    assert second[:2] == ["up to date", "kernels: 6.12.1-amd64"]


def several(root: Path, *there: str) -> None:
    """A node with two boot partitions, of which those `there` are; each is a device by UUID."""
    files = {
        "proc/self/mountinfo": "30 1 254:2 / /boot/efi rw - vfat /dev/vda2 rw\n" if "AAAA-0001" in there else "",
        "boot/vmlinuz-6.12.1-amd64": "kernel",
        "boot/initrd.img-6.12.1-amd64": "initramfs",
        "etc/trebol/kernel-cmdline": "root=/dev/mapper/trebol-root ro",
        "etc/trebol/boot-partitions": "# comment\nAAAA-0001\nBBBB-0002\n",
        "dev/vda2": "",
        "dev/vdb2": "",
        "dev/disk/by-uuid/none": "",
        "boot/efi/.mounted": "",
    }
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    for identity, device in (("AAAA-0001", "vda2"), ("BBBB-0002", "vdb2")):
        if identity in there:
            (root / "dev/disk/by-uuid" / identity).symlink_to(root / "dev" / device)


def test_every_boot_partition_is_brought_up_to_date_and_what_was_mounted_for_it_is_unmounted(tmp_path: Path) -> None:
    several(tmp_path, "AAAA-0001", "BBBB-0002")
    other = tmp_path / "run/trebol/boot"
    runner = ScriptedRunner()
    runner.expect(
        *("mount", "-t", "vfat", "-o", "umask=0077,nodev,nosuid,noexec", str(tmp_path / "dev/vdb2"), str(other))
    )
    runner.expect("umount", str(other))

    told = list(boot_sync(tmp_path, runner))

    assert (tmp_path / "boot/efi/kernel/6.12.1-amd64/vmlinuz").read_text() == "kernel"
    assert (other / "kernel/6.12.1-amd64/vmlinuz").read_text() == "kernel"
    assert {line.split(": ")[0] for line in told} == {"AAAA-0001", "BBBB-0002"}
    assert not runner.expected


def test_a_node_that_runs_is_finished_whatever_its_installer_could_still_say(tmp_path: Path) -> None:
    several(tmp_path, "AAAA-0001")
    disk = tmp_path / "dev/vda"
    with disk.open("wb") as stream:
        stream.truncate(16 * 2**20)
    write_table(disk, (PlannedPartition(1, PartitionKind.BIOS_BOOT, 2**20, 2**20),))
    (tmp_path / "sys/devices/vda/vda2").mkdir(parents=True)
    (tmp_path / "sys/devices/vda/vda2/partition").write_text("2\n")
    (tmp_path / "sys/class/block").mkdir(parents=True)
    (tmp_path / "sys/class/block/vda2").symlink_to(tmp_path / "sys/devices/vda/vda2")

    assert "vda: the installation is marked as finished" in list(boot_sync(tmp_path, ScriptedRunner()))
    assert "vda: the installation is marked as finished" not in list(boot_sync(tmp_path, ScriptedRunner()))


def test_a_missing_disk_is_told_and_the_others_are_brought_up_to_date(tmp_path: Path) -> None:
    several(tmp_path, "BBBB-0002")
    other = tmp_path / "run/trebol/boot"
    runner = ScriptedRunner()
    runner.expect(
        *("mount", "-t", "vfat", "-o", "umask=0077,nodev,nosuid,noexec", str(tmp_path / "dev/vdb2"), str(other))
    )
    runner.expect("umount", str(other))

    told = list(boot_sync(tmp_path, runner))

    assert told[-1] == "warning: AAAA-0001 is not there: its disk is missing, and will not boot what is new"
    assert (other / "kernel/6.12.1-amd64/vmlinuz").is_file()


def test_one_boot_partition_that_cannot_be_written_does_not_keep_the_others_back(tmp_path: Path) -> None:
    several(tmp_path, "AAAA-0001", "BBBB-0002")
    other = tmp_path / "run/trebol/boot"
    runner = ScriptedRunner()
    runner.expect(
        *("mount", "-t", "vfat", "-o", "umask=0077,nodev,nosuid,noexec", str(tmp_path / "dev/vdb2"), str(other)),
        status=32,
        stderr="wrong fs type",
    )

    told = list(boot_sync(tmp_path, runner))

    assert (tmp_path / "boot/efi/kernel/6.12.1-amd64/vmlinuz").read_text() == "kernel"
    assert told[-1].startswith("warning: BBBB-0002 cannot be written, and will not boot what is new")


def test_a_boot_partition_that_turned_itself_read_only_is_mounted_anew(tmp_path: Path) -> None:
    several(tmp_path, "AAAA-0001", "BBBB-0002")
    (tmp_path / "proc/self/mountinfo").write_text("30 1 254:2 / /boot/efi rw - vfat /dev/vda2 ro,errors=remount-ro\n")
    other = tmp_path / "run/trebol/boot"
    runner = ScriptedRunner()
    for device in ("vda2", "vdb2"):
        source = str(tmp_path / "dev" / device)
        runner.expect("mount", "-t", "vfat", "-o", "umask=0077,nodev,nosuid,noexec", source, str(other))
        runner.expect("umount", str(other))

    list(boot_sync(tmp_path, runner))

    assert not runner.expected


def test_what_stayed_behind_is_remembered_until_it_is_up_to_date(tmp_path: Path) -> None:
    several(tmp_path, "AAAA-0001")
    behind = tmp_path / "var/lib/trebol/boot-partitions-behind"
    list(boot_sync(tmp_path, ScriptedRunner()))
    assert behind.exists()

    (tmp_path / "dev/disk/by-uuid/BBBB-0002").symlink_to(tmp_path / "dev/vdb2")
    runner = ScriptedRunner()
    other = str(tmp_path / "run/trebol/boot")
    device = str(tmp_path / "dev/vdb2")
    runner.expect("mount", "-t", "vfat", "-o", "umask=0077,nodev,nosuid,noexec", device, other)
    runner.expect("umount", other)
    list(boot_sync(tmp_path, runner))
    assert not behind.exists()


def test_the_next_boot_tries_again_where_something_stayed_behind() -> None:
    lines = (DEBIAN / "trebol.trebol-boot-sync.service").read_text().splitlines()
    assert f"ConditionPathExists=|{BEHIND}" in lines
    assert f"ConditionPathExists=|/dev/disk/by-partlabel/{UNFINISHED}" in lines
    assert "ExecStart=/usr/bin/trebol node boot-sync" in lines
    assert "\tdh_installsystemd --name=trebol-boot-sync\n" in (DEBIAN / "rules").read_text()


def test_without_any_of_its_boot_partitions_a_node_says_so(tmp_path: Path) -> None:
    several(tmp_path)
    with pytest.raises(Refused, match="no boot partition is there: AAAA-0001, BBBB-0002"):
        list(boot_sync(tmp_path))


def test_a_line_that_is_no_uuid_is_told(tmp_path: Path) -> None:
    several(tmp_path, "AAAA-0001")
    (tmp_path / "etc/trebol/boot-partitions").write_text("AAAA-0001\n/dev/sda2\n")
    with pytest.raises(BadInput, match="'/dev/sda2' is no UUID"):
        list(boot_sync(tmp_path))


def test_what_was_done_is_told_line_by_line() -> None:
    done = Synchronised(("2", "1"), ("kernel/2/vmlinuz",), ("kernel/0",), ("no shim",))
    assert list(describe(done)) == [
        "copied kernel/2/vmlinuz",
        "removed kernel/0",
        "kernels: 2, 1",
        "warning: no shim",
    ]
