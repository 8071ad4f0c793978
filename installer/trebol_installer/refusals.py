"""Why disks that the answers mean must not be written to: pure, and every reason at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trebol_common.answers.model import Answers, Filesystem
from trebol_common.errors import Problem
from trebol_hardware.machine import LVM_MEMBER, Disk, FirmwareMode, Machine
from trebol_installer.describe import describe_contents
from trebol_installer.layout_rules import VOLUME_GROUP

_CONFIRM = 'wipe = "confirmed"'


def refusals(targets: Sequence[Disk], machine: Machine, answers: Answers) -> Iterator[Problem]:
    """Every reason not to write to one of the targets, which are disks of `machine`."""
    names = {disk.name for disk in targets}
    others = [disk for disk in machine.disks if disk.name not in names]
    for disk in targets:
        yield from _never(disk, machine)
        yield from _in_use(disk)
        yield from _shared_groups(disk, others)
        yield from _unconfirmed(disk, targets, answers)
    if answers.disk_setup.filesystem in (Filesystem.EXT4, Filesystem.XFS):
        yield from _clashing_groups(others)


def _never(disk: Disk, machine: Machine) -> Iterator[Problem]:
    where = disk.stable_path
    if disk.medium:
        yield Problem("is installation medium or virtual media, never a target", where, "choose another disk")
    if disk.read_only:
        yield Problem("is read-only", where, "take the write protection off, or choose another disk")
    if disk.logical_sector == 4096 and machine.firmware.mode is FirmwareMode.BIOS:
        yield Problem(
            "has sectors of 4096 bytes, from which GRUB cannot boot by BIOS",
            where,
            "switch the firmware to UEFI, or choose a disk with sectors of 512 bytes",
        )


def _clashing_groups(others: Sequence[Disk]) -> Iterator[Problem]:
    for other in others:
        if VOLUME_GROUP in _groups(other):
            yield Problem(
                f"holds a volume group named {VOLUME_GROUP} already; one machine cannot have two of that name",
                other.stable_path,
                f"take this disk out, wipe it (wipefs), or rename the group: vgrename {VOLUME_GROUP} NEW-NAME",
            )


def _in_use(disk: Disk) -> Iterator[Problem]:
    mounted = [*disk.mountpoints, *(point for partition in disk.partitions for point in partition.mountpoints)]
    if mounted:
        yield Problem(f"is in use: mounted at {', '.join(mounted)}", disk.stable_path, "unmount it first")
    # Volumes of LVM on the disk alone are closed by the installer itself, once their loss is confirmed.
    holders = [
        holder
        for contents, names in (
            (disk.content, disk.holders),
            *((partition.content, partition.holders) for partition in disk.partitions),
        )
        if not any(content.kind == LVM_MEMBER for content in contents)
        for holder in names
    ]
    if holders:
        yield Problem(
            f"is in use by {', '.join(holders)}", disk.stable_path, "stop that first: lsblk shows what it belongs to"
        )


def _shared_groups(disk: Disk, others: Sequence[Disk]) -> Iterator[Problem]:
    for other in others:
        for group in sorted((_groups(disk) & _groups(other)) - {VOLUME_GROUP}):
            yield Problem(
                f"volume group {group} also lies on {other.stable_path}, whose data would be lost with it",
                disk.stable_path,
                f"move it off this disk first: vgreduce {group}",
            )


def _unconfirmed(disk: Disk, targets: Sequence[Disk], answers: Answers) -> Iterator[Problem]:
    contents = describe_contents(disk)
    setup = answers.disk_setup
    if not contents or (setup.wipe == "confirmed" and setup.disk_list):
        return
    if setup.disk_list:
        hint = f"if all of that may be lost, set {_CONFIRM} in [disk-setup]"
    else:
        named = ", ".join(f'"{_name(target)}"' for target in targets)
        it = "it" if len(targets) == 1 else "all of them"
        hint = f"if all of that may be lost, name {it} instead of a filter: disk-list = [{named}] and {_CONFIRM}"
    yield Problem(f"is not empty: {'; '.join(contents)}", disk.stable_path, hint)


def _name(disk: Disk) -> str:
    return next(iter((*disk.by_id, *disk.by_path, disk.name)))


def _groups(disk: Disk) -> set[str]:
    contents = (*disk.content, *(content for partition in disk.partitions for content in partition.content))
    return {content.member_of for content in contents if content.kind == LVM_MEMBER and content.member_of}
