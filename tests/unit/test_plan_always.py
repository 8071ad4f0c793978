"""What is true of every plan, whatever the machine and the answers: 10,000 pairs of them, generated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from random import Random
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.answer_files import GIB, answers
from tests.unit.generated_answers import (
    MEDIA,
    SHAPES,
    Choice,
    disk_setup,
    some_checks,
    some_choice,
    some_cluster,
    some_first_boot,
    some_layout,
    some_webhook,
)
from tests.unit.generated_machines import (
    MODULE_KEY,
    lies_on,
    names_by_ref,
    nodes,
    nodes_of,
    old_machines,
    tangled_machines,
)

from trebol_common.answers.model import Answers, Checks, Cluster, DiskSetup, Filesystem, FirstBoot, Webhook
from trebol_common.errors import BadInput, Refused
from trebol_hardware.machine import SWAP, ZFS_MEMBER, Content, Disk, FirmwareMode, Machine, Volume, VolumeKind
from trebol_hardware.sizes import show_size
from trebol_installer import steps
from trebol_installer.disk_names import clearly_named, names_of
from trebol_installer.hardware import checked
from trebol_installer.layout_rules import rule
from trebol_installer.plan import Plan, plan
from trebol_installer.render import render, to_json
from trebol_installer.sizing import (
    ALIGNMENT,
    ARRAY_OFFSET,
    EXTENT,
    LARGE_DISK,
    LEAST_CACHE,
    LEAST_ESP,
    LEAST_MEMBER,
    LUKS_HEADER,
    MIB,
    needed_root,
)
from trebol_installer.stacked import group_uuid, is_part_of_volume, reference
from trebol_installer.steps import PartitionKind, PartitionRef

#: On each machine, every layout is planned on every choice of disks.
MACHINES, LAYOUTS, CHOICES = 480, 5, 5

_ANSWERS = answers()


@dataclass(frozen=True)
class Case:
    """A machine, and what is planned on it."""

    machine: Machine
    layouts: tuple[Mapping[str, Any], ...]
    choices: tuple[Choice, ...]
    checks: Checks
    cluster: Cluster
    first_boot: FirstBoot | None
    webhook: Webhook | None


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Of nine machines five have anything on them, one has volumes that make no sense, and three are nodes of Trebol
    that could keep their data by most of the layouts.

    The answers are those of a seed: hypothesis would rather make new examples of old ones by changing an answer, and
    most of the 10,000 pairs would be the same.
    """
    random = Random(draw(st.integers(0, 2**32)))
    shapes = [random.choice(SHAPES) for _ in range(LAYOUTS)]
    choices = [some_choice(random) for _ in range(CHOICES)]
    kind = random.randrange(9)
    if kind < 5:
        machine = draw(old_machines())
    elif kind < 6:
        machine = draw(tangled_machines())
    else:
        shapes[1:] = shapes[:1] * 3 + shapes[-1:]
        old = some_layout(shapes[0], random)
        machine = draw(nodes(old, rule(disk_setup(old)).disks.least))
        choices[:2] = [replace(each, filter=None, wipe=True, keep=True) for each in choices[:2]]
    layouts = tuple(some_layout(shape, random) for shape in shapes)
    rest = some_checks(random), some_cluster(random), some_first_boot(random), some_webhook(random)
    return Case(machine, layouts, tuple(choices), *rest)


#: Steps that change nothing on any disk.
LOOKING = (steps.CheckTarget, steps.GetExecutable, steps.VerifyLayers, steps.LoadZfs)

#: What makes a disk blank or its contents anew: never, where data is kept.
LOSING = (
    *(steps.WipeDisk, steps.WipeVolume, steps.LeaveBcache, steps.PartitionDisk, steps.CreateArray),
    *(steps.EncryptDevice, steps.CreateVolumeGroup, steps.CreateVolume, steps.CreateThinPool, steps.MakeSwap),
    *(steps.MakeBtrfs, steps.CreatePool),
)

#: What lets go of what is open.
CLOSING = (
    *(steps.ReleaseSwap, steps.ReleaseMount, steps.ExportPool, steps.CloseGroup, steps.CloseVolume),
    *(steps.LeaveBcache, steps.WipeVolume),
)

