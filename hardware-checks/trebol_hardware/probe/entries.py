"""Entries of partition tables, by udev, and the systems that they tell of."""

from __future__ import annotations

from dataclasses import replace

from trebol_hardware.machine import Machine
from trebol_hardware.probe.udev import UdevSource
from trebol_hardware.systems import Entry, system


def with_systems(machine: Machine, udev: UdevSource) -> Machine:
    """`machine` with the system whose disk each of its disks seems to be."""
    names = [partition.name for disk in machine.disks for partition in disk.partitions]
    names += [volume.name for volume in machine.volumes]
    entries = {name: found for name in names if (found := entry(udev, name)).type}
    disks = tuple(replace(disk, system=system(disk, entries, machine)) for disk in machine.disks)
    return replace(machine, disks=disks)


def entry(udev: UdevSource, name: str) -> Entry:
    """The entry of the partition called `name`; an empty one where udev has not looked."""
    properties = udev.properties("block", name)
    return Entry(
        properties.get("ID_PART_ENTRY_TYPE", "").lower(),
        properties.get("ID_PART_ENTRY_NAME", ""),
        properties.get("ID_PART_ENTRY_FLAGS", ""),
    )
