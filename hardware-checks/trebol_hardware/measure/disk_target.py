"""What may be written to: a new file, or a whole disk that holds nothing and whose loss was confirmed."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trebol_common.errors import BadInput, Problem, Refused, raise_for
from trebol_common.i18n import _
from trebol_hardware.content_words import phrase
from trebol_hardware.machine import Disk, Machine

#: Of a device, or of a file, so much is written over and over.
DEVICE_SPAN = 2**30
FILE_SPAN = 2**28

#: Types of file systems that are memory, not a disk.
_IN_MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs"})


@dataclass(frozen=True)
class DirectoryTarget:
    """A file is made in this folder."""

    folder: Path


@dataclass(frozen=True)
class FileTarget:
    """This file is made."""

    path: Path


@dataclass(frozen=True)
class DeviceTarget:
    """This block device is written to; `path` has no symbolic links."""

    path: Path


Target = DirectoryTarget | FileTarget | DeviceTarget


def classify(path: Path) -> Target:
    """What `path` is. Raises Refused for a file that is there, BadInput for what can be neither."""
    try:
        real = path.resolve(strict=True)
        mode = real.stat().st_mode
    except FileNotFoundError:
        if not path.parent.is_dir() or path.is_symlink():
            raise BadInput(_("there is no such folder"), where=str(path.parent), hint=_("name one")) from None
        if _below_dev(path):
            raise BadInput(_("there is no such device"), where=str(path), hint="lsblk") from None
        return FileTarget(path)
    except (OSError, RuntimeError) as error:
        raise BadInput(_("cannot be looked at: {error}").format(error=error), where=str(path)) from error
    if stat.S_ISDIR(mode):
        return DirectoryTarget(real)
    if stat.S_ISBLK(mode):
        return DeviceTarget(real)
    if stat.S_ISREG(mode):
        raise Refused(
            _("is a file that exists; it would be overwritten"),
            where=str(path),
            hint=_("name a folder, or a file that does not exist: it is made, and removed afterwards"),
        )
    raise BadInput(_("is neither a folder, nor a file, nor a disk"), where=str(path), hint=_("name one of these"))


def _below_dev(path: Path) -> bool:
    return Path("/dev") in path.absolute().parents and Path("/dev/shm") not in path.absolute().parents


def check_filesystem(kind: str, folder: Path) -> None:
    """Raises BadInput where files of this type of file system are not on any disk."""
    if kind in _IN_MEMORY:
        raise BadInput(
            _("is {kind}: memory, not a disk").format(kind=kind), where=str(folder), hint=_("name a folder on a disk")
        )


def choose_disk(machine: Machine, device: Path, confirmation: str | None) -> Disk:
    """The disk `device` of the probed machine, when it is empty and `confirmation` is its word.

    Raises Refused with every reason at once.
    """
    name = device.relative_to("/dev").as_posix() if device.is_relative_to("/dev") else device.name
    disk = next((disk for disk in machine.disks if disk.name == name), None)
    if disk is None:
        raise Refused(*_unknown(machine, name), where=str(device), hint=_("name a whole disk, or a folder on it"))
    raise_for(list(refusals(disk)), Refused)
    if confirmation != confirmation_word(disk):
        word = confirmation_word(disk)
        said = _("its loss was not confirmed") if confirmation is None else _("{said!r} is not its serial number")
        raise Refused(
            said.format(said=confirmation),
            where=_describe(disk),
            hint=_("if whatever it may hold may be lost: --destroy {word}").format(word=word),
        )
    return disk


def confirmation_word(disk: Disk) -> str:
    """What has to be said: the serial number, which names one disk on earth; the kernel's name where it has none."""
    return disk.serial or disk.name


def refusals(disk: Disk) -> Iterator[Problem]:
    """Why a disk must not be written to: everything that is on it, and everything that uses it."""
    where = _describe(disk)
    if disk.medium:
        yield Problem(_("is installation medium or virtual media"), where, _("choose another disk"))
    if disk.read_only:
        yield Problem(_("is read-only"), where, _("take the write protection off, or choose another disk"))
    mounted = [*disk.mountpoints, *(point for part in disk.partitions for point in part.mountpoints)]
    if mounted:
        yield Problem(_("is in use: {where}").format(where=", ".join(mounted)), where, _("choose another disk"))
    holders = [*disk.holders, *(holder for part in disk.partitions for holder in part.holders)]
    if holders:
        what = ", ".join(dict.fromkeys(holders))
        yield Problem(_("is in use by {what}").format(what=what), where, _("choose another disk"))
    held = [*(f"{disk.name}: {phrase(content)}" for content in disk.content)]
    for part in disk.partitions:
        held += [f"{part.name}: {phrase(content)}" for content in part.content] or [part.name]
    if held:
        yield Problem(
            _("is not empty: {what}").format(what="; ".join(held)),
            where,
            _("choose an empty disk, or name a folder on this one"),
        )


def _unknown(machine: Machine, name: str) -> tuple[str]:
    whole = next((disk for disk in machine.disks if any(part.name == name for part in disk.partitions)), None)
    if whole is not None:
        return (
            _("is a partition of {disk}; what it holds is not tested by writing over it").format(disk=whole.name),
        )
    return (_("is no physical disk that the probe knows"),)


def _describe(disk: Disk) -> str:
    model = f" ({disk.model})" if disk.model else ""
    return f"/dev/{disk.name}{model}"