#: What is said of some refusals, each of another kind.
REASONS = (
    "also lies on",
    "are members of more than one",
    "built without ZFS",
    "can never be a target",
    "does not tell them apart",
    "holds no node of this layout",
    "holds a ZFS pool named",
    "holds a volume group or array named",
    "is in use by the running system",
    "is mounted at",
    "is no key of a filter",
    "is not empty",
    "is one of the paths to",
    "lvm.swapsize leaves",
    "matches no disk",
    "may be another disk each time",
    "open; a volume of the node has to have that name",
    "sectors of different sizes",
    "Secure Boot is on",
    "the disk has",
    "the TPM",
    "two paths to one disk",
    "wants disks of one size",
)


@cache
def explored() -> Counter[str]:
    """Plan every pair, and look at every plan. Returns how often there was what.

    Of the pairs, those that differ are counted, and planned. A step is counted once for each plan that has it, by
    its class; the kinds of volumes that are closed likewise.
    """
    seen, pairs = Counter[str](), set[tuple[str, ...]]()

    # The same pairs in every run: what is counted is a property of the generators.
    @settings(
        max_examples=MACHINES, deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck]
    )
    @given(cases())
    def explore(case: Case) -> None:
        plan_each(case, seen, pairs)

    explore()
    return seen + Counter(pairs=len(pairs))


@pytest.mark.timeout(600)
def test_every_plan_names_only_targets_fits_them_and_boots_from_each() -> None:
    seen = explored()

    assert seen["pairs"] >= 10_000
    assert seen["plans"] >= 1_500


@pytest.mark.timeout(600)
def test_plans_of_every_kind_and_refusals_for_many_reasons_are_among_them() -> None:
    seen = explored()

    wanted = [
        *(step.__name__ for step in get_args(steps.Step)),
        *(kind.value for kind in VolumeKind if kind is not VolumeKind.MULTIPATH),
        *("by a filter", "filter on several keys", "kept", "kept and closed", "several disks torn down"),
    ]
    assert {what: seen[what] for what in wanted if seen[what] < 10} == {}
    assert [reason for reason in REASONS if not seen[reason]] == []


def plan_each(case: Case, seen: Counter[str], pairs: set[tuple[str, ...]]) -> None:
    """Plan every layout on every choice of disks, and add those pairs to `pairs`. Raises AssertionError for a plan
    that is not as it should be."""
    # The hardware checks are the same for all answers, and have tests of their own.
    findings = checked(case.machine, case.checks)
    reach, described = reached_by_name(case.machine), str(case.machine)
    last: Plan | None = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trebol_installer.plan.checked", lambda machine, checks: findings)
        for choice in case.choices:
            for layout in case.layouts:
                setup = choice.setup(layout, case.machine)
                pair = (described, str(setup), choice.medium, choice.module_key)
                if pair in pairs:
                    continue
                pairs.add(pair)
                wanted = _ANSWERS.model_copy(
                    update={
                        "disk_setup": setup,
                        "checks": case.checks,
                        "cluster": case.cluster,
                        "first_boot": case.first_boot,
                        "post_installation_webhook": case.webhook,
                    }
                )
                try:
                    made = plan(case.machine, wanted, MEDIA[choice.medium], module_key=choice.module_key)
                    check_plan(made, case.machine, wanted, reach)
                    check_medium(made, case.machine, choice)
                except (BadInput, Refused) as error:
                    assert error.problems and all(problem.what for problem in error.problems)
                    told = "\n".join(problem.what for problem in error.problems)
                    seen.update(reason for reason in REASONS if reason in told)
                    continue
                except Exception as error:
                    error.add_note(f"{choice} {setup}")
                    raise
                note(made, wanted, seen)
                last = made
    if last is not None:
        assert [line for line in render(last).splitlines() if len(line) > 80] == []
        assert to_json(last)


def note(made: Plan, wanted: Answers, seen: Counter[str]) -> None:
    """Count what there is in a plan."""
    setup = wanted.disk_setup
    closed = [step.volume.kind.value for step in of(made, steps.CloseVolume)]
    closed += ["lvm" for _ in of(made, steps.CloseGroup)]
    seen.update({type(step).__name__ for step in made.steps} | {*closed})
    seen["plans"] += 1
    seen["by a filter"] += bool(setup.filter)
    seen["filter on several keys"] += len(setup.filter or {}) > 1
    seen["kept"] += bool(setup.keep)
    seen["kept and closed"] += bool(setup.keep and closed)
    seen["several disks torn down"] += bool(len(made.disks) > 1 and closed and not setup.keep)


def of(made: Plan, kind: type | Any) -> list[Any]:
    return [step for step in made.steps if isinstance(step, kind)]


