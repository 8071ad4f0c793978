"""Whether several disks go together in one layout: pure.

Members that hold copies or parity of each other count as large as the smallest; more than a tenth of difference is
refused, as in Proxmox VE's installer (Install.pm, zfs_mirror_size_check).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from trebol_common.answers.model import DiskSetup, Filesystem
from trebol_common.errors import Problem
from trebol_hardware.alike import is_same
from trebol_hardware.machine import Disk
from trebol_hardware.sizes import show_size
from trebol_installer.layout_rules import rule, show_layout

#: Members of a mirror may differ by this share of the largest, in percent.
TOLERANCE = 10

_GIB = 1024**3


def member_problems(disks: Sequence[Disk], setup: DiskSetup) -> Iterator[Problem]:
    """Why the disks cannot be members of one layout: one disk by two paths, sizes too far apart."""
    for first, second in combinations(disks, 2):
        if is_same(first, second):
            yield Problem(
                f"has the world wide name {first.wwn} of {first.stable_path} ({first.name}) too: they are two paths "
                "to one disk",
                f"{second.stable_path} ({second.name})",
                "choose one of them, and unplug the other path",
            )
    if rule(setup).alike and (sizes := _sizes(disks, setup)):
        least, most = min(sizes), max(sizes)
        if (most - least) * 100 > most * TOLERANCE:
            shown = ", ".join(f"{disk.stable_path}: {show_size(disk.size)}" for disk in disks)
            yield Problem(
                f"{show_layout(setup)} wants disks of one size, within {TOLERANCE} %; these have {shown}",
                "disk-setup",
                f"choose others, or use a part of each: {_table(setup)}.hdsize, at most the size of the smallest",
            )


def member_notes(disks: Sequence[Disk], setup: DiskSetup) -> tuple[str, ...]:
    """What there is to say about disks of different sizes that are allowed all the same."""
    sizes = _sizes(disks, setup)
    if len(set(sizes)) < 2:
        return ()
    smallest = min(disks, key=lambda disk: disk.size)
    return (
        f"the disks differ in size ({show_size(min(sizes))} to {show_size(max(sizes))}): of each, as much is used as "
        f"the smallest has ({smallest.name})",
    )


def _sizes(disks: Sequence[Disk], setup: DiskSetup) -> list[int]:
    """What is asked of each disk, in bytes: beyond hdsize no difference counts."""
    most = setup.hdsize
    return [disk.size if most is None else min(disk.size, int(most * _GIB)) for disk in disks]


def _table(setup: DiskSetup) -> str:
    return setup.filesystem.value if setup.filesystem in (Filesystem.BTRFS, Filesystem.ZFS) else "lvm"
