"""Why a disk can never be a target of an installation, or only with an explicit yes; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from trebol_common.i18n import _
from trebol_common.medium import LIVE_MEDIUM
from trebol_hardware.alike import is_same, is_twin
from trebol_hardware.content_words import held
from trebol_hardware.machine import (
    ARRAY_MEMBERS,
    BCACHE,
    BLUESTORE,
    LVM_MEMBER,
    ZFS_MEMBER,
    Content,
    Disk,
    FirmwareMode,
    Machine,
    VolumeKind,
)
from trebol_hardware.probe.identity import is_bmc_media
from trebol_hardware.probe.signatures import UNREADABLE
from trebol_hardware.stack import contents_on, devices, mountpoints_on, volumes_on
from trebol_hardware.systems import UNFINISHED_TREBOL


class ObstacleCode(StrEnum):
    """Which obstacle it is; a code never changes its meaning."""

    MEDIUM = "medium"
    BMC_MEDIA = "bmc-media"
    READ_ONLY = "read-only"
    MULTIPATH = "multipath"
    BOOT_AREA = "boot-area"
    NO_SIZE = "no-size"
    UNREADABLE = "unreadable"
    RUNNING_SYSTEM = "running-system"
    CANNOT_BOOT = "cannot-boot"
    HOLDS = "holds"
    MOUNTED = "mounted"
    ACTIVE = "active"
    SHARED = "shared"
    SECOND_PATH = "second-path"
    SAME_SERIAL = "same-serial"


@dataclass(frozen=True)
class Obstacle:
    """One reason against a disk as a target: `what` it is, and what to do about it (`hint`), in the user's language.

    `final`: nothing that an answer could say makes it a target. `others` are the kernel names of further disks that
    it is about: those that share data with it, or look the same.
    """

    code: ObstacleCode
    what: str
    hint: str
    final: bool
    others: tuple[str, ...] = ()


#: Boot areas of eMMC and UFS, beside the disk that they belong to.
_BOOT_AREA = re.compile(r"mmcblk\d+(boot\d+|rpmb|gp\d+)")

#: Where a running system, installed or live, has what it runs from; and folders below which it has it. Not among them
#: is where an installation mounts its target: after one that failed, the next has to be possible.
_SYSTEM = frozenset({"/", "/usr", "/etc", "/var", "/boot", "/boot/efi", "/efi", "/cdrom", "/isodevice"})
_SYSTEM_FOLDERS = (
    "/run/live/",
    f"{LIVE_MEDIUM}/",
    f"{LIVE_MEDIUM.parent}/layers/",
    "/run/initramfs/",
    "/lib/live/mount/",
    "/usr/",
)


def obstacles(disk: Disk, machine: Machine) -> tuple[Obstacle, ...]:
    """What stands against `disk`, one of the disks of `machine`, as a target; final reasons first."""
    found = [*_of_the_disk(disk, machine), *_of_its_use(disk, machine), *_of_others(disk, machine)]
    return tuple(sorted(found, key=lambda obstacle: not obstacle.final))


def _of_the_disk(disk: Disk, machine: Machine) -> Iterator[Obstacle]:
    other = _("Choose another disk.")
    if is_bmc_media(disk.by_id):
        yield _final(ObstacleCode.BMC_MEDIA, _("virtual media of the management controller"), other)
    elif disk.medium:
        yield _final(ObstacleCode.MEDIUM, _("the medium that this machine was started from"), other)
    if disk.read_only:
        hint = _("Take its write protection off, or choose another disk.")
        yield _final(ObstacleCode.READ_ONLY, _("read-only"), hint)
    if _BOOT_AREA.fullmatch(disk.name):
        yield _final(ObstacleCode.BOOT_AREA, _("a boot area of the flash memory, not a disk"), other)
    if not disk.size:
        hint = _("Insert a medium, or give the disk a namespace.")
        yield _final(ObstacleCode.NO_SIZE, _("has no size: there is no medium in it"), hint)
    if any(content.kind == UNREADABLE for _name, content in contents_on(disk, machine)):
        hint = _("See what the kernel says of it (dmesg), and its cables; replace it if it is broken.")
        yield _final(ObstacleCode.UNREADABLE, _("cannot be read, so nobody knows what it holds"), hint)
    if disk.logical_sector != 512 and machine.firmware.mode is FirmwareMode.BIOS:
        yield _final(
            ObstacleCode.CANNOT_BOOT,
            _("has sectors of {size} bytes, from which nothing boots by BIOS").format(size=disk.logical_sector),
            _("Switch the firmware to UEFI, or choose a disk with sectors of 512 bytes."),
        )


def _of_its_use(disk: Disk, machine: Machine) -> Iterator[Obstacle]:
    volumes = volumes_on(disk, machine)
    maps = [volume for volume in volumes if volume.kind is VolumeKind.MULTIPATH and disk.name in volume.below]
    for volume in maps:
        yield _final(
            ObstacleCode.MULTIPATH,
            _("a path of multipath map {path}").format(path=volume.path),
            _("Nodes are not installed on storage that other machines reach too: choose a local disk."),
            others=tuple(name for name in volume.below if name != disk.name),
        )
    mounted = mountpoints_on(disk, machine)
    system = [point for point in mounted if point in _SYSTEM or f"{point}/".startswith(_SYSTEM_FOLDERS)]
    if system and not disk.medium:
        yield _final(
            ObstacleCode.RUNNING_SYSTEM,
            _("the running system runs from it: {points}").format(points=", ".join(system)),
            _("Start the machine from the installation medium, or choose another disk."),
        )
    if rest := [point for point in mounted if point not in system]:
        yield Obstacle(
            ObstacleCode.MOUNTED,
            _("in use: {points}").format(points=", ".join(rest)),
            _("Whatever uses it loses it: it is let go before anything is written."),
            final=False,
        )
    if active := [volume.path for volume in volumes if volume not in maps]:
        yield Obstacle(
            ObstacleCode.ACTIVE,
            _("volumes on it are active: {paths}").format(paths=", ".join(active)),
            _("They are closed before anything is written."),
            final=False,
        )
    elif not volumes and (holders := sorted({name for device in devices(disk) for name in device.holders})):
        yield Obstacle(
            ObstacleCode.ACTIVE,
            _("in use by {names}").format(names=", ".join(holders)),
            _("Stop that first: lsblk shows what it belongs to."),
            final=False,
        )
    if (phrases := list(held(disk, machine))) and disk.system != UNFINISHED_TREBOL:
        yield Obstacle(
            ObstacleCode.HOLDS,
            _("it is not empty: {things}").format(things="; ".join(phrases)),
            _('All of that is lost. To say yes, name the disk in disk-list and set wipe = "confirmed".'),
            final=False,
        )


def _of_others(disk: Disk, machine: Machine) -> Iterator[Obstacle]:
    others = [other for other in machine.disks if other.name != disk.name]
    yield from _shared(disk, others, machine)
    paths = {
        name
        for volume in machine.volumes
        if volume.kind is VolumeKind.MULTIPATH and disk.name in volume.below
        for name in volume.below
    }
    alike = [other for other in others if other.name not in paths]
    same = [other for other in alike if is_same(disk, other)]
    if same:
        yield Obstacle(
            ObstacleCode.SECOND_PATH,
            _("{disks}: the same disk by another path (WWN {wwn})").format(
                disks=", ".join(other.name for other in same), wwn=disk.wwn
            ),
            _("Unplug all paths but one, or choose another disk."),
            final=False,
            others=tuple(other.name for other in same),
        )
    twins = [other for other in alike if other not in same and is_twin(disk, other)]
    if twins:
        yield Obstacle(
            ObstacleCode.SAME_SERIAL,
            _("{disks}: the same serial number ({serial})").format(
                disks=", ".join(other.name for other in twins), serial=disk.serial
            ),
            _("Name the disk by its place (/dev/disk/by-path/…), or take the others out."),
            final=False,
            others=tuple(other.name for other in twins),
        )


def _shared(disk: Disk, others: list[Disk], machine: Machine) -> Iterator[Obstacle]:
    """Groups, arrays and pools that lie on other disks too, by what is written there; by what is active where nothing
    written tells. What lies on an array that was named already is not named again, unless it reaches further."""
    theirs = {other.name: (_groups(other, machine), volumes_on(other, machine)) for other in others}
    told: set[str] = set()
    for key, name in _groups(disk, machine).items():
        named = [other for other in others if key in theirs[other.name][0]]
        if not told.issuperset(other.name for other in named):
            told.update(other.name for other in named)
            yield _shares(name, named)
    for volume in volumes_on(disk, machine):
        named = [other for other in others if volume in theirs[other.name][1]]
        if volume.kind is not VolumeKind.MULTIPATH and not told.issuperset(other.name for other in named):
            told.update(other.name for other in named)
            yield _shares(volume.path, named)


def _shares(name: str, others: list[Disk]) -> Obstacle:
    return Obstacle(
        ObstacleCode.SHARED,
        _("{name} lies on {disks} too, whose data would be lost with it").format(name=name, disks=_names(others)),
        _("Give those disks as well, or move the data off this one first."),
        final=False,
        others=tuple(other.name for other in others),
    )


def _groups(disk: Disk, machine: Machine) -> dict[tuple[str, str], str]:
    """What a disk is a member of, in words, by kind and UUID (by name where no UUID is known)."""
    found: dict[tuple[str, str], str] = {}
    for _name, content in contents_on(disk, machine):
        if (group := _group(content)) is not None:
            key, words = group
            found.setdefault((content.kind, key), words)
    return found


def _group(content: Content) -> tuple[str, str] | None:
    """The identity and the name of what a content is a member of; None where it stands alone."""
    identity = content.group_uuid or content.member_of
    match content.kind:
        case kind if kind == LVM_MEMBER and identity:
            return identity, _("LVM group {name}").format(name=content.member_of or identity)
        case kind if kind in ARRAY_MEMBERS and identity:
            return identity, _("RAID array {name}").format(name=content.member_of or identity)
        case kind if kind == ZFS_MEMBER and identity:
            return identity, _("ZFS pool {name}").format(name=content.member_of or identity)
        case kind if kind == BCACHE and identity:
            return identity, _("bcache set {name}").format(name=identity)
        case "btrfs" if content.uuid:
            return content.uuid, _("btrfs {name}").format(name=content.label or content.uuid)
        case kind if kind == BLUESTORE and content.member_of:
            # A cluster is on many disks and survives the loss of one; an OSD with a DB elsewhere does not.
            return f"{content.group_uuid}/{content.member_of}", _("Ceph {osd}").format(osd=content.member_of)
    return None


def _names(disks: list[Disk]) -> str:
    return ", ".join(
        _("{name} (serial {serial})").format(name=disk.name, serial=disk.serial) if disk.serial else disk.name
        for disk in disks
    )


def _final(code: ObstacleCode, what: str, hint: str, *, others: tuple[str, ...] = ()) -> Obstacle:
    return Obstacle(code, what, hint, final=True, others=others)
