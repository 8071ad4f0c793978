"""Why what stands on the targets cannot be torn down: all reasons, each with what to do about it. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from trebol_common.errors import Problem
from trebol_common.i18n import _
from trebol_common.medium import LIVE_MEDIUM
from trebol_hardware.machine import (
    ARRAY_MEMBERS,
    BCACHE,
    BLUESTORE,
    LVM_MEMBER,
    MULTIPATH_MEMBER,
    SWAP,
    ZFS_MEMBER,
    Content,
    Volume,
    VolumeKind,
)
from trebol_installer.stacked import Node, Stack, group_uuid

#: What a running system has there it needs: the live system its medium and layers, any other its root and its data.
_NEEDED = frozenset(map(PurePosixPath, ("/", "/dev", "/proc", "/run", "/sys", "/tmp")))
_NEEDED_WITH_ALL_BELOW = tuple(
    PurePosixPath(path)
    for path in (
        *(
            "/bin",
            "/boot",
            "/cdrom",
            "/isodevice",
            "/efi",
            "/etc",
            "/home",
            "/lib",
            "/lib64",
            "/opt",
            "/root",
            "/sbin",
            "/usr",
        ),
        *("/var", "/run/initramfs", "/run/live", "/run/trebol/layers", str(LIVE_MEDIUM)),
    )
)


class Family(StrEnum):
    """Sets of devices of which none can be taken without the data of the others."""

    GROUP = "volume group"
    ARRAY = "array"
    POOL = "ZFS pool"
    CACHE = "bcache set"
    BTRFS = "btrfs"
    OSD = "OSD"
    VOLUME = "volume"


#: By blkid's type. A set of BlueStore is one OSD with its DB and WAL, not the cluster: other OSDs have its data too.
_FAMILIES: Mapping[str, Family] = {
    LVM_MEMBER: Family.GROUP,
    **dict.fromkeys(ARRAY_MEMBERS, Family.ARRAY),
    ZFS_MEMBER: Family.POOL,
    BCACHE: Family.CACHE,
    "btrfs": Family.BTRFS,
    BLUESTORE: Family.OSD,
}

_KINDS: Mapping[VolumeKind, Family] = {
    VolumeKind.LVM: Family.GROUP,
    VolumeKind.RAID: Family.ARRAY,
    VolumeKind.BCACHE: Family.CACHE,
}


@dataclass(frozen=True)
class _Shared:
    """A set of which the device `member` lies on a target, and others on disks that are none."""

    family: Family
    key: str
    name: str
    member: str
    others: tuple[str, ...]


def problems(stack: Stack) -> tuple[Problem, ...]:
    """Every reason not to touch the targets, in their order."""
    found = [problem for disk in stack.targets for problem in _of_target(disk.name, stack)]
    shared: dict[tuple[Family, str], _Shared] = {}
    for each in (*_shared_volumes(stack), *_shared_members(stack)):
        shared.setdefault((each.family, each.key), each)
    found += [_shared_problem(each, stack) for each in shared.values()]
    found += _mounted_inside(stack)
    return tuple(dict.fromkeys(found))


def is_needed(mountpoint: str) -> bool:
    """Whether the running system cannot do without what is mounted there."""
    path = PurePosixPath(mountpoint)
    return path in _NEEDED or any(path.is_relative_to(needed) for needed in _NEEDED_WITH_ALL_BELOW)


def mounted(node: Node) -> tuple[str, ...]:
    """Where a node is mounted, swap left out."""
    return tuple(point for point in node.mountpoints if point != SWAP)


def is_member(node: Node, kind: str) -> bool:
    """Whether something of blkid's type `kind` was found on a node."""
    return any(content.kind == kind for content in node.content)


def _of_target(name: str, stack: Stack) -> Iterator[Problem]:
    where = stack.path(name)
    disk = next(disk for disk in stack.targets if disk.name == name)
    if disk.medium:
        what = _("is installation medium or virtual media, never a target")
        yield Problem(what, where, _("choose another disk"))
    here = [node for node in stack.own() if name in stack.disks[node.name]]
    if points := sorted({point for node in here for point in mounted(node) if is_needed(point)}):
        what = _("is in use by the running system: mounted at {points}").format(points=", ".join(points))
        yield Problem(what, where, _("choose another disk"))
    maps = [node for node in here if isinstance(node, Volume) and node.kind is VolumeKind.MULTIPATH]
    if maps or any(is_member(node, MULTIPATH_MEMBER) for node in here):
        called = ", ".join(volume.path for volume in maps)
        yield Problem(
            _("is one of the paths to {map}").format(map=called or _("a multipath map")),
            where,
            _("leave one path to the disk (unplug or unmap the others), or choose another disk"),
        )


def _shared_volumes(stack: Stack) -> Iterator[_Shared]:
    """Of each volume that reaches beyond the targets, and of none that only stands on such a one."""
    for volume in stack.volumes:
        if not (others := stack.outside(volume.name)) or volume.kind is VolumeKind.MULTIPATH:
            continue
        if any(name in stack.refs and stack.outside(name) for name in volume.below) or _is_container(volume, stack):
            continue
        member = next((name for name in volume.below if name in stack.refs), volume.below[0])
        family = _KINDS.get(volume.kind, Family.VOLUME)
        name = (volume.group if family is Family.GROUP else "") or volume.path
        uuid = group_uuid(volume.uuid) if family is Family.GROUP else volume.uuid
        yield _Shared(family, _key(uuid, volume.path), name, member, others)


