"""Which of a machine's disks are, or could become, OSDs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trebol_hardware.checks.disks import FRAGILE, targets
from trebol_hardware.machine import BLUESTORE, LVM_MEMBER, SWAP, Content, Disk, Machine

#: ceph-volume names its volume groups ceph-UUID; older OSDs lie on partitions or whole disks.
_VOLUME_GROUPS = "ceph-"

#: Where the running system is mounted; swap as in lsblk(8).
_SYSTEM = frozenset({"/", "/boot", "/boot/efi", SWAP})

#: What a table of partitions is by itself: nothing that is worth keeping.
TABLES = frozenset({"gpt", "dos", "PMBR"})


@dataclass(frozen=True)
class OsdDisks:
    """A machine's disks from Ceph's point of view.

    `used` carry OSDs (or their WAL/DB) now; `free` are empty; `taken` hold something else; `shared` carry OSDs and
    something else. Of the free ones, one is kept for the system where nothing is installed yet.
    """

    used: tuple[Disk, ...]
    free: tuple[Disk, ...]
    taken: tuple[Disk, ...]
    shared: tuple[Disk, ...]

    @property
    def usable(self) -> tuple[Disk, ...]:
        """Used and free."""
        return (*self.used, *self.free)

    @property
    def for_data(self) -> tuple[Disk, ...]:
        """Those that count as OSDs: among hard disks, an SSD smaller than the smallest of them is for WAL/DB."""
        hard = [disk.size for disk in self.usable if disk.rotational]
        if not hard:
            return self.usable
        return tuple(disk for disk in self.usable if disk.rotational or disk.size >= min(hard))

    @property
    def for_journals(self) -> tuple[Disk, ...]:
        """SSDs that are left for WAL/DB of hard disks."""
        data = {id(disk) for disk in self.for_data}
        return tuple(disk for disk in self.usable if id(disk) not in data)


def osd_disks(machine: Machine) -> OsdDisks:
    """The disks of `machine`, sorted by what is on them."""
    there = [disk for disk in targets(machine) if not disk.removable and disk.transport not in FRAGILE]
    used = tuple(disk for disk in there if any(is_ceph(content) for content in _contents(disk)))
    empty = tuple(disk for disk in there if is_empty(disk))
    taken = tuple(disk for disk in there if disk not in used and disk not in empty)
    # Before the installation no disk is the system's: the smallest empty one will be.
    free = empty if taken or _has_root(machine) else _without_smallest(empty)
    shared = tuple(disk for disk in used if _is_shared(disk))
    return OsdDisks(used, free, taken, shared)


def is_empty(disk: Disk) -> bool:
    """Whether nothing is on a disk but, at most, an empty partition table."""
    return not (
        disk.partitions
        or disk.mountpoints
        or disk.holders
        or any(content.kind not in TABLES for content in disk.content)
    )


def _without_smallest(disks: tuple[Disk, ...]) -> tuple[Disk, ...]:
    if not disks:
        return ()
    smallest = min(disks, key=lambda disk: (disk.rotational, disk.size))
    return tuple(disk for disk in disks if disk is not smallest)


def _has_root(machine: Machine) -> bool:
    """Whether a disk carries the running system: fragile ones, which `osd_disks` leaves out, do as well."""
    return any(point in _SYSTEM for disk in machine.disks for point in _mountpoints(disk))


def _contents(disk: Disk) -> Iterator[Content]:
    yield from disk.content
    for partition in disk.partitions:
        yield from partition.content


def _mountpoints(disk: Disk) -> Iterator[str]:
    yield from disk.mountpoints
    for partition in disk.partitions:
        yield from partition.mountpoints


def is_ceph(content: Content) -> bool:
    """Whether it is an OSD's, or its WAL/DB's."""
    return content.kind == BLUESTORE or (content.kind == LVM_MEMBER and content.member_of.startswith(_VOLUME_GROUPS))


def _is_shared(disk: Disk) -> bool:
    others = [content for content in _contents(disk) if not is_ceph(content) and content.kind not in TABLES]
    return bool(others or any(_mountpoints(disk)))
