"""What a disk is called, and which names are its own: pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from trebol_hardware.machine import Disk, Machine


def clearly_named(machine: Machine) -> Machine:
    """The machine, each disk without the links in /dev/disk that another one claims too.

    udev lists a link at every disk that claims it, and lets it point at one of them: disks of one serial number (USB
    bridges, virtual disks, two paths to one disk) would be taken for each other, and the wrong one wiped.
    """
    claims = Counter(link for disk in machine.disks for link in (*disk.by_id, *disk.by_path))
    if all(count == 1 for count in claims.values()):
        return machine

    def own(links: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(link for link in links if claims[link] == 1)

    disks = tuple(replace(disk, by_id=own(disk.by_id), by_path=own(disk.by_path)) for disk in machine.disks)
    return replace(machine, disks=disks)


def names_of(disk: Disk) -> frozenset[str]:
    """All names by which an answer file may name a disk: the kernel's, by-id, by-path, each also as a path."""
    names = {disk.name, f"/dev/{disk.name}"}
    for folder, links in (("by-id", disk.by_id), ("by-path", disk.by_path)):
        names |= {*links, *(f"/dev/disk/{folder}/{link}" for link in links)}
    return frozenset(names)
