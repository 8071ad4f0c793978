"""USB sticks that something can be written to, among the disks as lsblk tells of them: pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from trebol_common.errors import Refused
from trebol_common.i18n import _

#: What `stick` reads. File systems are those that udev has found.
LSBLK = (
    "lsblk", "--json", "--bytes", "--output",
    "NAME,PATH,TYPE,TRAN,RM,RO,SIZE,FSTYPE,PARTTYPE,LABEL,VENDOR,MODEL,MOUNTPOINTS",
)  # fmt: skip

#: A partition that firmware boots from is nobody's place for files.
_ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
_MEDIUM = "iso9660"
_FAT = "vfat"


@dataclass(frozen=True)
class Stick:
    """A FAT file system on a USB stick: its device, and what people call the stick."""

    device: str
    called: str


def stick(listing: str, targets: Set[str]) -> Stick:
    """The first stick that can be written to; none of the disks whose kernel names are `targets` is one.

    Raises Refused, which says of each stick that is there why it cannot be written to.
    """
    disks = [
        disk
        for disk in json.loads(listing)["blockdevices"]
        if disk["type"] == "disk" and disk["tran"] == "usb" and disk["rm"] and disk["size"]
    ]
    seen = []
    for disk in disks:
        why = _refused(disk, targets)
        if not why:
            part = next(_file_systems(disk))
            return Stick(part["path"], _called(disk))
        seen.append(f"{_called(disk)}: {why}")
    if not seen:
        raise Refused(_("no USB stick was found"), hint=_hint())
    raise Refused("; ".join(seen), hint=_hint())


def _hint() -> str:
    return _("plug in one that has a FAT file system, wait until its light is still, and try again")


def _refused(disk: Mapping[str, Any], targets: Set[str]) -> str:
    """Why nothing can be written to a stick; empty where something can be."""
    parts = tuple(_parts(disk))
    if disk["name"] in targets:
        return _("is installed on")
    if any(part["fstype"] == _MEDIUM for part in parts):
        return _("carries an installation medium, which has no file system to write to")
    if any(mount for part in parts for mount in part["mountpoints"]):
        return _("is in use")
    if disk["ro"]:
        return _("is write-protected")
    return "" if any(_file_systems(disk)) else _("has no FAT file system")


def _parts(disk: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The disk, and all that lies on it."""
    yield disk
    for child in disk.get("children", ()):
        yield from _parts(child)


def _file_systems(disk: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (part for part in _parts(disk) if part["fstype"] == _FAT and part["parttype"] != _ESP)


def _called(disk: Mapping[str, Any]) -> str:
    words = (disk["vendor"], disk["model"], f"({disk['name']})")
    return " ".join(word.strip() for word in words if word and word.strip())
