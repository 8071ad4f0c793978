"""From recorded machines to servers: which disks would hold data, and why the others not."""

from __future__ import annotations

from collections.abc import Sequence

from trebol_common.i18n import _
from trebol_hardware.checks.disks import FRAGILE, MINIMUM_SIZE
from trebol_hardware.checks.osd_disks import TABLES, is_ceph, is_empty
from trebol_hardware.machine import Content, Disk, Machine
from trebol_hardware.sizing.cluster import DataDisk, Media, Server


def server(machine: Machine, name: str) -> tuple[Server, list[str]]:
    """The server that a machine is, and notes for people on each disk that was left out.

    Data disks are fixed disks that are empty (but for a partition table) or hold Ceph's data already; sticks, cards
    and disks that are too small for a node are none. Where nothing is on any other disk of the machine, the smallest
    is kept for the system: no disk is shared with it (the brief). Cores are physical; NIC ports
    count at their link's speed, or what they can do where there is no link now.
    """
    notes: list[str] = []
    taken: list[Disk] = []
    for disk in machine.disks:
        why = _left_out(disk)
        if why:
            notes.append(_("{server}: {disk} left out: {why}").format(server=name, disk=disk.name, why=why))
        else:
            taken.append(disk)
    others = (disk for disk in machine.disks if disk not in taken and not _comes_and_goes(disk))
    if taken and all(is_empty(disk) for disk in others):
        system = min(taken, key=lambda disk: disk.size)
        taken.remove(system)
        notes.append(_("{server}: {disk} kept for the system").format(server=name, disk=system.name))
    speeds = [interface.speed or interface.fastest for interface in machine.interfaces]
    return Server(
        name=name,
        disks=tuple(DataDisk(disk.size, Media.HDD if disk.rotational else Media.SSD) for disk in taken),
        memory=machine.memory or None,
        cores=machine.processor.cores or None,
        nics=tuple(speed * 10**6 for speed in speeds if speed),
    ), notes


def _comes_and_goes(disk: Disk) -> bool:
    return disk.medium or disk.removable or disk.read_only


def _left_out(disk: Disk) -> str:
    if disk.medium:
        return _("installation medium")
    if disk.removable:
        return _("removable")
    if disk.read_only:
        return _("read-only")
    if disk.transport in FRAGILE:
        return _("on USB, or a card")
    if disk.size < MINIMUM_SIZE:
        return _("smaller than 8 GiB")
    if is_empty(disk):
        return ""
    contents = [*disk.content, *(content for part in disk.partitions for content in part.content)]
    held = [content for content in contents if content.kind not in TABLES]
    if held and all(is_ceph(content) for content in held):
        return ""
    return _("not empty: {what}").format(what=_held(disk, held))


def _held(disk: Disk, contents: Sequence[Content]) -> str:
    words = [content.kind for content in contents] or [part.name for part in disk.partitions]
    words = words or [*disk.mountpoints, *disk.holders]
    return ", ".join(dict.fromkeys(words))
