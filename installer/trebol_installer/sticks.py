"""USB sticks among the disks that lsblk tells of: which can be read or written, and why each other cannot. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from trebol_common.errors import Problem
from trebol_common.i18n import _

#: What is read here. File systems are those that udev has found.
LSBLK = (
    "lsblk", "--json", "--bytes", "--output",
    "NAME,PATH,TYPE,TRAN,RM,RO,SIZE,FSTYPE,PARTTYPE,VENDOR,MODEL,MOUNTPOINTS",
)  # fmt: skip

#: Without a journal that mounting would replay, and what sticks come with.
_WRITABLE = ("vfat", "exfat")
_MEDIUM = "iso9660"

_READABLE = (*_WRITABLE, _MEDIUM, "udf")

#: A partition that firmware boots from is nobody's place for files.
_ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"


@dataclass(frozen=True)
class FileSystem:
    """One that can be mounted: its device, its type as mount calls it, and the stick as people call it."""

    name: str
    device: str
    kind: str
    stick: str


@dataclass(frozen=True)
class Sticks:
    """The file systems that can be used, and why each other stick, or part of one, cannot."""

    usable: tuple[FileSystem, ...]
    refused: tuple[Problem, ...]


def to_read(listing: str, targets: Set[str]) -> Sticks:
    """Whatever hangs on USB; but never a disk that is in use, or whose kernel name is among `targets`."""
    return _sort(listing, targets, written=False)


def to_write(listing: str, targets: Set[str]) -> Sticks:
    """The same where something is to be written."""
    return _sort(listing, targets, written=True)


def in_vain(problems: Sequence[Problem], hint: str) -> tuple[Problem, ...]:
    """What is told where no stick will do: the problem of each, or that there is none, and what to do."""
    *others, last = problems or (Problem(_("no USB stick was found")),)
    return (*others, replace(last, hint=hint))


def _sort(listing: str, targets: Set[str], *, written: bool) -> Sticks:
    usable: list[FileSystem] = []
    refused: list[Problem] = []
    for disk in json.loads(listing)["blockdevices"]:
        # A reader without a card has no size.
        if disk["tran"] != "usb" or not disk["size"]:
            continue
        stick = _called(disk)
        if why := _refused(disk, targets, written=written):
            refused.append(Problem(why, stick))
            continue
        for part in _parts(disk):
            if why := _unfit(part, written=written):
                refused.append(Problem(why, stick))
            else:
                usable.append(FileSystem(part["name"], part["path"], part["fstype"], stick))
    return Sticks(tuple(usable), tuple(refused))


def _refused(disk: Mapping[str, Any], targets: Set[str], *, written: bool) -> str:
    """Why a stick is left alone; empty where it need not be."""
    everything = tuple(_with_all_on_it(disk))
    if disk["name"] in targets:
        return _("is installed on")
    if written and any(each["fstype"] == _MEDIUM for each in everything):
        return _("carries an installation medium, which has no file system to write to")
    if any(mount for each in everything for mount in each["mountpoints"]):
        return _("is in use")
    if written and not disk["rm"]:
        return _("is a fixed disk, no stick")
    return _("is write-protected") if written and (disk["ro"] or disk["type"] == "rom") else ""


def _unfit(part: Mapping[str, Any], *, written: bool) -> str:
    """Why a part of a stick that is not left alone cannot be used; empty where it can be."""
    name, kind = part["name"], part["fstype"] or _("nothing known")
    if not written:
        wrong = _("{name} holds {kind}; only FAT, exFAT, ISO 9660 and UDF are read")
        return "" if kind in _READABLE else wrong.format(name=name, kind=kind)
    if kind not in _WRITABLE:
        return _("{name} holds {kind}; only FAT and exFAT are written to").format(name=name, kind=kind)
    return _("{name} is for the firmware to boot from").format(name=name) if part["parttype"] == _ESP else ""


def _parts(disk: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The partitions, or a whole disk without any."""
    return [child for child in disk.get("children", ()) if child["type"] == "part"] or [disk]


def _with_all_on_it(disk: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield disk
    for child in disk.get("children", ()):
        yield from _with_all_on_it(child)


def _called(disk: Mapping[str, Any]) -> str:
    words = (disk["vendor"], disk["model"], f"({disk['name']})")
    return " ".join(word.strip() for word in words if word and word.strip())