def reached_by_name(machine: Machine) -> dict[str, set[str]]:
    """Every name in /dev of a disk, a partition or a volume → the kernel's names of the disks that it lies on."""
    on, reach = lies_on(machine), dict[str, set[str]]()
    for disk in clearly_named(machine).disks:
        names = [*names_of(disk), *(f"/dev/{inside.name}" for inside in disk.partitions)]
        reach |= {name: {disk.name} for name in names if name.startswith("/dev/")}
    for volume in machine.volumes:
        names = [volume.path, f"/dev/{volume.name}"]
        if volume.group:
            names.append(volume.path.replace("/mapper/", "/").replace(f"{volume.group}-", f"{volume.group}/"))
        for name in names:
            # Two volumes of one name may be meant by it.
            reach[name] = reach.get(name, set()) | on[volume.name]
    return reach


def texts_in(value: object) -> Iterator[str]:
    """Every text that a step holds, and every disk of a partition."""
    match value:
        case str():
            yield value
        case PartitionRef():
            yield value.disk
        case tuple():
            for item in value:
                yield from texts_in(item)
        case _ if is_dataclass(value):
            for field in fields(value):
                yield from texts_in(getattr(value, field.name))


def check_plan(made: Plan, machine: Machine, wanted: Answers, reach: Mapping[str, set[str]]) -> None:
    """Raise AssertionError unless the plan is safe, fits and boots."""
    setup = wanted.disk_setup
    targets = {disk.path for disk in made.disks}
    chosen = {disk.stable_path: disk for disk in clearly_named(machine).disks if disk.stable_path in targets}
    assert len(chosen) == len(made.disks) == len(targets)
    for disk in chosen.values():
        assert not (disk.medium or disk.read_only)
        holds = bool(disk.content or disk.partitions or disk.mountpoints or disk.holders)
        assert not holds or (setup.wipe == "confirmed" and setup.disk_list)
    named = {text for step in made.steps for text in texts_in(step) if text in reach}
    assert set().union(*(reach[name] for name in named)) == {disk.name for disk in chosen.values()}
    assert named >= targets
    # Every target is looked at before the first is written to.
    last_look = max(index for index, step in enumerate(made.steps) if isinstance(step, steps.CheckTarget))
    assert last_look < min(index for index, step in enumerate(made.steps) if not isinstance(step, LOOKING))
    assert {step.disk for step in of(made, steps.CheckTarget)} == targets
    check_closed(made, machine, {disk.name for disk in chosen.values()})
    check_boot(made, targets)
    if setup.keep:
        check_kept(made, chosen)
    else:
        check_made(made, chosen, setup)


def check_closed(made: Plan, machine: Machine, own: set[str]) -> None:
    """Raise AssertionError unless all that is in use on the targets, and no more, is let go of before the rest."""
    on, known = lies_on(machine), names_by_ref(clearly_named(machine))
    closed = {step.volume for step in of(made, steps.CloseVolume)}
    exported = {step.guid or step.pool for step in of(made, steps.ExportPool)}
    groups = {step.uuid for step in of(made, steps.CloseGroup)}
    points = {step.mountpoint: {*step.devices} for step in of(made, steps.ReleaseMount)}
    swaps = {step.device for step in of(made, steps.ReleaseSwap)}
    refs = {name: ref for ref, name in known.items()}
    for node in nodes_of(machine):
        pools = [content for content in node.content if content.kind == ZFS_MEMBER]
        if not on[node.name] & own:
            # Nor may anything of another disk go with what is let go of.
            assert group_uuid(getattr(node, "uuid", "")) not in groups - {""}
            assert not any(content.group_uuid in groups for content in node.content if content.kind == "LVM2_member")
            assert not any(key in exported for each in pools for key in _pool_keys(each))
            assert not any(f"{point}/".startswith(f"{left}/") for point in node.mountpoints for left in points)
            continue
        assert on[node.name] <= own
        for point in node.mountpoints:
            if point == SWAP:
                assert refs[node.name] in swaps
            else:
                # What is mounted of a pool goes with it.
                of_pool = pools and len(pools) == len(node.content) and all(map(_pool_keys, pools))
                assert of_pool or refs[node.name] in points[point]
        assert all({*_pool_keys(each)} <= exported for each in pools)
        if isinstance(node, Volume) and not is_part_of_volume(node):
            assert reference(node) in closed or group_uuid(node.uuid) in groups
    closing = [index for index, step in enumerate(made.steps) if isinstance(step, CLOSING)]
    looking = [index for index, step in enumerate(made.steps) if isinstance(step, LOOKING)]
    rest = [index for index, step in enumerate(made.steps) if not isinstance(step, (*CLOSING, *LOOKING))]
    assert not closing or max(looking) < min(closing) <= max(closing) < min(rest)


