"""Disks in lines for people: in lists of what there is, in refusals, in the plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trebol_common.i18n import _, counted
from trebol_hardware.content_words import phrase
from trebol_hardware.machine import Disk
from trebol_hardware.sizes import show_size


def describe_disk(disk: Disk) -> str:
    """One line for a list: name, size, bus, model, serial, stable name, and what is on it."""
    said = [f"{disk.name:<8} {show_size(disk.size):>10}", _bus(disk)]
    said += [disk.model or _("no model"), disk.serial or _("no serial")]
    said += [disk.by_id[0]] if disk.by_id else disk.by_path[:1]
    if disk.medium:
        said.append(_("installation medium"))
    contents = describe_contents(disk)
    said.append(_("holds {contents}").format(contents=", ".join(contents)) if contents else _("empty"))
    return "  ".join(filter(None, said))


def describe_contents(disk: Disk) -> tuple[str, ...]:
    """What a disk holds, one phrase each: `GPT`, `vda1: FAT`, `vda3: LVM group trebol`."""
    said = [phrase(content) for content in disk.content]
    for partition in disk.partitions:
        inside = ", ".join(map(phrase, partition.content)) or _("nothing known")
        said.append(f"{partition.name}: {inside} ({show_size(partition.size)})")
    return tuple(said)


def describe_targets(disks: Sequence[Disk]) -> tuple[str, str]:
    """The disks that were chosen, as a pair for the plan's summary: its key, and each with path, name and size."""
    said = "; ".join(f"{disk.stable_path} ({disk.name}), {show_size(disk.size)}" for disk in disks)
    return ("disk" if len(disks) == 1 else "disks", said)


def count_of_disks(number: int) -> str:
    """A number of disks: `no disk`, `1 disk`, `2 disks`."""
    return counted("{count} disk", "{count} disks", number) if number else _("no disk")


def listing(lines: Iterable[str]) -> str:
    """Lines below a message, each on its own."""
    return "".join(f"\n    {line}" for line in lines)


def _bus(disk: Disk) -> str:
    return " ".join(filter(None, [disk.transport, _("rotational") if disk.rotational else ""]))
