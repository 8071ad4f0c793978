"""Whether several disks go together in one layout: pure.

Members that hold copies or parity of each other count as large as the smallest; more than a tenth of difference is
refused, as in Proxmox VE's installer (Install.pm, zfs_mirror_size_check).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from trebol_common.answers.model import DiskSetup, Filesystem
from trebol_common.errors import Problem
from trebol_common.i18n import _
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
                _("has the world wide name {wwn} of {path} ({name}) too: they are two paths to one disk").format(
                    wwn=first.wwn, path=first.stable_path, name=first.name
                ),
                f"{second.stable_path} ({second.name})",
                _("choose one of them, and unplug the other path"),
            )
    if rule(setup).alike and (sizes := _sizes(disks, setup)):
        least, most = min(sizes), max(sizes)
        if (most - least) * 100 > most * TOLERANCE:
            shown = ", ".join(f"{disk.stable_path}: {show_size(disk.size)}" for disk in disks)
            yield Problem(
                _("{layout} wants disks of one size, within {percent} %; these have {sizes}").format(
                    layout=show_layout(setup), percent=TOLERANCE, sizes=shown
                ),
                "disk-setup",
                _("choose others, or use a part of each: {key}, at most the size of the smallest").format(
                    key=f"{_table(setup)}.hdsize"
                ),
            )


def member_notes(disks: Sequence[Disk], setup: DiskSetup) -> tuple[str, ...]:
    """What there is to say about disks of different sizes that are allowed all the same."""
    sizes = _sizes(disks, setup)
    if len(set(sizes)) < 2:
        return ()
    smallest = min(disks, key=lambda disk: disk.size)
    text = _(
        "the disks differ in size ({least} to {most}): of each, as much is used as the smallest has ({smallest})"
    )
    return (text.format(least=show_size(min(sizes)), most=show_size(max(sizes)), smallest=smallest.name),)


def _sizes(disks: Sequence[Disk], setup: DiskSetup) -> list[int]:
    """What is asked of each disk, in bytes: beyond hdsize no difference counts."""
    most = setup.hdsize
    return [disk.size if most is None else min(disk.size, int(most * _GIB)) for disk in disks]


def _table(setup: DiskSetup) -> str:
    return setup.filesystem.value if setup.filesystem in (Filesystem.BTRFS, Filesystem.ZFS) else "lvm"
