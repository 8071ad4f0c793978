"""What only reading disks tells: volume groups, signatures that udev overlooks, OSDs, how full file systems are."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from trebol_common.run import Runner
from trebol_hardware.machine import (
    BCACHE,
    BLUESTORE,
    LVM_MEMBER,
    Content,
    Disk,
    Machine,
    Partition,
    Volume,
    VolumeKind,
)
from trebol_hardware.probe import bluestore, lvm, superblocks
from trebol_hardware.probe.edges import digest
from trebol_hardware.probe.health import NO_ANSWER
from trebol_hardware.probe.raw import RawDevice
from trebol_hardware.probe.signatures import unseen_by_udev
from trebol_hardware.probe.sysfs import read_flag
from trebol_hardware.probe.volumes import lvm_name
from trebol_hardware.stack import volumes_on

_Device = TypeVar("_Device", Disk, Partition, Volume)


def looked_into(machine: Machine, runner: Runner, root: Path) -> Machine:
    """`machine` with what only reading its disks tells: names of volume groups, by one pvs where there is a physical
    volume, what wipefs finds on disks that look empty, the numbers of OSDs, and how full file systems are.

    Not read are disks that `health` says are asleep, which reading would wake, or do not answer, for which it would
    wait for minutes; nor is a multipath map, which waits for ever once all of its paths are gone, nor a volume that
    is suspended; nor what stands on them.
    """
    silent = _silent(machine, root)
    awake = [device for device in _devices(machine) if device.name not in silent]
    members = [f"/dev/{device.name}" for device in awake if _holds(device, LVM_MEMBER)]
    only = members if silent else ()
    groups = lvm.volume_groups(runner, only=only) if members else {}
    empty = [
        disk.name for disk in machine.disks if disk.name not in silent and not disk.content and not disk.partitions
    ]
    look = _Look(
        root, silent, groups, unseen_by_udev(runner)(empty), frozenset(volume.path for volume in machine.volumes)
    )
    return replace(
        machine,
        disks=tuple(
            replace(look.into(disk), partitions=tuple(look.into(partition) for partition in disk.partitions))
            for disk in machine.disks
        ),
        volumes=tuple(look.into(volume) for volume in machine.volumes),
    )


def with_edges(machine: Machine, root: Path) -> Machine:
    """`machine` with the digest of both ends of each disk that is awake and can be read."""
    silent = _silent(machine, root)

    def edges(disk: Disk) -> str:
        try:
            return "" if disk.name in silent else digest(root / "dev" / disk.name, disk.size)
        except OSError:
            return ""  # Nobody can tell what such a disk holds: the record says so by having no digest.

    return replace(machine, disks=tuple(replace(disk, edges=edges(disk)) for disk in machine.disks))


def _devices(machine: Machine) -> list[Disk | Partition | Volume]:
    partitions = [partition for disk in machine.disks for partition in disk.partitions]
    return [*machine.disks, *partitions, *machine.volumes]


def _silent(machine: Machine, root: Path) -> frozenset[str]:
    """Kernel names of what is not to be read."""
    silent = {
        volume.name
        for volume in machine.volumes
        if volume.kind is VolumeKind.MULTIPATH or read_flag(root / "sys/block" / volume.name / "dm/suspended")
    }
    for disk in machine.disks:
        if disk.health is not None and (disk.health.asleep or disk.health.unknown == NO_ANSWER):
            silent |= {disk.name, *(partition.name for partition in disk.partitions)}
            silent |= {volume.name for volume in volumes_on(disk, machine)}
    while above := {volume.name for volume in machine.volumes if silent.intersection(volume.below)} - silent:
        silent |= above
    return frozenset(silent)


def _holds(device: Disk | Partition | Volume, kind: str) -> bool:
    return any(content.kind == kind for content in device.content)


@dataclass(frozen=True)
class _Look:
    """What is known of all devices: `silent` ones are not read, `groups` are by physical volume, `found` by disk;
    `active` are the paths of volumes."""

    root: Path
    silent: frozenset[str]
    groups: Mapping[str, lvm.Member]
    found: Mapping[str, tuple[Content, ...]]
    active: frozenset[str]

    def into(self, device: _Device) -> _Device:
        """A disk, partition or volume with all that can be known of its contents."""
        contents = self.found.get(device.name, device.content) if isinstance(device, Disk) else device.content
        told = [told for content in contents for told in self._told(content)]
        if device.name not in self.silent:
            told = [self._read(content, device.name) for content in told]
        return replace(device, content=tuple(told))

    def _told(self, content: Content) -> tuple[Content, ...]:
        """With its volume group, and the OSDs in volumes that are not active, where nothing else shows them."""
        member = self.groups.get(content.uuid) if content.kind == LVM_MEMBER else None
        if member is None:
            return (content,)
        osds = (
            osd.content
            for osd in member.osds
            if f"/dev/mapper/{lvm_name(member.group, osd.volume)}" not in self.active
        )
        return (replace(content, member_of=member.group, group_uuid=member.uuid), *osds)

    def _read(self, content: Content, name: str) -> Content:
        """With what the device itself tells; as it was where it cannot be read."""
        if content.kind not in _READ or content.member_of:
            return content
        try:
            with closing(RawDevice(self.root / "dev" / name)) as device:
                if content.kind == BLUESTORE:
                    return _osd(content, bluestore.parse(device.read(0, bluestore.SIZE)))
                if content.kind == BCACHE:
                    return replace(content, group_uuid=content.group_uuid or superblocks.bcache_set(device.read))
                return replace(content, used=superblocks.used(content.kind, device.read))
        except OSError:
            return content


_READ = frozenset({BLUESTORE, BCACHE, *superblocks.KINDS})


def _osd(content: Content, label: bluestore.Label | None) -> Content:
    if label is None:
        return content
    return replace(
        content,
        label=label.description if label.description != "main" else "",
        uuid=label.osd_uuid,
        member_of=f"osd.{label.whoami}" if label.whoami else "",
        group_uuid=label.fsid,
    )
