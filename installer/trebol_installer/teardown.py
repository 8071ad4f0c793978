"""Teardown: what has to be let go of, closed and wiped before a target is blank, as a value. Pure.

    disk ─┬─ partition ── PV ─┬─ group trebol ── root (mounted)          1  ReleaseMount root
          │                   │        └───────── swap (swapped to)      2  CloseGroup trebol
          └─ partition ── md127 ── LUKS ── bcache0                       3  CloseVolume bcache0, LUKS, md127
                                                                         4  WipeDisk disk
What is in use goes first, then volumes from the top down, then signatures: of partitions, and of the disk at last.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath

from trebol_common.errors import Problem
from trebol_common.i18n import _
from trebol_hardware.machine import BCACHE, BLUESTORE, SWAP, ZFS_MEMBER, Content, Disk, Machine, Volume, VolumeKind
from trebol_installer import steps
from trebol_installer.describe import describe_contents
from trebol_installer.stacked import Node, Stack, group_uuid, is_part_of_volume, reference, stack
from trebol_installer.steps import Held, Step
from trebol_installer.teardown_problems import is_member, mounted, problems
from trebol_installer.teardown_tree import Tree, tree

#: Steps after which something is gone.
_TAKE_AWAY = (steps.WipeDisk, steps.WipeVolume, steps.LeaveBcache)


@dataclass(frozen=True)
class Teardown:
    """How the targets become blank.

    `trees` shows each target as it is, with what will be done. `steps` is in order and ends with one `WipeDisk` for
    each target; it is empty where there are `problems`, reasons for which nothing may be done: raise them as Refused.
    `active` are the stable paths of those targets on which something is open: their bytes may change by themselves
    between probe and teardown, and do change when arrays are stopped or file systems unmounted.
    """

    trees: tuple[Tree, ...]
    steps: tuple[Step, ...]
    problems: tuple[Problem, ...] = ()
    active: tuple[str, ...] = ()

    @property
    def closing(self) -> tuple[Step, ...]:
        """The steps that take nothing off a disk: afterwards nothing on it is in use."""
        return tuple(step for step in self.steps if not isinstance(step, _TAKE_AWAY))

    @property
    def lines(self) -> tuple[str, ...]:
        """The trees for people, within 80 columns."""
        return tuple(line for each in self.trees for line in each.lines)


def teardown(machine: Machine, targets: Sequence[Disk]) -> Teardown:
    """Plan how `targets` become blank, each one of the machine's disks (known by its kernel name, in any order).

    Refused, by `Teardown.problems`, is what also lies on a disk that is no target (a group, array, pool, bcache set
    or btrfs, whether it is active or not), what the running system needs, and a path of a multipath map.
    """
    on = stack(machine, targets)
    found = problems(on)
    ordered: tuple[Step, ...] = ()
    try:
        ordered = tuple(_closing(on))
    except CycleError as error:
        names = ", ".join(dict.fromkeys(str(name) for name in error.args[1]))
        what = _("lie on each other in a circle: {names}").format(names=names)
        found += (Problem(what, _("volumes"), _("probe the machine again")),)
    wipes = [steps.WipeDisk(disk.stable_path, disk.size, describe_contents(disk)) for disk in targets]
    return Teardown(
        trees=tuple(tree(disk, on) for disk in targets),
        steps=() if found else (*_releases(on), *ordered, *wipes),
        problems=found,
        active=tuple(disk.stable_path for disk in targets if _is_active(disk, on)),
    )


def _is_active(disk: Disk, on: Stack) -> bool:
    here = [node for node in on.own() if disk.name in on.disks[node.name]]
    return any(isinstance(node, Volume) or node.mountpoints or node.holders for node in here)


def _releases(on: Stack) -> Iterator[Step]:
    """Swap, then mount points from the deepest up. Those of ZFS are left to the export of their pool."""
    points: defaultdict[str, list[Held]] = defaultdict(list)
    for node in on.own():
        if SWAP in node.mountpoints:
            yield steps.ReleaseSwap(on.refs[node.name])
        for point in mounted(node) if not _is_of_pool_alone(node) else ():
            points[point].append(on.refs[node.name])
    for point in sorted(points, key=lambda point: PurePosixPath(point).parts, reverse=True):
        yield steps.ReleaseMount(point, tuple(points[point]))


def _is_of_pool_alone(node: Node) -> bool:
    """Whether nothing but a ZFS pool, which is exported, can have mounted what is mounted of a node.

    An old label of ZFS may have outlived what was made over it, a file system in use.
    """
    return bool(node.content) and all(content.kind == ZFS_MEMBER and any(_pool(content)) for content in node.content)


@dataclass(frozen=True)
class _Unit:
    """What is closed at once: `makes` goes with it, and it lies on `below` (kernel's names, see also `_leave`)."""

    key: str
    makes: frozenset[str]
    below: frozenset[str]
    steps: tuple[Step, ...]


def _closing(on: Stack) -> Iterator[Step]:
    """Every closing step, from the top down. Raises CycleError where there is no top."""
    others = [*_pools(on), *_bcache_members(on), *_single(on, of_groups=False)]
    try:
        ordered = _ordered([*others, *_groups(on)])
    except CycleError:
        # Two groups may lie on volumes of each other, whose volumes one by one do not.
        ordered = _ordered([*others, *_single(on, of_groups=True)])
    for unit in ordered:
        yield from unit.steps


def _ordered(units: Sequence[_Unit]) -> list[_Unit]:
    """Each unit before those that it lies on; else in their own order."""
    standing_on: defaultdict[str, list[_Unit]] = defaultdict(list)
    for unit in units:
        for name in unit.below - unit.makes:
            standing_on[name].append(unit)
    by_key = {unit.key: unit for unit in units}
    sorter = TopologicalSorter[str]()
    for unit in units:
        sorter.add(unit.key, *(above.key for name in sorted(unit.makes) for above in standing_on[name]))
    return [by_key[key] for key in sorter.static_order()]


def _groups(on: Stack) -> Iterator[_Unit]:
    """Volume groups, told apart by UUID. A volume whose group is not known stands for itself."""
    groups: defaultdict[str, list[Volume]] = defaultdict(list)
    for volume in on.volumes:
        if uuid := _group(volume):
            groups[uuid].append(volume)
    for uuid, volumes in groups.items():
        yield _Unit(
            f"group {uuid}",
            frozenset(volume.name for volume in volumes),
            frozenset(name for volume in volumes for name in volume.below),
            (*(step for volume in volumes for step in _wiped(volume)), steps.CloseGroup(volumes[0].group, uuid)),
        )


def _single(on: Stack, *, of_groups: bool) -> Iterator[_Unit]:
    """Volumes that are closed one by one; `of_groups`: those of volume groups, else all others."""
    for volume in on.volumes:
        if bool(_group(volume)) is not of_groups:
            continue
        below = {*volume.below, *_containers(volume, on)}
        if volume.kind is VolumeKind.BCACHE:
            below |= {_leave(name) for name in volume.below}
        close = () if is_part_of_volume(volume) else (steps.CloseVolume(reference(volume)),)
        yield _Unit(volume.name, frozenset({volume.name}), frozenset(below), (*_wiped(volume), *close))


def _group(volume: Volume) -> str:
    return group_uuid(volume.uuid) if volume.kind is VolumeKind.LVM else ""


def _containers(volume: Volume, on: Stack) -> Iterator[str]:
    """The arrays that hold the metadata (DDF, Intel) of `volume`: they have no size, and the same devices."""
    if volume.kind is VolumeKind.RAID and volume.size:
        for other in on.volumes:
            if other.kind is VolumeKind.RAID and not other.size and {*other.below} & {*volume.below}:
                yield other.name


def _wiped(volume: Volume) -> tuple[Step, ...]:
    """The copies of a BlueStore's label lie at places of its own device. Those in a closed logical volume are found
    by `WipeDisk`, or here where its physical volume is itself a volume (md, bcache): the probe tells of it there.
    """
    return (steps.WipeVolume(reference(volume)),) if is_member(volume, BLUESTORE) else ()


def _leave(name: str) -> str:
    """The name in the graph of bcache's hold on a member: below bcacheN, above the member."""
    return f"bcache on {name}"


def _bcache_members(on: Stack) -> Iterator[_Unit]:
    for node in on.own():
        if is_member(node, BCACHE):
            hold = _leave(node.name)
            yield _Unit(hold, frozenset({hold}), frozenset({node.name}), (steps.LeaveBcache(on.refs[node.name]),))


def _pools(on: Stack) -> Iterator[_Unit]:
    """ZFS pools, told apart by guid, or by name where that is all there is."""
    found: dict[str, _Unit] = {}
    for node in on.own():
        for content in node.content:
            name, guid = _pool(content)
            if content.kind == ZFS_MEMBER and (name or guid):
                key = f"pool {guid or name}"
                known = found.get(key, _Unit(key, frozenset(), frozenset(), (steps.ExportPool(name, guid),)))
                found[key] = replace(known, below=known.below | {node.name})
    yield from found.values()


def _pool(content: Content) -> tuple[str, str]:
    """Name and guid of a pool by what one of its members says; "" is not known."""
    return content.member_of or content.label, content.group_uuid
