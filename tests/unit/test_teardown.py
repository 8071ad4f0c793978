"""What has to be closed and wiped before a target is blank: the order, the refusals, the tree."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.effort import effort
from tests.unit.answer_files import GIB
from tests.unit.generated_machines import lies_on, names_by_ref, old_machines, tangled_machines
from tests.unit.old_stacks import (
    GROUP,
    MD_UUID,
    OTHER_GROUP,
    array,
    crypt,
    disk,
    logical,
    machine_of,
    member,
    part,
    raid_member,
)

from trebol_hardware.machine import SWAP, Content, Disk, Machine, Volume, VolumeKind
from trebol_installer import steps
from trebol_installer.disk_names import clearly_named
from trebol_installer.render import describe
from trebol_installer.stacked import group_uuid, is_part_of_volume
from trebol_installer.steps import Held, Step, VolumeRef, step_to_json
from trebol_installer.teardown import Teardown, teardown
from trebol_installer.teardown_problems import is_needed

D1, D2 = "/dev/disk/by-id/virtio-da", "/dev/disk/by-id/virtio-db"
SWAPPED = (SWAP,)
OSD = Content("ceph_bluestore", member_of="osd.3", group_uuid="fsid")

BCACHE0 = Volume("bcache0", VolumeKind.BCACHE, "/dev/bcache0", GIB, ("sda1", "sda2"), uuid="set-1")
BCACHE_MEMBER = Content("bcache", uuid="dev", group_uuid="set-1")


def planned(machine: Machine, *names: str) -> Teardown:
    return teardown(machine, [disk for disk in machine.disks if disk.name in names])


def said(made: Teardown) -> list[str]:
    return [describe(step) for step in made.steps]


ONE_DISK: list[tuple[str, Machine, list[str]]] = [
    ("empty disk", machine_of(disk("sda")), []),
    (
        "mounted partitions, the inner one first",
        machine_of(
            disk("sda", part("sda", 1, mounted=("/mnt",)), part("sda", 2, mounted=("/mnt/a",)), part("sda", 3))
        ),
        [f"Unmount /mnt/a ({D1}-part2)", f"Unmount /mnt ({D1}-part1)"],
    ),
    (
        "swap on a partition",
        machine_of(disk("sda", part("sda", 1, mounted=SWAPPED))),
        [f"Stop swapping to {D1}-part1"],
    ),
    (
        "a mounted disk without partitions",
        machine_of(replace(disk("sda", content=(Content("ext4"),)), mountpoints=("/media/x",))),
        [f"Unmount /media/x ({D1})"],
    ),
    (
        "a volume group in use",
        machine_of(
            disk("sda", part("sda", 1), part("sda", 3, member("trebol"))),
            volumes=(
                logical("dm-0", "trebol/root", "sda3", mounted=("/mnt",)),
                logical("dm-1", "trebol/swap", "sda3", mounted=SWAPPED),
                logical("dm-2", "trebol/data_tdata", "sda3"),
                logical("dm-3", "trebol/data", "dm-2"),
            ),
        ),
        [
            "Stop swapping to /dev/mapper/trebol-swap",
            "Unmount /mnt (/dev/mapper/trebol-root)",
            f"Close volume group trebol ({GROUP})",
        ],
    ),
    (
        "two groups of one name",
        machine_of(
            disk("sda", part("sda", 1, member("trebol")), part("sda", 2, member("trebol", OTHER_GROUP))),
            volumes=(
                logical("dm-0", "trebol/root", "sda1"),
                logical("dm-1", "trebol/root", "sda2", uuid=OTHER_GROUP),
            ),
        ),
        [f"Close volume group trebol ({GROUP})", f"Close volume group trebol ({OTHER_GROUP})"],
    ),
    (
        "LUKS in LVM in LUKS on md",
        machine_of(
            disk("sda", part("sda", 1, raid_member()), part("sda", 2, raid_member())),
            volumes=(
                crypt("dm-0", "md127", content=(member("vg"),)),
                logical("dm-1", "vg/a", "dm-0"),
                crypt("dm-2", "dm-1", mounted=("/mnt",)),
                array("md127", "sda1", "sda2"),
            ),
        ),
        [
            "Unmount /mnt (/dev/mapper/luks-dm-2)",
            "Close /dev/mapper/luks-dm-2",
            f"Close volume group vg ({GROUP})",
            "Close /dev/mapper/luks-dm-0",
            "Close /dev/md127",
        ],
    ),
    (
        "groups that lie on volumes of each other are closed volume by volume",
        machine_of(
            disk("sda", part("sda", 1, member("x")), part("sda", 2, member("y", OTHER_GROUP))),
            volumes=(
                logical("dm-0", "x/below", "sda1"),
                logical("dm-1", "y/above", "dm-0", uuid=OTHER_GROUP),
                logical("dm-2", "y/below", "sda2", uuid=OTHER_GROUP),
                logical("dm-3", "x/above", "dm-2"),
            ),
        ),
        [f"Close /dev/mapper/{name}" for name in ("y-above", "x-above", "x-below", "y-below")],
    ),
    (
        "an array inside of a container, whichever name comes first",
        machine_of(
            disk("sda", content=(Content("isw_raid_member"),)),
            volumes=(array("md126", "sda", size=0, uuid="0"), array("md127", "sda", uuid="1")),
        ),
        ["Close /dev/md127", "Close /dev/md126"],
    ),
    (
        "partitions of an array go with it",
        machine_of(
            disk("sda", part("sda", 1, raid_member())),
            volumes=(
                array("md127", "sda1"),
                Volume("md127p1", VolumeKind.OTHER, "/dev/md127p1", GIB, ("md127",), mountpoints=("/mnt",)),
            ),
        ),
        ["Unmount /mnt (/dev/md127p1)", "Close /dev/md127"],
    ),
    (
        "bcache with its cache",
        machine_of(
            disk("sda", part("sda", 1, BCACHE_MEMBER), part("sda", 2, BCACHE_MEMBER)),
            volumes=(BCACHE0, crypt("dm-0", "bcache0")),
        ),
        [
            "Close /dev/mapper/luks-dm-0",
            "Close /dev/bcache0",
            f"Have bcache let go of {D1}-part1",
            f"Have bcache let go of {D1}-part2",
        ],
    ),
    (
        "an OSD is wiped while its volume is open",
        machine_of(
            disk("sda", content=(member("ceph-1"), OSD)),
            volumes=(logical("dm-0", "ceph-1/osd", "sda", content=(OSD,)),),
        ),
        ["Wipe /dev/mapper/ceph-1-osd", f"Close volume group ceph-1 ({GROUP})"],
    ),
    (
        "a pool is let go of before the LUKS containers below it, and unmounts by itself",
        machine_of(
            disk("sda", part("sda", 1, Content("crypto_LUKS")), part("sda", 2, Content("crypto_LUKS"))),
            volumes=tuple(
                crypt(
                    f"dm-{n}",
                    f"sda{n}",
                    content=(Content("zfs_member", "tank", "77", "tank", "77"),),
                    mounted=("/tank",),
                )
                for n in (1, 2)
            ),
        ),
        ["Let go of ZFS pool tank", "Close /dev/mapper/luks-dm-1", "Close /dev/mapper/luks-dm-2"],
    ),
    (
        "an old label of ZFS below a file system in use",
        machine_of(
            disk(
                "sda",
                part("sda", 1, Content("ext4"), Content("zfs_member", "tank", "77", "tank", "77"), mounted=("/mnt",)),
            )
        ),
        [f"Unmount /mnt ({D1}-part1)", "Let go of ZFS pool tank"],
    ),
    (
        "one file system of two partitions is unmounted once",
        machine_of(
            disk("sda", *(part("sda", n, Content("btrfs", uuid="b"), mounted=("/mnt",)) for n in (1, 2))),
        ),
        [f"Unmount /mnt ({D1}-part1, {D1}-part2)"],
    ),
]


@pytest.mark.parametrize(("machine", "expected"), [case[1:] for case in ONE_DISK], ids=[case[0] for case in ONE_DISK])
def test_what_is_in_use_is_closed_from_the_top_down_and_then_wiped(machine: Machine, expected: list[str]) -> None:
    made = planned(machine, "sda")

    assert made.problems == ()
    assert said(made) == [*expected, f"Wipe {D1}"]


def test_an_array_over_two_targets_is_closed_once_and_both_are_wiped_in_the_order_given() -> None:
    machine = machine_of(
        disk("sda", part("sda", 1, raid_member())),
        disk("sdb", part("sdb", 1, raid_member())),
        volumes=(array("md127", "sda1", "sdb1"),),
    )

    made = teardown(machine, [machine.disks[1], machine.disks[0]])

    assert said(made) == ["Close /dev/md127", f"Wipe {D2}", f"Wipe {D1}"]


def test_what_stands_on_another_disk_is_left_alone() -> None:
    machine = machine_of(
        disk("sda", part("sda", 1)),
        disk("sdb", part("sdb", 1, raid_member(), mounted=("/data",))),
        volumes=(array("md127", "sdb1"), logical("dm-0", "pve/root", "md127", mounted=("/",))),
    )

    assert said(planned(machine, "sda")) == [f"Wipe {D1}"]


def test_volumes_are_named_by_their_uuid() -> None:
    machine = machine_of(disk("sda", part("sda", 1, raid_member())), volumes=(array("md127", "sda1"),))

    closing = planned(machine, "sda").steps[0]

    assert closing == steps.CloseVolume(VolumeRef("/dev/md127", VolumeKind.RAID, MD_UUID))


@pytest.mark.parametrize(
    ("machine", "active"),
    [
        (machine_of(disk("sda", part("sda", 1, Content("ext4")))), ()),
        (machine_of(disk("sda", part("sda", 1, Content("ext4"), mounted=("/mnt",)))), (D1,)),
        (machine_of(disk("sda", part("sda", 1, raid_member())), volumes=(array("md127", "sda1"),)), (D1,)),
        (machine_of(replace(disk("sda"), holders=("drbd0",))), (D1,)),
    ],
    ids=["nothing", "mounted", "array", "holder"],
)
def test_disks_whose_bytes_may_change_by_themselves_are_told(machine: Machine, active: tuple[str, ...]) -> None:
    assert planned(machine, "sda").active == active


TWO = "also lies on /dev/disk/by-id/virtio-db, whose data would be lost with it"


def pair(content: Content, *volumes: Volume, other: Content | None = None) -> Machine:
    """Two disks, one partition each."""
    first, second = part("sda", 1, content), part("sdb", 1, other or content)
    return machine_of(disk("sda", first), disk("sdb", second), volumes=volumes)


SHARED: list[tuple[str, Machine, str, str]] = [
    ("a group", pair(member("pve")), f"volume group pve {TWO}", "vgreduce pve /dev/sda1"),
    (
        "an active group",
        pair(member("pve"), logical("dm-0", "pve/root", "sda1", "sdb1")),
        f"volume group pve {TWO}",
        "pvmove /dev/sda1",
    ),
    (
        "a group whose physical volumes nobody asked about",
        pair(
            Content("LVM2_member"),
            logical("dm-0", "pve/a", "sda1"),
            logical("dm-1", "pve/b", "sdb1"),
        ),
        f"volume group pve {TWO}",
        "vgreduce pve",
    ),
    (
        "an array",
        pair(raid_member(), array("md127", "sda1", "sdb1")),
        f"array /dev/md127 {TWO}",
        "mdadm /dev/md127 --fail /dev/sda1 --remove /dev/sda1; mdadm --zero-superblock /dev/sda1",
    ),
    ("a stopped array", pair(raid_member()), f"array old:0 {TWO}", "mdadm /dev/md/old:0 --fail /dev/sda1"),
    (
        "a pool",
        pair(Content("zfs_member", "rpool", "5", "rpool", "5")),
        f"ZFS pool rpool {TWO}",
        "zpool detach rpool /dev/sda1",
    ),
    (
        "a pool of which only the name is known",
        pair(Content("zfs_member", "rpool")),
        f"ZFS pool rpool {TWO}",
        "zpool detach rpool",
    ),
    ("a bcache set", pair(BCACHE_MEMBER), f"bcache set set1 {TWO}", "bcache/detach"),
    (
        "a running bcache",
        pair(BCACHE_MEMBER, replace(BCACHE0, below=("sda1", "sdb1"))),
        f"bcache set /dev/bcache0 {TWO}",
        "bcache/detach",
    ),
    (
        "an OSD with its DB elsewhere",
        pair(replace(OSD, uuid="osd-3"), other=replace(OSD, uuid="osd-3", label="db")),
        f"OSD osd.3 {TWO}",
        "ceph osd purge",
    ),
    ("btrfs", pair(Content("btrfs", "pool", "b-1")), f"btrfs pool {TWO}", "btrfs device remove /dev/sda1"),
    (
        "something of device-mapper",
        pair(Content("ext4"), Volume("dm-0", VolumeKind.OTHER, "/dev/mapper/x", 1, ("sda1", "sdb1"))),
        f"volume /dev/mapper/x {TWO}",
        "lsblk",
    ),
    (
        "a volume on a device that nobody knows",
        pair(Content("ext4"), crypt("dm-0", "sda1", "nbd0"), other=Content("xfs")),
        "volume /dev/mapper/luks-dm-0 also lies on /dev/nbd0, which the probe does not know",
        "lsblk",
    ),
]


@pytest.mark.parametrize(("machine", "what", "hint"), [case[1:] for case in SHARED], ids=[case[0] for case in SHARED])
def test_what_also_lies_on_another_disk_is_refused_once_naming_it_and_the_way_out(
    machine: Machine, what: str, hint: str
) -> None:
    made = planned(machine, "sda")

    (problem,) = made.problems
    assert problem.what.startswith(what)
    assert problem.where == D1
    assert hint in problem.hint
    assert made.steps == ()


@pytest.mark.parametrize(("machine"), [case[1] for case in SHARED[:-1]], ids=[case[0] for case in SHARED[:-1]])
def test_the_same_is_torn_down_where_both_disks_are_targets(machine: Machine) -> None:
    assert planned(machine, "sda", "sdb").problems == ()


def test_osds_of_one_cluster_are_no_set() -> None:
    other = Content("ceph_bluestore", uuid="osd-4", member_of="osd.4", group_uuid="fsid")

    assert planned(pair(OSD, other=other), "sda").problems == ()


def test_all_other_disks_of_a_set_are_named_at_once_and_a_container_not_besides_its_array() -> None:
    names = ("sda", "sdb", "sdc")
    machine = machine_of(
        *(disk(name, content=(Content("ddf_raid_member"),)) for name in names),
        volumes=(array("md126", *names, uuid="1"), array("md127", *names, size=0, uuid="2")),
    )

    (problem,) = planned(machine, "sda").problems

    assert "array /dev/md126 also lies on /dev/disk/by-id/virtio-db, /dev/disk/by-id/virtio-dc, whose" in problem.what


def test_a_group_on_an_array_over_two_disks_is_told_as_the_array() -> None:
    machine = pair(
        raid_member(),
        replace(array("md127", "sda1", "sdb1"), content=(member("pve"),)),
        logical("dm-0", "pve/root", "md127"),
    )

    assert [problem.what for problem in planned(machine, "sda").problems] == [f"array /dev/md127 {TWO}"]


IMPOSSIBLE: list[tuple[str, Machine, str]] = [
    (
        "the running system's root",
        machine_of(
            disk("sda", part("sda", 1, member("vg"))),
            volumes=(logical("dm-0", "vg/root", "sda1", mounted=("/", "/var/log")),),
        ),
        "is in use by the running system: mounted at /, /var/log",
    ),
    (
        "the live system's medium",
        machine_of(disk("sda", part("sda", 1, mounted=("/run/trebol/medium",)))),
        "is in use by the running system: mounted at /run/trebol/medium",
    ),
    ("a medium that is not mounted", machine_of(replace(disk("sda"), medium=True)), "is installation medium"),
    (
        "a multipath map",
        machine_of(
            disk("sda", content=(Content("mpath_member"),)),
            disk("sdb", content=(Content("mpath_member"),)),
            volumes=(
                Volume("dm-0", VolumeKind.MULTIPATH, "/dev/mapper/mpatha", GIB, ("sda", "sdb"), uuid="mpath-1"),
            ),
        ),
        "is one of the paths to /dev/mapper/mpatha",
    ),
    ("a path without its map", machine_of(disk("sda", content=(Content("mpath_member"),))), "to a multipath map"),
    (
        "another disk's file system inside",
        machine_of(
            disk("sda", part("sda", 1, mounted=("/mnt",))), disk("sdb", part("sdb", 1, mounted=("/mnt/photos",)))
        ),
        "is mounted at /mnt/photos, which has to be unmounted",
    ),
    (
        "volumes in a circle",
        machine_of(
            disk("sda", part("sda", 1)), volumes=(crypt("dm-0", "dm-1", "sda1"), crypt("dm-1", "dm-0", "sda1"))
        ),
        "lie on each other in a circle: ",
    ),
]


@pytest.mark.parametrize(("machine", "what"), [case[1:] for case in IMPOSSIBLE], ids=[case[0] for case in IMPOSSIBLE])
def test_what_must_not_be_torn_down_is_refused_with_the_reason(machine: Machine, what: str) -> None:
    made = planned(machine, "sda")

    assert [what in problem.what for problem in made.problems] == [True]
    assert made.steps == ()
    assert made.lines


@pytest.mark.parametrize(
    ("mountpoint", "needed"),
    [
        *((path, True) for path in ("/", "/usr", "/boot/efi", "/var/lib/x", "/run/live/medium", "/home/me", "/run")),
        *((path, False) for path in ("/mnt", "/media/usb", "/run/trebol/target", "/tmp/x", "/userdata", "/srv/x")),
    ],
)
def test_what_the_running_system_needs(mountpoint: str, needed: bool) -> None:
    assert is_needed(mountpoint) is needed


def test_the_tree_shows_what_each_thing_holds_and_what_becomes_of_it() -> None:
    machine = machine_of(
        disk("sda", part("sda", 1, raid_member()), part("sda", 2, raid_member()), part("sda", 3, BCACHE_MEMBER)),
        volumes=(
            array("md127", "sda1", "sda2", content=(member("trebol"),)),
            logical(
                "dm-0",
                "trebol/root",
                "md127",
                mounted=("/mnt",),
                content=(Content("ext4", "trebol-root", used=3 * GIB),),
            ),
            logical("dm-1", "trebol/swap", "md127", mounted=SWAPPED, content=(Content("swap"),)),
        ),
    )

    assert planned(machine, "sda").lines == (
        "/dev/disk/by-id/virtio-da (sda, 40.0 GiB): GPT → wipe",
        "  sda1 (1.0 GiB): member of RAID array old:0 → wipe",
        "    /dev/md127 (1.0 GiB): LVM group trebol → stop",
        '      /dev/mapper/trebol-root (1.0 GiB): ext4 "trebol-root", 3.0 GiB used →',
        "          unmount /mnt, close with group trebol",
        "      /dev/mapper/trebol-swap (1.0 GiB): swap → stop swapping, close with",
        "          group trebol",
        "  sda2 (1.0 GiB): member of RAID array old:0 → wipe",
        "    /dev/md127 (1.0 GiB): see above",
        "  sda3 (1.0 GiB): bcache set set-1 → leave bcache, wipe",
    )


@st.composite
def torn_down(draw: st.DrawFn) -> tuple[Machine, list[Disk]]:
    """A machine, and some of its disks to be targets; a name that two disks have is none's, as in all plans."""
    machine = clearly_named(draw(st.one_of(tangled_machines(), old_machines())))
    targets = draw(st.lists(st.sampled_from(machine.disks), min_size=1, unique_by=lambda each: each.name))
    return machine, targets


