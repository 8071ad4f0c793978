"""What lies on a disk, in words for people."""

from __future__ import annotations

from collections.abc import Iterator

from trebol_common.i18n import _
from trebol_hardware.machine import (
    ARRAY_MEMBER,
    BCACHE,
    BLUESTORE,
    DDF_MEMBER,
    INTEL_MEMBER,
    LUKS,
    LVM_MEMBER,
    MULTIPATH_MEMBER,
    ZFS_MEMBER,
    Content,
    Disk,
    Machine,
    Volume,
    VolumeKind,
)
from trebol_hardware.sizes import show_size
from trebol_hardware.stack import volumes_on

#: Kinds of content that have names of their own, by blkid's.
_NAMES = {
    "gpt": "GPT",
    "dos": "MBR",
    LUKS: "LUKS",
    INTEL_MEMBER: "Intel RST",
    DDF_MEMBER: "DDF RAID",
    MULTIPATH_MEMBER: "multipath",
    "VMFS_volume_member": "VMFS",
    "ntfs": "NTFS",
    "vfat": "FAT",
    "exfat": "exFAT",
    "apfs": "APFS",
}


def phrase(content: Content) -> str:
    """One thing on a disk: “ext4 "data", 12.0 GiB of 98.0 GiB used”, “LVM group pve”, “Ceph osd.3 of cluster …”."""
    name = content.member_of
    match content.kind:
        case kind if kind == LVM_MEMBER:
            return _("LVM group {name}").format(name=name) if name else _("LVM, without a group that is known")
        case kind if kind == ARRAY_MEMBER:
            return _("member of RAID array {name}").format(name=name or content.group_uuid)
        case kind if kind == ZFS_MEMBER:
            return _("ZFS pool {name} (guid {guid})").format(name=name or "?", guid=content.group_uuid or "?")
        case kind if kind == BLUESTORE:
            return _osd(content)
        case kind if kind == BCACHE:
            return _("bcache set {name}").format(name=content.group_uuid) if content.group_uuid else "bcache"
        case "unreadable":
            return _("cannot be read")
    said = _NAMES.get(content.kind, content.kind)
    if content.label:
        said += f' "{content.label}"'
    usage = _usage(content)
    return f"{said}, {usage}" if usage else said


def held(disk: Disk, machine: Machine) -> Iterator[str]:
    """What a disk holds, a phrase for each thing that is worth one: its system, its contents, its partitions'.

    Nothing for an empty disk; a partition table without partitions is something.
    """
    if disk.system:
        yield _("seems to be: {system}").format(system=disk.system)
    table_alone = not disk.partitions
    for content in disk.content:
        if table_alone or content.kind not in ("gpt", "dos"):
            yield phrase(content)
    for partition in disk.partitions:
        inside = ", ".join(phrase(content) for content in partition.content) or _("nothing known")
        yield f"{partition.name} ({show_size(partition.size)}): {inside}"
    for volume in volumes_on(disk, machine):
        for content in volume.content:
            yield f"{volume.path}: {phrase(content)}"


def volume_words(volume: Volume) -> str:
    """What kind of volume it is, with its size."""
    names = {
        VolumeKind.LVM: _("logical volume"),
        VolumeKind.CRYPT: _("opened encryption"),
        VolumeKind.RAID: _("RAID array"),
        VolumeKind.BCACHE: "bcache",
        VolumeKind.MULTIPATH: _("multipath map"),
        VolumeKind.OTHER: _("volume"),
    }
    return f"{names[volume.kind]}, {show_size(volume.size)}" if volume.size else names[volume.kind]


def _osd(content: Content) -> str:
    name = content.member_of or content.uuid
    part = f" ({content.label})" if content.label else ""
    if not name:
        return _("a Ceph OSD, of which nothing more is known")
    if not content.group_uuid:
        return _("Ceph {osd}").format(osd=name) + part
    return _("Ceph {osd} of cluster {fsid}").format(osd=name, fsid=content.group_uuid) + part


def _usage(content: Content) -> str:
    if content.size is None:
        return _("{used} used").format(used=show_size(content.used)) if content.used is not None else ""
    if content.used is None:
        return show_size(content.size)
    return _("{used} of {size} used").format(used=show_size(content.used), size=show_size(content.size))