def _pool_keys(member: Content) -> list[str]:
    """What tells the pool of a ZFS member: its guid, else its name; nothing where neither is known."""
    return [key for key in (member.group_uuid, member.member_of or member.label) if key][:1]


def check_boot(made: Plan, targets: set[str]) -> None:
    """Raise AssertionError unless every target has all that it needs to boot alone."""
    (boot,) = of(made, steps.InstallBootLoader)
    assert sorted(each.esp.disk for each in boot.boot) == sorted(targets)
    assert {each.esp.number for each in boot.boot} == {2}
    assert {each.device for each in of(made, steps.MakeFilesystem) if each.kind == "vfat"} == {
        each.esp for each in boot.boot
    }
    mounts = of(made, steps.MountTarget | steps.MountDataset)
    assert [step.at if isinstance(step, steps.MountTarget) else "/" for step in mounts] == ["/", "/boot/efi"]
    (containers,) = of(made, steps.WriteEncryption) or [steps.WriteEncryption(())]
    opened = of(made, steps.EncryptDevice | steps.OpenContainer)
    assert [(step.name, step.device) for step in opened] == [*containers.containers]
    bound = [step.device for step in of(made, steps.BindToTpm)]
    assert not bound or bound == [step.device for step in opened]


def check_medium(made: Plan, machine: Machine, choice: Choice) -> None:
    """Raise AssertionError unless the medium has what is installed, and the machine takes it."""
    zfs = of(made, steps.CreatePool | steps.ReusePool)
    layers = [step.layer for step in of(made, steps.ExtractLayer)]
    assert sorted(layers) == (["appliance", "base", "zfs"] if zfs else ["appliance", "base"])
    assert len(of(made, steps.LoadZfs)) == len(of(made, steps.MergePackages)) == len(zfs)
    firmware = machine.firmware
    if zfs:
        assert choice.medium != "without ZFS"
        strange = bool(choice.module_key) and firmware.certificates not in (None, (MODULE_KEY,))
        assert not (firmware.secure_boot and strange)
    if of(made, steps.BindToTpm):
        assert machine.tpm == "2.0" and firmware.mode is FirmwareMode.UEFI


def check_kept(made: Plan, chosen: Mapping[str, Disk]) -> None:
    """Raise AssertionError unless an old node is taken over, with nothing of it lost but its system."""
    assert not [step for step in made.steps if isinstance(step, LOSING)]
    needed = needed_root(sum(step.unpacked for step in of(made, steps.ExtractLayer)))
    (taken,) = of(made, steps.ReuseVolumeGroup | steps.ReplaceSubvolume | steps.ReusePool)
    match taken:
        case steps.ReuseVolumeGroup(_, _, size, kept) | steps.ReplaceSubvolume(_, _, _, kept, size):
            assert (size, kept) == (needed, "data")
        case steps.ReusePool(guid=guid, root_size=size, kept=kept):
            assert (size, kept) == (needed, "rpool/data")
            assert {disk.partitions[2].content[0].uuid for disk in chosen.values()} == {guid}
    for disk in chosen.values():
        assert disk.system == "Trebol"
        assert [partition.number for partition in disk.partitions] == [1, 2, 3]
        assert disk.partitions[1].size >= LEAST_ESP
    assert all("data: kept as it is" in " ".join((*made.together, *each.after)) for each in made.disks)


def check_made(made: Plan, chosen: Mapping[str, Disk], setup: DiskSetup) -> None:
    """Raise AssertionError unless every target is made blank and gets partitions that fit, in whole MiB."""
    assert not of(made, steps.ReuseVolumeGroup | steps.ReplaceSubvolume | steps.ReusePool)
    for kind in (steps.WipeDisk, steps.PartitionDisk):
        assert sorted(step.disk for step in of(made, kind)) == sorted(chosen)
    partitioned = [isinstance(step, steps.PartitionDisk) for step in made.steps]
    assert not any(isinstance(step, steps.WipeDisk) for step in made.steps[partitioned.index(True) :])
    (partitions,) = {step.partitions for step in of(made, steps.PartitionDisk)}
    assert [partition.number for partition in partitions] == [1, 2, 3]
    assert [partition.kind for partition in partitions[:2]] == [PartitionKind.BIOS_BOOT, PartitionKind.ESP]
    end = ALIGNMENT
    for partition in partitions:
        assert partition.start == end and partition.size > 0
        assert partition.start % ALIGNMENT == 0 == partition.size % ALIGNMENT
        end += partition.size
    total = min(disk.size for disk in chosen.values())
    if setup.hdsize is not None:
        total = min(total, int(setup.hdsize * GIB))
    # Behind them is room for the second GPT, and less than a MiB that nobody uses.
    assert 0 <= total - end - ALIGNMENT < ALIGNMENT
    assert partitions[1].size == (GIB if total >= LARGE_DISK else LEAST_ESP)
    needed = needed_root(sum(step.unpacked for step in of(made, steps.ExtractLayer)))
    system = partitions[2].size
    match setup.filesystem:
        case Filesystem.BTRFS:
            check_btrfs(made, system, needed, setup)
        case Filesystem.ZFS:
            check_pool(made, system, needed, setup)
        case _:
            check_volumes(made, system, needed, setup)


