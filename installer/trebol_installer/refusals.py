"""Why disks that the answers mean must not be written to: pure, and every reason at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce

from trebol_common.answers.model import Answers, DiskSetup, Filesystem
from trebol_common.errors import Problem
from trebol_common.i18n import _
from trebol_hardware.machine import (
    ARRAY_MEMBER,
    LVM_MEMBER,
    ZFS_MEMBER,
    Disk,
    FirmwareMode,
    Machine,
)
from trebol_hardware.stack import contents_on, devices, mountpoints_on, volumes_on
from trebol_hardware.systems import UNFINISHED_TREBOL
from trebol_hardware.targets import ObstacleCode, obstacles
from trebol_installer.describe import describe_contents
from trebol_installer.layout_rules import ARRAY, CONTAINER, POOL, VOLUME_GROUP
from trebol_installer.teardown import teardown

#: Reasons against a disk that `teardown` tells with all that stands on it.
_TOLD_BY_TEARDOWN = frozenset({ObstacleCode.MEDIUM, ObstacleCode.MULTIPATH, ObstacleCode.RUNNING_SYSTEM})

_CONFIRM = 'wipe = "confirmed"'


def refusals(targets: Sequence[Disk], machine: Machine, answers: Answers) -> Iterator[Problem]:
    """Every reason not to write to one of the targets, which are disks of `machine`."""
    names = {disk.name for disk in targets}
    others = [disk for disk in machine.disks if disk.name not in names]
    for disk in targets:
        yield from _never(disk, machine)
        yield from _unconfirmed(disk, targets, machine, answers)
    yield from teardown(machine, targets).problems
    yield from _without_tpm(machine, answers)
    if answers.disk_setup.filesystem in (Filesystem.EXT4, Filesystem.XFS):
        yield from _clashing_groups(others, machine)
    if answers.disk_setup.filesystem is Filesystem.ZFS:
        yield from _clashing_pools(targets, others, machine)
    yield from _clashing_volumes(others, machine, answers)


def _never(disk: Disk, machine: Machine) -> Iterator[Problem]:
    for obstacle in obstacles(disk, machine):
        if obstacle.final and obstacle.code not in _TOLD_BY_TEARDOWN and not disk.medium:
            what = _("can never be a target: {reason}").format(reason=obstacle.what)
            yield Problem(what, disk.stable_path, obstacle.hint)


def _without_tpm(machine: Machine, answers: Answers) -> Iterator[Problem]:
    encryption = answers.disk_setup.encryption
    if encryption is None or not encryption.tpm2:
        return
    where = "disk-setup.encryption.tpm2"
    if machine.tpm != "2.0":
        if machine.tpm:
            found = _("cannot be: the TPM of this machine is of version {version}; 2.0 is needed")
        else:
            found = _("cannot be: this machine has no TPM; 2.0 is needed")
        hint = _("switch it on in the firmware's setup (TPM, PTT or fTPM), or leave tpm2 out")
        yield Problem(found.format(version=machine.tpm), where, hint)
    if machine.firmware.mode is not FirmwareMode.UEFI:
        what = _("cannot be: by BIOS the TPM is not told what is booted, and would open the disks to all")
        yield Problem(what, where, _("boot the medium by UEFI, or leave tpm2 out"))


def _clashing_groups(others: Sequence[Disk], machine: Machine) -> Iterator[Problem]:
    for other in others:
        if VOLUME_GROUP in _groups(other, machine):
            what = _("holds a volume group or array named {name} already; one machine cannot have two of it")
            hint = _("take this disk out, wipe it (wipefs), or rename a group: vgrename {name} NEW-NAME")
            yield Problem(what.format(name=VOLUME_GROUP), other.stable_path, hint.format(name=VOLUME_GROUP))


def _clashing_pools(targets: Sequence[Disk], others: Sequence[Disk], machine: Machine) -> Iterator[Problem]:
    """The node imports its pool by name when it boots. What also lies on a target is `teardown`'s to refuse."""
    own = {pool for disk in targets for pool in _pools(disk, machine)}
    for other in others:
        for pool in _pools(other, machine):
            if pool not in own:
                # By guid, or the target's old pool might be meant; unmounted, or its root lies over this system's.
                what = _("holds a ZFS pool named {name} already; one machine cannot import two of it")
                hint = _(
                    "take this disk out, wipe it, or give that pool another name: "
                    "zpool import -f -N {name} NEW-NAME && zpool export NEW-NAME"
                )
                yield Problem(what.format(name=POOL), other.stable_path, hint.format(name=pool or POOL))
                break