def named_in(step: Step) -> tuple[Held, ...]:
    """The devices that a step of a teardown names; a group's and a pool's are found by others."""
    match step:
        case steps.ReleaseSwap(device) | steps.LeaveBcache(device):
            return (device,)
        case steps.ReleaseMount(_, devices):
            return devices
        case steps.CloseVolume(volume) | steps.WipeVolume(volume):
            return (volume,)
        case steps.WipeDisk(path, _, _):
            return (path,)
        case steps.CloseGroup() | steps.ExportPool():
            return ()
        case _:
            raise AssertionError(f"no step of a teardown: {step}")


ANY = settings(max_examples=effort(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@ANY
@given(torn_down())
def test_every_step_names_only_targets_and_what_lies_wholly_on_them(made: tuple[Machine, list[Disk]]) -> None:
    machine, targets = made
    own, on, known = {each.name for each in targets}, lies_on(machine), names_by_ref(machine)

    result = teardown(machine, targets)

    for step in result.steps:
        assert all(on[known[held]] <= own for held in named_in(step))
        if isinstance(step, steps.CloseGroup):
            volumes = [volume for volume in machine.volumes if group_uuid(volume.uuid) == step.uuid]
            assert all(on[volume.name] <= own for volume in volumes)
    reaching = [name for name, disks in on.items() if disks & own and disks - own]
    assert not reaching or result.problems


@ANY
@given(torn_down())
def test_every_volume_is_closed_once_before_what_is_below_it_and_wiped_at_the_end(
    made: tuple[Machine, list[Disk]],
) -> None:
    machine, targets = made
    result = teardown(machine, targets)
    if result.problems:
        assert result.steps == ()
        return
    own, on, known = {each.name for each in targets}, lies_on(machine), names_by_ref(machine)
    released, closed = dict[str, int](), dict[str, int]()
    for number, step in enumerate(result.steps):
        match step:
            case steps.CloseVolume(named):
                assert closed.setdefault(known[named], number) == number
            case steps.CloseGroup(_, uuid):
                for each in machine.volumes:
                    if group_uuid(each.uuid) == uuid:
                        assert closed.setdefault(each.name, number) == number
            case steps.ReleaseSwap() | steps.ReleaseMount() | steps.WipeVolume() | steps.LeaveBcache():
                released |= {known[held]: number for held in named_in(step)}
            case steps.WipeDisk() | steps.ExportPool():
                pass
            case _:
                raise AssertionError(step)
    volumes = [volume for volume in machine.volumes if on[volume.name] & own]
    goes_with = {volume.name: volume.below[0] for volume in volumes if is_part_of_volume(volume)}
    assert closed.keys() == {volume.name for volume in volumes} - goes_with.keys()
    closed |= {name: closed[below] for name, below in goes_with.items()}
    groups = {volume.name: group_uuid(volume.uuid) or goes_with.get(volume.name, volume.name) for volume in volumes}
    for volume in volumes:
        assert released.get(volume.name, -1) < closed[volume.name]
        for below in volume.below:
            if below in groups and (groups[below] != groups[volume.name] or closed[below] != closed[volume.name]):
                assert closed[volume.name] < closed[below]
    wipes = result.steps[-len(targets) :]
    assert [known[step.disk] for step in wipes if isinstance(step, steps.WipeDisk)] == [disk.name for disk in targets]


@ANY
@given(torn_down())
def test_the_tree_fits_a_terminal_and_names_each_target(made: tuple[Machine, list[Disk]]) -> None:
    machine, targets = made

    result = teardown(machine, targets)

    assert max(map(len, result.lines)) <= 80
    assert [tree.disk for tree in result.trees] == [disk.stable_path for disk in targets]
    assert all("".join(tree.lines).startswith(tree.disk) for tree in result.trees)


def test_the_steps_can_be_stored_with_the_plan() -> None:
    machine = machine_of(
        disk("sda", part("sda", 1, raid_member(), mounted=("/mnt",))), volumes=(array("md127", "sda1"),)
    )

    assert [step_to_json(step) for step in planned(machine, "sda").steps] == [
        {"step": "release-mount", "mountpoint": "/mnt", "devices": [f"{D1}-part1"]},
        {"step": "close-volume", "volume": {"path": "/dev/md127", "kind": "raid", "uuid": MD_UUID}},
        {
            "step": "wipe-disk",
            "disk": D1,
            "size": 40 * GIB,
            "contents": ["GPT", "sda1: member of RAID array old:0 (1.0 GiB)"],
        },
    ]