def _is_container(volume: Volume, stack: Stack) -> bool:
    """Whether this is where the metadata (DDF, Intel) of other arrays on the same disks is, which are told of."""
    same = [other for other in stack.volumes if other.kind is VolumeKind.RAID and {*other.below} & {*volume.below}]
    return volume.kind is VolumeKind.RAID and not volume.size and any(other.size for other in same)


def _shared_members(stack: Stack) -> Iterator[_Shared]:
    """Of each set that is known by what its members say of themselves, whether it is active or not."""
    members: defaultdict[tuple[Family, str], list[tuple[str, str]]] = defaultdict(list)
    for family, key, device, name in (*_by_contents(stack), *_by_volumes(stack)):
        members[family, key].append((device, name))
    for (family, key), held in members.items():
        own = [(device, name) for device, name in held if stack.on_target(device)]
        # What lies on both is told of where it was put together.
        others = {disk for device, _label in held if not stack.on_target(device) for disk in stack.outside(device)}
        if own and others:
            yield _Shared(family, key, own[0][1] or key, own[0][0], tuple(sorted(others)))


def _by_contents(stack: Stack) -> Iterator[tuple[Family, str, str, str]]:
    """Family, key, device and name of a set, for each of its members."""
    for device, node in stack.nodes.items():
        for content in node.content:
            family, name = _FAMILIES.get(content.kind), _name(content)
            if family and (key := _key(_set_uuid(content, family), name)):
                yield family, key, device, name


def _by_volumes(stack: Stack) -> Iterator[tuple[Family, str, str, str]]:
    """The same for active logical volumes, should nobody have asked LVM about the physical ones."""
    for node in stack.nodes.values():
        if isinstance(node, Volume) and (uuid := group_uuid(node.uuid)):
            for device in node.below:
                if device in stack.nodes:
                    yield Family.GROUP, _key(uuid, ""), device, node.group


def _set_uuid(content: Content, family: Family) -> str:
    """The UUID that all members of one set have. blkid's UUID of btrfs is the file system's, of md the array's; the
    group of a BlueStore is the cluster."""
    if family is Family.OSD:
        return content.uuid
    if family in (Family.BTRFS, Family.ARRAY):
        return content.group_uuid or content.uuid
    return content.group_uuid


def _name(content: Content) -> str:
    return content.member_of or (content.label if content.kind in ("btrfs", ZFS_MEMBER) else "")


def _key(uuid: str, name: str) -> str:
    """What tells one set from another; mdadm and blkid put different marks between the digits of one UUID."""
    return uuid.replace("-", "").replace(":", "") or name


def _shared_problem(shared: _Shared, stack: Stack) -> Problem:
    others = [
        stack.path(name)
        if name in stack.nodes
        else _("{path}, which the probe does not know").format(path=f"/dev/{name}")
        for name in shared.others
    ]
    targets = sorted(stack.disks[shared.member] & stack.target_names) if shared.member in stack.disks else []
    where = ", ".join(stack.path(name) for name in targets)
    return Problem(
        _("{set} also lies on {others}, whose data would be lost with it").format(
            set=_called(shared), others=", ".join(others)
        ),
        where,
        _hint(shared, stack.path(shared.member)),
    )


def _called(shared: _Shared) -> str:
    match shared.family:
        case Family.GROUP:
            text = _("volume group {name}")
        case Family.ARRAY:
            text = _("array {name}")
        case Family.POOL:
            text = _("ZFS pool {name}")
        case Family.CACHE:
            text = _("bcache set {name}")
        case Family.BTRFS:
            text = _("btrfs {name}")
        case Family.OSD:
            text = _("OSD {name}")
        case Family.VOLUME:
            text = _("volume {name}")
    return text.format(name=shared.name)


def _hint(shared: _Shared, node: str) -> str:
    """How to take the target out of the set, so that the other disks keep their data."""
    name = shared.name
    match shared.family:
        case Family.GROUP:
            text = _("move it off this disk first: pvmove {node}; vgreduce {name} {node}; pvremove {node}")
        case Family.ARRAY:
            name = name if name.startswith("/dev/") else f"/dev/md/{name}"
            text = _(
                "take this disk out of it first: mdadm {name} --fail {node} --remove {node}; "
                "mdadm --zero-superblock {node}"
            )
        case Family.POOL:
            text = _(
                "name all its disks, or take this one out of it first: zpool detach {name} {node}, or zpool "
                "replace by another; then zpool labelclear -f {node}"
            )
        case Family.CACHE:
            text = _("detach it first: echo 1 > /sys/block/bcacheN/bcache/detach, for each bcacheN of the set")
        case Family.BTRFS:
            text = _("take this disk out of it first: btrfs device remove {node} MOUNT-POINT")
        case Family.OSD:
            text = _("take {name} out of its cluster first, once that is healthy without it: ceph osd purge")
        case Family.VOLUME:
            text = _("move it off this disk first, or close it: lsblk shows what it belongs to")
    return text.format(name=name, node=node)


def _mounted_inside(stack: Stack) -> Iterator[Problem]:
    """File systems of other disks that would be unmounted because they are mounted on or inside a target's."""
    own = {node.name for node in stack.own()}
    points = {PurePosixPath(point) for name in own for point in mounted(stack.nodes[name])}
    for name, node in stack.nodes.items():
        for point in mounted(node) if name not in own else ():
            if _inside(PurePosixPath(point), points):
                yield Problem(
                    _("is mounted at {point}, which has to be unmounted").format(point=point),
                    stack.path(name),
                    _("unmount it first: umount {point}").format(point=point),
                )


def _inside(path: PurePosixPath, points: Iterable[PurePosixPath]) -> bool:
    return any(path.is_relative_to(point) for point in points)
