"""How many disks each layout wants, and which of them have to be of one size: a table. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from trebol_common.answers.model import BtrfsRaid, DiskSetup, Filesystem, MdRaid, ZfsRaid
from trebol_common.i18n import _, counted

#: The volume group of a node.
VOLUME_GROUP = "trebol"

#: The md array that it lies on, where there is one.
ARRAY = f"/dev/md/{VOLUME_GROUP}"

#: The LUKS container that it lies in, where there is one; with a number each, those of a btrfs.
CONTAINER = f"{VOLUME_GROUP}-crypt"

#: The ZFS pool of a node, where it has one.
POOL = "rpool"


@dataclass(frozen=True)
class DiskCount:
    """A number of disks: at least `least`, at most `most` (None: any), a multiple of `multiple`."""

    least: int
    most: int | None = None
    multiple: int = 1

    def allows(self, number: int) -> bool:
        """Whether it is met."""
        return number >= self.least and (self.most is None or number <= self.most) and number % self.multiple == 0

    def __str__(self) -> str:
        if self.most == self.least:
            return counted("{count} disk", "{count} disks", self.least)
        if self.multiple > 1:
            numbers = ", ".join(str(self.least + step * self.multiple) for step in range(3))
            return _("{numbers}, … disks").format(numbers=numbers)
        return counted("{count} disk or more", "{count} disks or more", self.least)


@dataclass(frozen=True)
class LayoutRule:
    """What a layout wants of its disks. `alike`: they hold copies or parity of each other; the smallest counts."""

    disks: DiskCount
    alike: bool = False


Raid = MdRaid | BtrfsRaid | ZfsRaid

_PAIRS = DiskCount(4, multiple=2)

#: By file system (ext4 stands for xfs too) and RAID level; None: LVM on one disk. Numbers of Proxmox VE's installer
#: (Install.pm: get_zfs_raid_setup, get_btrfs_raid_setup); md RAID is ours. RAID 10 of btrfs pairs up pieces of disks,
#: not disks, so that it takes an odd number.
RULES: dict[tuple[Filesystem, Raid | None], LayoutRule] = {
    (Filesystem.EXT4, None): LayoutRule(DiskCount(1, 1)),
    (Filesystem.EXT4, MdRaid.RAID1): LayoutRule(DiskCount(2), alike=True),
    (Filesystem.EXT4, MdRaid.RAID10): LayoutRule(_PAIRS, alike=True),
    (Filesystem.BTRFS, BtrfsRaid.RAID0): LayoutRule(DiskCount(1)),
    (Filesystem.BTRFS, BtrfsRaid.RAID1): LayoutRule(DiskCount(2), alike=True),
    (Filesystem.BTRFS, BtrfsRaid.RAID10): LayoutRule(DiskCount(4), alike=True),
    (Filesystem.ZFS, ZfsRaid.RAID0): LayoutRule(DiskCount(1)),
    (Filesystem.ZFS, ZfsRaid.RAID1): LayoutRule(DiskCount(2), alike=True),
    (Filesystem.ZFS, ZfsRaid.RAID10): LayoutRule(_PAIRS, alike=True),
    (Filesystem.ZFS, ZfsRaid.RAIDZ1): LayoutRule(DiskCount(3), alike=True),
    (Filesystem.ZFS, ZfsRaid.RAIDZ2): LayoutRule(DiskCount(4), alike=True),
    (Filesystem.ZFS, ZfsRaid.RAIDZ3): LayoutRule(DiskCount(5), alike=True),
}


def rule(setup: DiskSetup) -> LayoutRule:
    """What the layout that the answers ask for wants of its disks."""
    filesystem = Filesystem.EXT4 if setup.filesystem is Filesystem.XFS else setup.filesystem
    return RULES[filesystem, raid(setup)]


def raid(setup: DiskSetup) -> Raid | None:
    """The RAID level, from the table of the file system."""
    match setup.filesystem:
        case Filesystem.BTRFS:
            assert setup.btrfs is not None
            return setup.btrfs.raid
        case Filesystem.ZFS:
            assert setup.zfs is not None
            return setup.zfs.raid
        case Filesystem.EXT4 | Filesystem.XFS:
            return setup.lvm.raid


def show_layout(setup: DiskSetup) -> str:
    """The layout in the words of the answer file: `ext4`, `xfs with lvm.raid = "raid1"`, `zfs with zfs.raid = …`."""
    level = raid(setup)
    if level is None:
        return setup.filesystem.value
    table = setup.filesystem.value if setup.filesystem in (Filesystem.BTRFS, Filesystem.ZFS) else "lvm"
    return _('{filesystem} with {key} = "{level}"').format(
        filesystem=setup.filesystem.value, key=f"{table}.raid", level=level.value
    )
