"""From recorded machines to servers: which disks would hold data, and why the others not."""

from __future__ import annotations

from collections.abc import Sequence

from trebol_common.i18n import _
from trebol_hardware.machine import LVM_MEMBER, Content, Disk, Machine
from trebol_hardware.sizing.cluster import DataDisk, Media, Server

#: ceph-volume names its volume groups "ceph-…"; BlueStore on a bare disk is known to blkid.
_CEPH_GROUP = "ceph-"
_CEPH_KIND = "ceph_bluestore"


def server(machine: Machine, name: str) -> tuple[Server, list[str]]:
    """The server that a machine is, and notes for people on each disk that was left out.

    Data disks are fixed disks that are empty or hold Ceph's data already. Where every disk of the machine is such a
    one, the smallest is kept for the system: no disk is shared with it (the brief). Cores are physical; NIC ports
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
    fixed = [disk for disk in machine.disks if not (disk.medium or disk.removable or disk.read_only)]
    if taken and len(taken) == len(fixed):
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


def _left_out(disk: Disk) -> str:
    if disk.medium:
        return _("installation medium")
    if disk.removable:
        return _("removable")
    if disk.read_only:
        return _("read-only")
    contents = [*disk.content, *(content for part in disk.partitions for content in part.content)]
    if contents and all(_is_ceph(content) for content in contents):
        return ""
    if contents or disk.partitions or disk.mountpoints or disk.holders:
        return _("not empty: {what}").format(what=_held(disk, contents))
    return ""


def _is_ceph(content: Content) -> bool:
    return content.kind == _CEPH_KIND or (content.kind == LVM_MEMBER and content.member_of.startswith(_CEPH_GROUP))


def _held(disk: Disk, contents: Sequence[Content]) -> str:
    words = [content.kind for content in contents] or [part.name for part in disk.partitions]
    words = words or [*disk.mountpoints, *disk.holders]
    return ", ".join(dict.fromkeys(words))