def _clashing_volumes(others: Sequence[Disk], machine: Machine, answers: Answers) -> Iterator[Problem]:
    """What is open on other disks under a name that a volume of the node is to have."""
    for other in others:
        taken = [volume.path for volume in volumes_on(other, machine) if _is_own_name(volume.path, answers)]
        if taken:
            yield Problem(
                _("has {volumes} open; a volume of the node has to have that name").format(volumes=", ".join(taken)),
                other.stable_path,
                _("close it first (vgchange --activate n, cryptsetup close or mdadm --stop), or take this disk out"),
            )


def _is_own_name(path: str, answers: Answers) -> bool:
    if answers.disk_setup.filesystem in (Filesystem.EXT4, Filesystem.XFS):
        return path == ARRAY or path.startswith(f"/dev/mapper/{VOLUME_GROUP}-")
    return answers.disk_setup.encryption is not None and path.startswith(f"/dev/mapper/{CONTAINER}")


def _pools(disk: Disk, machine: Machine) -> list[str]:
    """The guids of pools named like the node's that a disk holds members of."""
    return [
        content.group_uuid
        for _name, content in contents_on(disk, machine)
        if content.kind == ZFS_MEMBER and POOL in (content.member_of, content.label)
    ]


def _unconfirmed(disk: Disk, targets: Sequence[Disk], machine: Machine, answers: Answers) -> Iterator[Problem]:
    setup = answers.disk_setup
    contents, uses = describe_contents(disk), tuple(_uses(disk, machine))
    if disk.system == UNFINISHED_TREBOL and not mountpoints_on(disk, machine):
        return
    if not (contents or uses):
        return
    if setup.wipe == "confirmed" and setup.disk_list:
        yield from _loosely_named(disk, setup.disk_list)
        return
    said = [_("is not empty: {contents}").format(contents="; ".join(contents))] if contents else []
    yield Problem(reduce(_also, [*said, *uses]), disk.stable_path, _how_to_confirm(targets, setup))


def _also(first: str, second: str) -> str:
    return _("{first}, and {second}").format(first=first, second=second)


def _how_to_confirm(targets: Sequence[Disk], setup: DiskSetup) -> str:
    """How the answers say that what is on the targets may be lost."""
    if setup.disk_list:
        return _("if all of that may be lost, set {yes} in [disk-setup]").format(yes=_CONFIRM)
    if len(targets) == 1:
        hint = _("if all of that may be lost, name it instead of a filter: {disks} and {yes}")
    else:
        hint = _("if all of that may be lost, name all of them instead of a filter: {disks} and {yes}")
    named = ", ".join(f'"{_name(target)}"' for target in targets)
    return hint.format(disks=f"disk-list = [{named}]", yes=_CONFIRM)


def _loosely_named(disk: Disk, names: Sequence[str]) -> Iterator[Problem]:
    """A yes to lose what is on "sda" may well have been meant for another disk."""
    if _name(disk) != disk.name and {disk.name, f"/dev/{disk.name}"}.intersection(names):
        yield Problem(
            _("is not empty, and {name} may be another disk each time the machine starts").format(name=disk.name),
            disk.stable_path,
            _("with {yes}, name it by what stays: {disks}").format(
                yes=_CONFIRM, disks=f'disk-list = ["{_name(disk)}"]'
            ),
        )


def _uses(disk: Disk, machine: Machine) -> Iterator[str]:
    """What the disk is used for right now: even where nothing known is on it, it is not free."""
    if mounted := [point for device in devices(disk) for point in device.mountpoints]:
        yield _("is mounted at {points}").format(points=", ".join(mounted))
    if holders := [holder for device in devices(disk) for holder in device.holders]:
        yield _("is in use by {names}").format(names=", ".join(holders))
    elif volumes := volumes_on(disk, machine):
        yield _("is in use by {names}").format(names=", ".join(volume.path for volume in volumes))


def _name(disk: Disk) -> str:
    return next(iter((*disk.by_id, *disk.by_path, disk.name)))


def _groups(disk: Disk, machine: Machine) -> set[str]:
    """Groups and arrays on a disk. Of an array that is not running, only its name tells what is on it."""
    kinds = (LVM_MEMBER, ARRAY_MEMBER)
    names = {
        content.member_of.rpartition(":")[2] for _name, content in contents_on(disk, machine) if content.kind in kinds
    }
    return names - {""}
