"""What stands on what: walks over the graph of a machine's disks, partitions and volumes.

Pure, and safe with records that somebody edited: volumes that stand on each other in a circle are each met once.
"""

from __future__ import annotations

from collections.abc import Iterator

from trebol_hardware.machine import Content, Disk, Machine, Partition, Volume


def devices(disk: Disk) -> tuple[Disk | Partition, ...]:
    """The disk, and its partitions in their order."""
    return (disk, *disk.partitions)


def volumes_on(disk: Disk, machine: Machine) -> tuple[Volume, ...]:
    """All volumes that stand on a disk, wholly or in part, each after those that it stands on."""
    known = {device.name for device in devices(disk)}
    found: list[Volume] = []
    waiting = list(machine.volumes)
    while more := [volume for volume in waiting if known.intersection(volume.below)]:
        found += more
        known.update(volume.name for volume in more)
        waiting = [volume for volume in waiting if volume not in more]
    return tuple(_lower_first(found))


def disks_below(volume: Volume, machine: Machine) -> tuple[Disk, ...]:
    """The disks that a volume stands on, in the machine's order."""
    return tuple(disk for disk in machine.disks if volume in volumes_on(disk, machine))


def contents_on(disk: Disk, machine: Machine) -> Iterator[tuple[str, Content]]:
    """Everything that was found on a disk, its partitions and the volumes on it, with the device's kernel name."""
    holding: tuple[Disk | Partition | Volume, ...] = (*devices(disk), *volumes_on(disk, machine))
    for device in holding:
        for content in device.content:
            yield device.name, content


def mountpoints_on(disk: Disk, machine: Machine) -> tuple[str, ...]:
    """Where anything on a disk is mounted ("[SWAP]": swapped to), sorted, each once."""
    holding: tuple[Disk | Partition | Volume, ...] = (*devices(disk), *volumes_on(disk, machine))
    return tuple(sorted({point for device in holding for point in device.mountpoints}))


def _lower_first(volumes: list[Volume]) -> Iterator[Volume]:
    waiting = list(volumes)
    while waiting:
        open_names = {volume.name for volume in waiting}
        ready = [volume for volume in waiting if not open_names.intersection(volume.below)]
        # None of them in a circle, which only an edited record has.
        ready = ready or waiting
        yield from ready
        waiting = [volume for volume in waiting if volume not in ready]
