"""Layouts: what becomes of one disk or of several, so that each of them boots and nothing overlaps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.answer_files import GIB, answers

from trebol_common.answers.model import Filesystem, MdRaid
from trebol_common.errors import Refused
from trebol_hardware.machine import Disk
from trebol_installer import steps
from trebol_installer.layout import Layout, Request, choose
from trebol_installer.sizing import ALIGNMENT, ARRAY_OFFSET, EXTENT, MIB
from trebol_installer.steps import PartitionKind, PartitionRef


def disks(number: int, size: int = 40 * GIB) -> tuple[Disk, ...]:
    return tuple(Disk(f"vd{'abcdefgh'[n]}", size, serial=f"d{n}", by_id=(f"virtio-d{n}",)) for n in range(number))


def layout(filesystem: str, targets: tuple[Disk, ...], **wishes: str) -> Layout:
    """The layout of `wishes` (`lvm_raid`, `btrfs_raid`, …) on these disks of a machine of 4 GiB."""
    family = "lvm" if filesystem in ("ext4", "xfs") else filesystem
    changes = [(f"disk-setup.{family}.{key}", value) for key, value in wishes.items()]
    setup = answers(("disk-setup.filesystem", filesystem), *changes).disk_setup
    return choose(Request(targets, setup, memory=4 * GIB, unpacked=2 * GIB))


#: Filesystem, disks, wishes → the third partition's kind, the first steps, the title.
LAYOUTS: list[tuple[str, int, dict[str, str], PartitionKind, list[str], str]] = [
    ("ext4", 1, {}, PartitionKind.LVM, ["create-volume-group"], "ext4 on LVM"),
    ("xfs", 1, {}, PartitionKind.LVM, ["create-volume-group"], "xfs on LVM"),
    (
        *("ext4", 2, {"raid": "raid1"}, PartitionKind.RAID),
        *(["create-array", "create-volume-group"], "ext4 on LVM on md RAID 1 of 2 disks"),
    ),
    (
        *("xfs", 4, {"raid": "raid10"}, PartitionKind.RAID),
        *(["create-array", "create-volume-group"], "xfs on LVM on md RAID 10 of 4 disks"),
    ),
    ("btrfs", 1, {"raid": "raid0"}, PartitionKind.BTRFS, ["make-btrfs"], "btrfs, single"),
    ("btrfs", 2, {"raid": "raid0"}, PartitionKind.BTRFS, ["make-btrfs"], "btrfs, RAID 0 of 2 disks"),
    ("btrfs", 2, {"raid": "raid1"}, PartitionKind.BTRFS, ["make-btrfs"], "btrfs, RAID 1 of 2 disks"),
    ("btrfs", 4, {"raid": "raid10"}, PartitionKind.BTRFS, ["make-btrfs"], "btrfs, RAID 10 of 4 disks"),
]


@pytest.mark.parametrize(("filesystem", "number", "wishes", "kind", "first", "title"), LAYOUTS)
def test_every_layout_begins_on_its_third_partitions_and_ends_with_a_mounted_root(
    filesystem: str, number: int, wishes: dict[str, str], kind: PartitionKind, first: list[str], title: str
) -> None:
    made = layout(filesystem, disks(number), **wishes)

    names = [steps.step_name(step) for step in made.build]
    assert names[: len(first)] == first
    assert isinstance(made.build[-1], steps.MountTarget) and made.build[-1].at == "/"
    assert [partition.kind for partition in made.partitions] == [PartitionKind.BIOS_BOOT, PartitionKind.ESP, kind]
    assert made.title == title
    assert made.mounts[0].at == "/"


@pytest.mark.parametrize("raid", list(MdRaid))
def test_an_array_takes_the_third_partition_of_every_disk_and_carries_the_volumes(raid: MdRaid) -> None:
    made = layout("ext4", disks(4), raid=raid.value)

    array, group = made.build[0], made.build[1]
    assert isinstance(array, steps.CreateArray) and isinstance(group, steps.CreateVolumeGroup)
    assert array.members == tuple(PartitionRef(f"/dev/disk/by-id/virtio-d{n}", 3) for n in range(4))
    assert array.level == raid.value
    assert group.device == array.path
    assert {step.device for step in made.build if isinstance(step, steps.CreateVolume)} == {array.path}


def test_the_smallest_disk_says_how_large_partitions_are() -> None:
    small, large = disks(1, 40 * GIB)[0], disks(2, 44 * GIB)[1]

    made = layout("ext4", (large, small), raid="raid1")

    assert made.partitions[-1].start + made.partitions[-1].size <= 40 * GIB - MIB


def test_btrfs_tells_the_kernel_its_subvolume_and_keeps_guests_apart_from_the_root() -> None:
    made = layout("btrfs", disks(2), raid="raid1", compress="zstd")

    assert made.words == ("rootflags=subvol=@", "rootfstype=btrfs")
    assert made.root == PartitionRef("/dev/disk/by-id/virtio-d0", 3)
    assert [(mount.at, mount.options) for mount in made.mounts] == [
        ("/", ("subvol=@", "compress=zstd")),
        ("/var/lib/trebol/data", ("subvol=data", "compress=zstd")),
    ]
    (pool,) = [step for step in made.build if isinstance(step, steps.MakeBtrfs)]
    assert (pool.data, pool.metadata, pool.subvolumes) == ("raid1", "raid1", ("@", "data"))


def test_disks_with_sectors_of_two_sizes_are_refused() -> None:
    first, second = disks(2)
    with pytest.raises(Refused, match="sectors of different sizes"):
        layout("ext4", (first, Disk("sdb", 40 * GIB, logical_sector=4096, by_id=("b",))), raid="raid1")


@given(
    filesystem=st.sampled_from([Filesystem.EXT4, Filesystem.XFS, Filesystem.BTRFS]),
    raid=st.sampled_from(["raid1", "raid10"]),
    number=st.sampled_from([4, 6, 8]),
    size=st.integers(min_value=7 * GIB, max_value=20_000 * GIB),
)
def test_whatever_the_disks_sizes_add_up(filesystem: Filesystem, raid: str, number: int, size: int) -> None:
    try:
        made = layout(filesystem.value, disks(number, size), raid=raid)
    except Refused:
        return
    end = ALIGNMENT
    for partition in made.partitions:
        assert partition.start >= end and partition.start % ALIGNMENT == 0 and partition.size % ALIGNMENT == 0
        end = partition.start + partition.size
    assert end + ALIGNMENT <= size
    volumes = [step for step in made.build if isinstance(step, steps.CreateVolume)]
    pools = [step for step in made.build if isinstance(step, steps.CreateThinPool)]
    if filesystem is not Filesystem.BTRFS:
        stripes = number // 2 if raid == "raid10" else 1
        array = (made.partitions[-1].size - ARRAY_OFFSET) * stripes
        used = sum(step.size for step in volumes) + sum(step.size + 2 * step.metadata for step in pools)
        assert used <= array - ALIGNMENT and used % EXTENT == 0
