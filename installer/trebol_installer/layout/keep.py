"""A new system beside the guests' disks of the old one: the same layout, taken over instead of made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trebol_common.errors import Problem, Refused
from trebol_common.i18n import _
from trebol_hardware.machine import ARRAY_MEMBER, LUKS, LVM_MEMBER, ZFS_MEMBER, Content, Disk
from trebol_hardware.sizes import show_size
from trebol_hardware.systems import TREBOL
from trebol_installer import steps
from trebol_installer.layout import btrfs, lvm, zfs
from trebol_installer.layout.model import ESP_PARTITION, SYSTEM_PARTITION, Layout, Request, system_of
from trebol_installer.layout_rules import VOLUME_GROUP
from trebol_installer.sizing import LEAST_ESP, needed_root
from trebol_installer.steps import Mount, PartitionKind, PlannedPartition, Step

#: What the third partition holds in each layout, by blkid's type.
_HOLDS = {
    PartitionKind.LVM: LVM_MEMBER,
    PartitionKind.RAID: ARRAY_MEMBER,
    PartitionKind.BTRFS: "btrfs",
    PartitionKind.ZFS: ZFS_MEMBER,
}

#: Members of one array, file system or pool have its UUID; those of LVM and LUKS have their own.
_SHARE_UUID = frozenset({ARRAY_MEMBER, "btrfs", ZFS_MEMBER})

#: `ReuseVolumeGroup` changes no volume's size.
_GROUP_AS_IT_WAS = "root, swap and data keep their sizes: what [disk-setup.lvm] says of them is for new ones"

#: `ReusePool` changes nothing of the pool itself.
_POOL_AS_IT_WAS = "the pool keeps its own properties: what [disk-setup.zfs] says of them is for a new one"


def keep(request: Request, made: Layout) -> Layout:
    """`made`, which is the layout that would be made anew, over what is there: `data` stays, the system goes.

    Raises Refused where the targets do not hold a node of this layout.
    """
    kind = made.partitions[-1].kind
    expected = LUKS if made.encrypted and kind is not PartitionKind.RAID else _HOLDS[kind]
    if problems := list(_problems(request.targets, expected)):
        raise Refused.of(problems)
    first = request.targets[0]
    kinds = (PartitionKind.BIOS_BOOT, PartitionKind.ESP, kind)
    partitions = tuple(
        PlannedPartition(partition.number, planned, partition.start, partition.size)
        for partition, planned in zip(first.partitions, kinds, strict=True)
    )
    match kind:
        case PartitionKind.BTRFS:
            build, mounts = _btrfs(request, made)
            notes = made.notes
        case PartitionKind.ZFS:
            build, mounts = _zfs(request, made)
            notes = (*made.notes, _(_POOL_AS_IT_WAS))
        case _:
            build, mounts = _lvm(request, made)
            notes = (_(_GROUP_AS_IT_WAS),)
    return Layout(
        partitions=partitions,
        build=tuple(build),
        mounts=mounts,
        root=made.root,
        title=_("{layout}, data kept").format(layout=made.title),
        volumes=(_("root: made anew in its old place"), _("data: kept as it is")),
        words=made.words,
        encrypted=made.encrypted,
        kept=True,
        prepare=made.prepare,
        finish=made.finish,
        notes=notes,
    )


def _lvm(request: Request, made: Layout) -> tuple[list[Step], tuple[Mount, ...]]:
    opened: list[Step] = [
        steps.AssembleArray(step.path, step.level, step.members)
        for step in made.build
        if isinstance(step, steps.CreateArray)
    ]
    opened += _containers(made)
    (group,) = (step for step in made.build if isinstance(step, steps.CreateVolumeGroup))
    filesystem = request.setup.filesystem.value
    opened += [
        steps.ReuseVolumeGroup(VOLUME_GROUP, group.device, needed_root(request.unpacked), "data"),
        steps.MakeFilesystem(lvm.ROOT, filesystem, "trebol-root"),
        steps.MountTarget(lvm.ROOT, "/"),
    ]
    return opened, (Mount(lvm.ROOT, "/", filesystem), Mount(lvm.SWAP, "none", "swap", optional=True))


def _btrfs(request: Request, made: Layout) -> tuple[list[Step], tuple[Mount, ...]]:
    (pool,) = (step for step in made.build if isinstance(step, steps.MakeBtrfs))
    mount = made.build[-1]
    needed = needed_root(request.unpacked)
    replace = steps.ReplaceSubvolume(pool.devices, pool.data, btrfs.ROOT, btrfs.DATA, needed)
    return [*_containers(made), replace, mount], made.mounts


def _zfs(request: Request, made: Layout) -> tuple[list[Step], tuple[Mount, ...]]:
    (pool,) = (step for step in made.build if isinstance(step, steps.CreatePool))
    (guid,) = {content.uuid for disk in request.targets for content in system_of(disk)}
    reuse = steps.ReusePool(
        pool.name,
        guid,
        pool.level,
        pool.groups,
        pool.encrypted,
        zfs.ROOT,
        needed_root(request.unpacked),
        zfs.DATA,
    )
    return [reuse, *zfs.ROOT_STEPS, made.build[-1]], made.mounts


def _containers(made: Layout) -> list[Step]:
    return [steps.OpenContainer(device, name) for name, device in made.encrypted]


def _problems(targets: Sequence[Disk], expected: str) -> Iterator[Problem]:
    hint = _("leave keep out of [disk-setup], or name the disks of the node whose data is to be kept")
    found: list[Content] = []
    for disk in targets:
        inside = system_of(disk)
        sizes = {partition.number: partition.size for partition in disk.partitions}
        if disk.system != TREBOL or [*sizes] != [1, ESP_PARTITION, SYSTEM_PARTITION] or not _is_one(inside, expected):
            other = _("holds no node of this layout, whose third partition is {kind}").format(kind=expected)
            yield Problem(other, disk.stable_path, hint)
        elif sizes[ESP_PARTITION] < LEAST_ESP:
            small = _("has an EFI system partition of {size}; {needed} are needed").format(
                size=show_size(sizes[ESP_PARTITION]), needed=show_size(LEAST_ESP)
            )
            yield Problem(small, disk.stable_path, hint)
        found += inside
    if expected in _SHARE_UUID and len({content.uuid for content in found}) > 1:
        several = _("are members of more than one {kind}").format(kind=expected)
        yield Problem(several, "disk-setup.disk-list", hint)


def _is_one(contents: Sequence[Content], expected: str) -> bool:
    """Whether a partition holds just this, and says what it is part of."""
    return [content.kind for content in contents] == [expected] and bool(contents[0].uuid)
