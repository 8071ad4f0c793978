"""A node's disks in the shape of Proxmox VE's list, from the probe's `Machine`. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trebol_hardware.facts import DiskHealth
from trebol_hardware.machine import BLUESTORE, LVM_MEMBER, SWAP, ZFS_MEMBER, Content, Disk, Machine, Partition

_TABLES = frozenset({"gpt", "dos"})

#: What Proxmox VE calls contents that it knows; others are called by blkid's name.
_USES = {LVM_MEMBER: "LVM", ZFS_MEMBER: "ZFS", BLUESTORE: "Ceph", "vfat": "vfat"}

#: A rotational disk that does not say how fast: -1; Proxmox VE has 0 for those without a motor.
_UNKNOWN_SPEED = -1


def disks(
    machine: Machine, healths: Mapping[str, DiskHealth], *, partitions: bool = False, kind: str = ""
) -> list[dict[str, Any]]:
    """The value of GET /nodes/{node}/disks/list. `healths` is by the kernel's name; `partitions` shows those too;
    `kind` "unused" shows empty disks alone, "journal_disks" those and the ones with a GPT."""
    found: list[dict[str, Any]] = []
    for disk in machine.disks:
        shown = _disk(disk, healths.get(disk.name, DiskHealth()))
        if _is_of(shown, kind):
            found.append(shown)
            found += (_partition(disk, each) for each in disk.partitions if partitions)
    return found


def _is_of(shown: Mapping[str, Any], kind: str) -> bool:
    return not kind or "used" not in shown or (kind == "journal_disks" and shown["gpt"] == 1)


def health_word(health: DiskHealth) -> str:
    """Proxmox VE's: PASSED, FAILED! or UNKNOWN."""
    match health.passed:
        case True:
            return "PASSED"
        case False:
            return "FAILED!"
    return "UNKNOWN"


def wearout(health: DiskHealth) -> int | str:
    """What is left of a disk's endurance in per cent; "N/A" where it does not say."""
    return "N/A" if health.used is None else max(100 - health.used, 0)


def _disk(disk: Disk, health: DiskHealth) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "by_id_link": disk.stable_path if disk.by_id else "",
        "devpath": f"/dev/{disk.name}",
        "gpt": int(any(content.kind == "gpt" for content in disk.content)),
        "health": health_word(health),
        "model": disk.model or "unknown",
        "osdid": -1,
        "osdid-list": None,
        "rpm": _speed(disk),
        "serial": disk.serial or "unknown",
        "size": disk.size,
        "type": _type(disk),
        "vendor": disk.udev.get("ID_VENDOR", "unknown").strip() or "unknown",
        "wearout": wearout(health),
        "wwn": disk.wwn or "unknown",
    }
    if used := _use_of_disk(disk):
        shown["used"] = used
    return shown


def _partition(disk: Disk, partition: Partition) -> dict[str, Any]:
    return {
        "devpath": f"/dev/{partition.name}",
        "gpt": int(any(content.kind == "gpt" for content in disk.content)),
        "mounted": int(any(point != SWAP for point in partition.mountpoints)),
        "osdid": -1,
        "osdid-list": None,
        "parent": f"/dev/{disk.name}",
        "size": partition.size,
        "type": "partition",
        "used": _use(partition.content, partition.mountpoints, partition.holders) or "partition",
    }


def _use_of_disk(disk: Disk) -> str:
    return _use(disk.content, disk.mountpoints, disk.holders) or ("partitions" if disk.partitions else "")


def _use(content: tuple[Content, ...], mountpoints: tuple[str, ...], holders: tuple[str, ...]) -> str:
    """What something is used for; nothing for what is empty or has a partition table alone."""
    kinds = [each.kind for each in content if each.kind not in _TABLES]
    return next(_uses(kinds, mountpoints, holders), "")


def _uses(kinds: list[str], mountpoints: tuple[str, ...], holders: tuple[str, ...]) -> Iterator[str]:
    yield from (_USES.get(kind, kind) for kind in kinds)
    if mountpoints:
        yield "mounted"
    if holders:
        yield "Device Mapper"


def _type(disk: Disk) -> str:
    match disk.transport:
        case "nvme" | "usb":
            return disk.transport
    return "hdd" if disk.rotational else "ssd"


def _speed(disk: Disk) -> int:
    """udev has what the disk said of itself (ATA alone)."""
    if not disk.rotational:
        return 0
    told = disk.udev.get("ID_ATA_ROTATION_RATE_RPM", "")
    return int(told) if told.isdecimal() else _UNKNOWN_SPEED
