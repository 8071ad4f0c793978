"""What stands on the target disks, as a graph: which volumes, on which disks each lies, and how a step names it.

A walk over the names in `Volume.below`; it comes to an end for any record, also for one where volumes lie on each
other in a circle.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trebol_hardware.machine import Disk, Machine, Partition, Volume
from trebol_hardware.stack import devices
from trebol_installer.steps import Held, PartitionRef, VolumeRef

#: Anything that can hold something.
Node = Disk | Partition | Volume

#: device-mapper's UUID of a logical volume: that of its group, its own, perhaps its layer (lvm2, lib/activate).
_LVM_UUID = re.compile(r"LVM-(\w{32})\w{32}(?:-\w+)?")

#: How lvm2 groups the 32 characters of a UUID.
_LVM_DASHES = (6, 4, 4, 4, 4, 4, 6)


@dataclass(frozen=True)
class Stack:
    """A machine seen from its target disks. All names are the kernel's, which are unique within a record.

    `nodes` holds everything by name; `disks` on which disks each lies (a device that the record does not have stands
    for itself); `refs` how a step names what lies on a target; `volumes` those that lie on a target, wholly or in
    part, in the record's order.
    """

    targets: tuple[Disk, ...]
    nodes: Mapping[str, Node]
    disks: Mapping[str, frozenset[str]]
    refs: Mapping[str, Held]
    volumes: tuple[Volume, ...]

    @property
    def target_names(self) -> frozenset[str]:
        """The kernel's names of the target disks."""
        return frozenset(disk.name for disk in self.targets)

    def on_target(self, name: str) -> bool:
        """Whether a node lies on a target, wholly or in part."""
        return bool(self.disks[name] & self.target_names)

    def outside(self, name: str) -> tuple[str, ...]:
        """The disks besides the targets that a node lies on, sorted."""
        return tuple(sorted(self.disks[name] - self.target_names))

    def own(self) -> Iterator[Node]:
        """All that lies on a target: each with its partitions, then the volumes."""
        for disk in self.targets:
            yield from devices(disk)
        yield from self.volumes

    def above(self, name: str) -> tuple[Volume, ...]:
        """The volumes that are made of this very node."""
        return tuple(volume for volume in self.volumes if name in volume.below)

    def path(self, name: str) -> str:
        """What people call a node: a disk by its stable path, else its node in /dev."""
        match self.nodes.get(name):
            case Disk() as disk:
                return disk.stable_path
            case Volume() as volume:
                return volume.path
            case _:
                return f"/dev/{name}"


def stack(machine: Machine, targets: Sequence[Disk]) -> Stack:
    """The graph of a machine above `targets`, each of which is one of the machine's disks (by its kernel name)."""
    chosen = {disk.name: disk for disk in targets}
    disks = [chosen.get(disk.name, disk) for disk in machine.disks]
    disk_of = {node.name: disk.name for disk in disks for node in devices(disk)}
    below = {volume.name: volume.below for volume in machine.volumes if volume.name not in disk_of}
    nodes: dict[str, Node] = {volume.name: volume for volume in machine.volumes}
    nodes |= {node.name: node for disk in disks for node in devices(disk)}
    lies_on = {
        name: frozenset(disk_of.get(end, end) for end in _reach(name, below) if end not in below) for name in nodes
    }
    refs: dict[str, Held] = {}
    for disk in targets:
        refs[disk.name] = disk.stable_path
        refs |= {each.name: PartitionRef(disk.stable_path, each.number) for each in disk.partitions}
    volumes = tuple(
        volume for volume in machine.volumes if volume.name in below and lies_on[volume.name] & chosen.keys()
    )
    refs |= {volume.name: reference(volume) for volume in volumes}
    return Stack(tuple(targets), nodes, lies_on, refs, volumes)


def reference(volume: Volume) -> VolumeRef:
    """How a step names a volume."""
    return VolumeRef(volume.path, volume.kind, volume.uuid)


def group_uuid(mapper_uuid: str) -> str:
    """The UUID of the volume group, as lvm2 writes it, in device-mapper's UUID of a logical volume; else empty."""
    found = _LVM_UUID.fullmatch(mapper_uuid)
    if found is None:
        return ""
    characters = iter(found[1])
    return "-".join("".join(next(characters) for _ in range(length)) for length in _LVM_DASHES)


def is_part_of_volume(volume: Volume) -> bool:
    """Whether this is a partition of another volume (md127p1), which goes when that one does."""
    return len(volume.below) == 1 and re.fullmatch(re.escape(volume.below[0]) + r"p\d+", volume.name) is not None


def _reach(name: str, below: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        if (current := waiting.pop()) not in seen:
            seen.add(current)
            waiting += below.get(current, ())
    return frozenset(seen)
