"""The disks of a machine as text for people, within 80 columns: what each is, what is on it, whether it can be a
target; and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from trebol_common.errors import printable
from trebol_common.i18n import _
from trebol_hardware.checks.volumes import is_volume
from trebol_hardware.content_words import held, phrase, volume_words
from trebol_hardware.machine import Disk, Machine, Partition, Volume
from trebol_hardware.sizes import show_size
from trebol_hardware.targets import Obstacle, ObstacleCode, obstacles

WIDTH = 80

_TO_ASCII = str.maketrans({"├": "|", "└": "`", "─": "-", "│": "|", "→": ">", "…": "..."})

_INDENT = "    "

#: How a transport is written.
_TRANSPORTS = {"sata": "SATA", "sas": "SAS", "nvme": "NVMe", "usb": "USB", "scsi": "SCSI", "mmc": "MMC"}


class Target(StrEnum):
    """Whether a disk can be a target of an installation."""

    YES = "yes"
    CONFIRM = "confirm"
    NEVER = "never"


def target(found: Sequence[Obstacle]) -> Target:
    """What obstacles make of a disk."""
    if any(obstacle.final for obstacle in found):
        return Target.NEVER
    return Target.CONFIRM if found else Target.YES


def render(machine: Machine, *, ascii_only: bool = False) -> str:
    """All disks, a paragraph each, an empty line between them. Ends without a line feed."""
    if not machine.disks:
        return _("No disk was found: look at the controllers (trebol check).")
    paragraphs = ["\n".join(_disk(disk, machine)) for disk in machine.disks]
    if any(target(obstacles(disk, machine)) is Target.CONFIRM for disk in machine.disks):
        how = _('To say yes, name the disk in disk-list and set wipe = "confirmed" in the answer file.')
        paragraphs.append("\n".join(_wrapped(how, "")))
    text = "\n\n".join(paragraphs)
    return text.translate(_TO_ASCII) if ascii_only else text


def to_members(machine: Machine) -> dict[str, Any]:
    """The JSON form: the disks, each with what it holds in words and the obstacles."""
    return {"disks": [_members(disk, machine) for disk in machine.disks]}


def kind(disk: Disk) -> str:
    """What sort of disk it is."""
    if disk.transport == "nvme":
        return "SSD"
    if disk.transport == "mmc":
        return _("eMMC or SD card")
    if is_volume(disk):
        return _("RAID volume")
    if disk.transport == "virtio":
        return _("virtual disk")
    if disk.transport == "usb":
        return _("stick or disk")  # Sticks say that they rotate.
    return "HDD" if disk.rotational else "SSD"


def _members(disk: Disk, machine: Machine) -> dict[str, Any]:
    found = obstacles(disk, machine)
    return {
        "name": disk.name,
        "path": _path(disk, machine),
        "size": disk.size,
        "transport": disk.transport,
        "rotational": disk.rotational,
        "model": disk.model,
        "serial": disk.serial,
        "wwn": disk.wwn,
        "by_id": list(disk.by_id),
        "logical_sector": disk.logical_sector,
        "physical_sector": disk.physical_sector,
        "used_endurance": disk.health.used if disk.health else None,
        "system": disk.system,
        "holds": list(held(disk, machine)),
        "target": target(found).value,
        "obstacles": [asdict(obstacle) for obstacle in found],
    }


def _path(disk: Disk, machine: Machine) -> str:
    """The disk's stable path, of the links that no other disk claims too: udev lets those point at either."""
    taken = {link for other in machine.disks if other.name != disk.name for link in (*other.by_id, *other.by_path)}

    def own(links: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(link for link in links if link not in taken)

    return replace(disk, by_id=own(disk.by_id), by_path=own(disk.by_path)).stable_path


def _disk(disk: Disk, machine: Machine) -> Iterator[str]:
    transport = _TRANSPORTS.get(disk.transport, disk.transport)
    words = (f"{disk.name:<9}", show_size(disk.size), transport, kind(disk), "", disk.model or _("no model"))
    yield from _wrapped(" ".join(word for word in words if word), "", _INDENT)
    yield from _wrapped(", ".join(_facts(disk)), _INDENT)
    yield from _wrapped(_path(disk, machine), _INDENT)
    if disk.system:
        yield from _wrapped(_("seems to be: {system}").format(system=disk.system), _INDENT)
    yield from _wrapped(", ".join(phrase(content) for content in disk.content) or _("no signature"), _INDENT)
    yield from _Tree(machine).below(disk)
    yield from _verdict(obstacles(disk, machine))


def _facts(disk: Disk) -> Iterator[str]:
    yield _("serial {serial}").format(serial=disk.serial) if disk.serial else _("no serial number")
    if disk.logical_sector == disk.physical_sector:
        yield _("sectors of {size}").format(size=disk.logical_sector)
    else:
        yield _("sectors of {logical} on {physical}").format(
            logical=disk.logical_sector, physical=disk.physical_sector
        )
    if disk.health is not None and disk.health.used is not None:
        yield _("{percent} % of its endurance used").format(percent=disk.health.used)


@dataclass(frozen=True)
class _Tree:
    """The tree of partitions, volumes and contents on a disk."""

    machine: Machine

    def below(self, disk: Disk) -> Iterator[str]:
        """The lines of what is on a disk."""
        yield from self._children([*disk.partitions, *self._above(disk.name)], _INDENT, set())

    def _above(self, name: str) -> list[Volume]:
        return [volume for volume in self.machine.volumes if name in volume.below]

    def _children(self, children: Sequence[Partition | Volume], indent: str, seen: set[str]) -> Iterator[str]:
        """A volume that stands on several others (a thin pool on its data and metadata) has its branch once; `seen`
        are those that had it. An edited record may even have a circle."""
        for number, child in enumerate(children, start=1):
            last = number == len(children)
            first, rest = ("└─ ", "   ") if last else ("├─ ", "│  ")
            if child.name in seen:
                text, above = _("{name}: see above").format(name=_name(child)), []
            else:
                text, above = _of_device(child), self._above(child.name)
            seen.add(child.name)
            yield from _wrapped(text, f"{indent}{first}", f"{indent}{rest}{'│  ' if above else '   '}")
            yield from self._children(above, f"{indent}{rest}", seen)


def _name(device: Partition | Volume) -> str:
    return device.path if isinstance(device, Volume) else device.name


def _of_device(device: Partition | Volume) -> str:
    if isinstance(device, Volume):
        head = f"{_name(device)} ({volume_words(device)})"
    else:
        head = f"{_name(device)} {show_size(device.size)}"
    said = [phrase(content) for content in device.content]
    said += [_("at {points}").format(points=", ".join(device.mountpoints))] if device.mountpoints else []
    return f"{head}  {', '.join(said)}" if said else head


def _verdict(found: Sequence[Obstacle]) -> Iterator[str]:
    """Final reasons alone where there are any: the others do not matter then."""
    match target(found):
        case Target.YES:
            yield from _wrapped(_("It can be a target."), _INDENT)
        case Target.NEVER:
            yield from _reasons(_("never: {reason}"), [obstacle for obstacle in found if obstacle.final])
        case Target.CONFIRM:
            yield from _reasons(_("only with your yes: {reason}"), found)


def _reasons(text: str, found: Sequence[Obstacle]) -> Iterator[str]:
    """The tree above says what it holds, and what is active."""
    shown = {
        ObstacleCode.HOLDS: _("all that is on it is lost"),
        ObstacleCode.ACTIVE: _("it is in use: see above"),
    }
    for obstacle in found:
        yield from _wrapped(text.format(reason=shown.get(obstacle.code, obstacle.what)), _INDENT)
        if obstacle.code not in shown:
            yield from _wrapped(f"→ {obstacle.hint}", f"{_INDENT}  ", f"{_INDENT}    ")


def _wrapped(text: str, first: str, rest: str | None = None) -> list[str]:
    """Long words (paths, by-id names) stay whole, so that they can be copied. Firmware's control characters are
    shown, never sent."""
    return textwrap.wrap(
        printable(text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