def check_btrfs(made: Plan, system: int, needed: int, setup: DiskSetup) -> None:
    """Raise AssertionError unless there is one btrfs over all targets, with room for the root in it."""
    (pool,) = of(made, steps.MakeBtrfs)
    number = len(made.disks)
    assert setup.btrfs is not None
    assert len(pool.devices) == number == len({*pool.devices})
    assert (pool.data == setup.btrfs.raid.value) is (number > 1)
    copies = 2 if pool.data in ("raid1", "raid10") else 1
    check_room(made, system, system * number // copies, needed)


def check_pool(made: Plan, system: int, needed: int, setup: DiskSetup) -> None:
    """Raise AssertionError unless a pool has one partition of every target, room for the root, and memory."""
    (pool,) = of(made, steps.CreatePool)
    members = [member for group in pool.groups for member in group]
    assert sorted(member.disk for member in members) == sorted(disk.path for disk in made.disks)
    assert {member.number for member in members} == {3}
    (width,) = {len(group) for group in pool.groups}
    assert (width > 1) is bool(pool.level)
    assert setup.zfs is not None
    # What is left of a group, in disks: one of a mirror, all but the parity of RAID-Z.
    once = 1 if pool.level in ("", "mirror") else width - int(pool.level.removeprefix("raidz"))
    check_room(made, system, int(system * len(pool.groups) * once / setup.zfs.copies), needed)
    (loaded,), (written,) = of(made, steps.LoadZfs), of(made, steps.WritePool)
    assert (loaded.cache_limit, loaded.cache_floor) == (written.cache_limit, written.cache_floor)
    assert loaded.cache_floor < loaded.cache_limit >= LEAST_CACHE
    assert setup.zfs.arc_max is None or loaded.cache_limit == setup.zfs.arc_max * MIB


def check_room(made: Plan, system: int, room: int, needed: int) -> None:
    """Raise AssertionError unless the root has room in a pool, of which people are told as much as there is."""
    assert system >= LEAST_MEMBER and room >= needed
    assert f"room for both: {show_size(room)}" in " ".join((*made.together, *made.disks[0].after))


def check_volumes(made: Plan, system: int, needed: int, setup: DiskSetup) -> None:
    """Raise AssertionError unless logical volumes are as large as they may be, and fit into what they are made on."""
    sizes = {step.name: step.size for step in of(made, steps.CreateVolume | steps.CreateThinPool)}
    metadata = sum(2 * step.metadata for step in of(made, steps.CreateThinPool))
    for array in of(made, steps.CreateArray):
        system = (system - ARRAY_OFFSET) * (len(array.members) // 2 if array.level == "raid10" else 1)
    free = system - len(of(made, steps.EncryptDevice)) * LUKS_HEADER - ALIGNMENT - sum(sizes.values()) - metadata
    assert free >= 0 and all(size % EXTENT == 0 for size in (*sizes.values(), metadata))
    told = "; ".join((*made.together, *made.disks[0].after))
    assert (f"free: {show_size(free // EXTENT * EXTENT)}" in told) is (free >= EXTENT)
    wishes = setup.lvm
    assert sizes["root"] >= needed
    assert sizes["root"] <= max(needed, int((96 if wishes.maxroot is None else wishes.maxroot) * GIB))
    if wishes.swapsize is not None:
        assert sizes.get("swap", 0) == int(wishes.swapsize * GIB) // EXTENT * EXTENT
    if "data" in sizes:
        assert wishes.maxvz is None or sizes["data"] + metadata <= wishes.maxvz * GIB
        assert wishes.minfree is None or free >= wishes.minfree * GIB
