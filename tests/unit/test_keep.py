"""A reinstallation that keeps the guests' disks: nothing is torn down, and what is not as it has to be is refused."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.answer_files import GIB, answers, made_machine, manifest

from trebol_common.errors import Refused, TrebolError
from trebol_common.events import Context, Event
from trebol_common.run import ScriptedRunner
from trebol_hardware.machine import Content, Disk, Partition, Volume, VolumeKind
from trebol_installer import steps
from trebol_installer.execute import block, encryption, filesystems, lvm, raid, zfs
from trebol_installer.execute.state import Run
from trebol_installer.plan import Plan, plan
from trebol_installer.steps import PartitionRef, step_name

KEEP: tuple[tuple[str, Any], ...] = (("disk-setup.keep", ["data"]), ("disk-setup.wipe", "confirmed"))
CREATING = {
    "PartitionDisk",
    "WipeDisk",
    "CreateVolumeGroup",
    "CreateArray",
    "EncryptDevice",
    "MakeBtrfs",
    "CreatePool",
}
CREATING |= {"CreateVolume", "CreateThinPool"}


def node_disk(number: int, content: Content, *, system: str = "Trebol") -> Disk:
    """A disk of an old node, whose third partition holds `content`."""
    name = f"vd{'abcd'[number]}"
    parts = (Content("", "", ""), Content("vfat", "TREBOL-ESP", "AA-BB"), content)
    return Disk(
        name,
        40 * GIB,
        serial=f"d{number}",
        by_id=(f"virtio-d{number}",),
        system=system,
        content=(Content("gpt"),),
        partitions=tuple(
            Partition(f"{name}{index}", index, index * 2**20, GIB, content=(inside,) if inside.kind else ())
            for index, inside in enumerate(parts, 1)
        ),
    )


def replan(contents: Sequence[Content], setup: dict[str, Any]) -> Plan:
    disks = tuple(node_disk(number, content) for number, content in enumerate(contents))
    names = [f"virtio-d{number}" for number in range(len(disks))]
    wanted = {**setup, "disk-list": names, "keep": ["data"], "wipe": "confirmed"}
    return plan(made_machine(*disks), answers(("disk-setup", wanted)), manifest(zfs=True))


PV = Content("LVM2_member", "", "p1", "trebol")
MD = Content("linux_raid_member", "trebol", "m1", "trebol")
BTRFS = Content("btrfs", "trebol-root", "b1")
LUKS = Content("crypto_LUKS", "", "l1")
POOL = Content("zfs_member", "rpool", "77", "rpool", group_uuid="77")
SECRET = {"passphrase": "four leaves of clover"}

#: What the disks hold, the answers → the steps by which the old node is taken over.
TAKEN_OVER: dict[str, tuple[list[Content], dict[str, Any], list[str]]] = {
    "lvm": ([PV], {"filesystem": "ext4"}, ["reuse-volume-group"]),
    "md": (
        [MD, MD],
        {"filesystem": "xfs", "lvm": {"raid": "raid1"}},
        ["assemble-array", "reuse-volume-group"],
    ),
    "luks": (
        [LUKS],
        {"filesystem": "ext4", "encryption": SECRET},
        ["open-container", "reuse-volume-group"],
    ),
    "btrfs": ([BTRFS, BTRFS], {"filesystem": "btrfs", "btrfs": {"raid": "raid1"}}, ["replace-subvolume"]),
    "luks-btrfs": (
        [LUKS, LUKS],
        {"filesystem": "btrfs", "btrfs": {"raid": "raid1"}, "encryption": SECRET},
        ["open-container", "open-container", "replace-subvolume"],
    ),
    "zfs": (
        [POOL, POOL],
        {"filesystem": "zfs", "zfs": {"raid": "raid1"}},
        ["reuse-pool", "create-dataset", "mount-dataset"],
    ),
}


@pytest.mark.parametrize("name", TAKEN_OVER)
def test_the_data_of_every_layout_can_be_kept_and_nothing_is_made_that_would_lose_it(name: str) -> None:
    contents, setup, expected = TAKEN_OVER[name]

    made = replan(contents, setup)

    assert not {type(step).__name__ for step in made.steps} & CREATING
    assert not made.torn_down
    names = [step_name(step) for step in made.steps]
    first = names.index(expected[0])
    assert names[first : first + len(expected)] == expected
    # What says whether it can be done at all comes before whatever writes.
    assert first < min(
        index for index, each in enumerate(names) if each.startswith("make-") or each == "mount-target"
    )
    assert "data: kept as it is" in " ".join((*made.together, *made.disks[0].after))


def test_what_is_open_on_a_node_that_is_kept_is_let_go_of_first() -> None:
    old = node_disk(0, PV)
    group = "LVM-" + "a" * 32 + "b" * 32
    root = Volume("dm-0", VolumeKind.LVM, "/dev/mapper/trebol-root", GIB, ("vda3",), "trebol", group, (), ("/mnt",))
    wanted = {"filesystem": "ext4", "disk-list": ["virtio-d0"], "keep": ["data"], "wipe": "confirmed"}
    machine = replace(made_machine(old), volumes=(root,))

    names = [step_name(step) for step in plan(machine, answers(("disk-setup", wanted)), manifest()).steps]

    assert [name for name in names if name in ("release-mount", "close-group", "reuse-volume-group")] == [
        "release-mount",
        "close-group",
        "reuse-volume-group",
    ]
    assert not {"wipe-disk", "partition-disk"} & {*names}


def small_esp() -> Disk:
    old = node_disk(0, PV)
    one, esp, system = old.partitions
    return replace(old, partitions=(one, replace(esp, size=100 * 2**20), system))


REFUSED = {
    "a small ESP": ([small_esp()], "has an EFI system partition of 100 MiB; 512 MiB are needed"),
    "a member of nothing": ([node_disk(0, replace(PV, uuid=""))], "holds no node of this layout"),
    "an empty disk": ([Disk("vda", 40 * GIB, by_id=("virtio-d0",))], "holds no node of this layout"),
    "another system": ([node_disk(0, PV, system="Proxmox VE")], "holds no node of this layout"),
    "another layout": ([node_disk(0, BTRFS)], "whose third partition is LVM2_member"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_node_of_that_layout_is_refused(name: str) -> None:
    disks, told = REFUSED[name]
    with pytest.raises(Refused, match=told):
        plan(made_machine(*disks), answers(("disk-setup.disk-list", ["virtio-d0"]), *KEEP), manifest())


def test_members_of_two_arrays_are_refused() -> None:
    with pytest.raises(Refused, match="are members of more than one linux_raid_member"):
        replan([MD, replace(MD, uuid="m2")], {"filesystem": "ext4", "lvm": {"raid": "raid1"}})


def test_members_of_two_pools_are_refused() -> None:
    with pytest.raises(Refused, match="are members of more than one zfs_member"):
        replan([POOL, replace(POOL, uuid="78")], {"filesystem": "zfs", "zfs": {"raid": "raid1"}})


def test_without_the_explicit_yes_the_old_system_stays() -> None:
    with pytest.raises(Refused, match="is not empty"):
        plan(
            made_machine(node_disk(0, PV)),
            answers(("disk-setup.disk-list", ["virtio-d0"]), ("disk-setup.keep", ["data"])),
            manifest(),
        )


@pytest.fixture
def run(tmp_path: Path) -> Run:
    wanted = answers(("disk-setup.encryption", SECRET))
    return Run(
        plan=plan(made_machine(), answers(), manifest()),
        answers=wanted,
        machine=made_machine(),
        manifest=manifest(),
        medium=tmp_path / "medium",
        runner=ScriptedRunner(),
        context=Context(list[Event]().append),
        target=tmp_path / "target",
        logs=tmp_path / "logs",
        hashed=tmp_path / "block-sums",
    )


def scripted(run: Run) -> ScriptedRunner:
    assert isinstance(run.runner, ScriptedRunner)
    return run.runner


def report(**sizes: int) -> str:
    kinds = {"data": "thin-pool"}
    volumes = [
        {"lv_name": name, "lv_size": str(size), "segtype": kinds.get(name, "linear")} for name, size in sizes.items()
    ]
    return json.dumps({"report": [{"lv": volumes}]})


LVS = ("lvs", "--devices", "/dev/x", "--options", "lv_name,lv_size,segtype", "--units", "b", "--nosuffix")
REUSE = steps.ReuseVolumeGroup("trebol", "/dev/x", 4 * GIB, "data")


def test_root_and_swap_are_taken_over_and_the_pool_is_left_alone(run: Run) -> None:
    runner = scripted(run)
    runner.expect(*LVS, "--reportformat", "json", "trebol", stdout=report(root=8 * GIB, swap=GIB, data=20 * GIB))
    for name in ("root", "swap"):
        runner.expect("lvchange", "--devices", "/dev/x", "--activate", "y", f"trebol/{name}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "trebol_installer.execute.lvm.make_swap", lambda step, run: run.uuids.update({step.device: "s"})
        )
        lvm.reuse_group(REUSE, run)

    assert run.uuids == {"/dev/trebol/swap": "s"}
    runner.expect("vgchange", "--activate", "n", "trebol")
    run.undo.close()
    assert not runner.expected


@pytest.mark.parametrize(
    ("volumes", "told"),
    [
        ({"root": 8 * GIB}, "has no volume root and thin pool data; it has root"),
        ({"data": 8 * GIB}, "has no volume root and thin pool data; it has data"),
        ({"root": GIB, "data": 8 * GIB}, "root has 1.0 GiB; the new system needs 4.0 GiB"),
    ],
)
def test_a_group_that_cannot_be_taken_over_is_refused_before_anything_is_written(
    run: Run, volumes: dict[str, int], told: str
) -> None:
    scripted(run).expect(*LVS, "--reportformat", "json", "trebol", stdout=report(**volumes))

    with pytest.raises(Refused, match=told):
        lvm.reuse_group(REUSE, run)
    assert not scripted(run).expected


REPLACE = steps.ReplaceSubvolume(("/dev/x", "/dev/y"), "raid1", "@", "data", GIB)


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the kernel tells of the data of the mounted btrfs 5c06: mirrored."""
    monkeypatch.setattr(filesystems, "BTRFS", tmp_path / "btrfs")
    folder = tmp_path / "btrfs/5c06/allocation/data"
    (folder / "raid1").mkdir(parents=True)
    (folder / "total_bytes").write_text("1")
    return folder


def mounted_btrfs(run: Run) -> ScriptedRunner:
    """The runner, with /dev/x and /dev/y mounted at the target, where both subvolumes are."""
    for name in ("@", "data"):
        (run.target / name).mkdir(parents=True)
    runner = scripted(run)
    for device in ("/dev/x", "/dev/y"):
        runner.expect("blkid", "--match-tag", "UUID", "--output", "value", device, stdout="5c06\n")
    runner.expect("modprobe", "btrfs")
    runner.expect("btrfs", "device", "scan", "/dev/x", "/dev/y")
    runner.expect("mount", "-t", "btrfs", "-o", "subvolid=5", "/dev/x", str(run.target))
    return runner


def test_a_btrfs_of_another_profile_is_refused_before_its_system_goes(run: Run, profiles: Path) -> None:
    (profiles / "single").mkdir()
    runner = mounted_btrfs(run)
    runner.expect("umount", str(run.target))

    with pytest.raises(Refused, match="that is to be kept is raid1 and single, not raid1"):
        filesystems.replace_subvolume(REPLACE, run)
    assert not runner.expected


def test_a_btrfs_without_room_is_refused_before_its_system_goes(run: Run, profiles: Path) -> None:
    runner, size = mounted_btrfs(run), 2**62
    du = f"     Total   Exclusive  Set shared  Filename\n 9 {2 * GIB} 0 {run.target}/@\n"
    runner.expect("btrfs", "filesystem", "du", "--summarize", "--raw", f"{run.target}/@", stdout=du)
    runner.expect("umount", str(run.target))

    with pytest.raises(Refused, match="has room for .* GiB; the new system needs"):
        filesystems.replace_subvolume(replace(REPLACE, size=size), run)
    assert not runner.expected


@pytest.mark.usefixtures("profiles")
def test_a_subvolume_is_made_anew_beside_the_one_that_is_kept(run: Run) -> None:
    runner, top = mounted_btrfs(run), str(run.target)
    runner.expect("btrfs", "--quiet", "subvolume", "delete", "--recursive", f"{top}/@")
    runner.expect("btrfs", "--quiet", "subvolume", "create", f"{top}/@")
    runner.expect("umount", top)

    filesystems.replace_subvolume(REPLACE, run)

    assert run.uuids == {"/dev/x": "5c06"}
    assert not runner.expected


def test_a_btrfs_over_two_devices_is_told_to_the_kernel_before_it_is_mounted(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uuid, "uuid4", lambda: "5c06")
    runner, top = scripted(run), str(run.target)
    runner.expect(
        *("mkfs.btrfs", "-f", "-q", "-L", "trebol-root", "-U", "5c06"),
        *("-d", "raid1", "-m", "raid1", "/dev/x", "/dev/y"),
    )
    runner.expect("modprobe", "btrfs")
    runner.expect("btrfs", "device", "scan", "/dev/x", "/dev/y")
    runner.expect("mount", "-t", "btrfs", "-o", "subvolid=5", "/dev/x", top)
    runner.expect("btrfs", "--quiet", "subvolume", "create", f"{top}/@")
    runner.expect("umount", top)

    made = steps.MakeBtrfs(("/dev/x", "/dev/y"), "trebol-root", "raid1", "raid1", ("@",))
    filesystems.make_btrfs(made, run)

    assert run.uuids == {"/dev/x": "5c06"}
    assert not runner.expected


def test_a_btrfs_without_data_is_refused_and_unmounted(run: Run) -> None:
    (run.target / "@").mkdir(parents=True)
    runner = scripted(run)
    runner.expect("blkid", "--match-tag", "UUID", "--output", "value", "/dev/x", stdout="5c06\n")
    runner.expect("modprobe", "btrfs")
    runner.expect("btrfs", "device", "scan", "/dev/x")
    runner.expect("mount", "-t", "btrfs", "-o", "subvolid=5", "/dev/x", str(run.target))
    runner.expect("umount", str(run.target))

    with pytest.raises(Refused, match="has no subvolume data to keep"):
        filesystems.replace_subvolume(replace(REPLACE, devices=("/dev/x",)), run)
    assert not runner.expected


def test_containers_of_two_nodes_are_told_apart_before_anything_is_written(run: Run) -> None:
    runner = scripted(run)
    for device, identity in (("/dev/x", "5c06"), ("/dev/y", "77aa")):
        runner.expect("blkid", "--match-tag", "UUID", "--output", "value", device, stdout=f"{identity}\n")

    with pytest.raises(Refused, match="hold file systems of more than one node"):
        filesystems.replace_subvolume(REPLACE, run)
    assert not runner.expected


def test_a_container_is_opened_with_the_passphrase_and_keeps_its_uuid(run: Run) -> None:
    runner = scripted(run)
    runner.expect(
        *("cryptsetup", "open", "--type", "luks2", "--allow-discards"), *("--key-file", "-", "/dev/x", "trebol-crypt")
    )
    runner.expect("cryptsetup", "luksUUID", "/dev/x", stdout="5c06\n")

    encryption.open_container(steps.OpenContainer("/dev/x", "trebol-crypt"), run)

    assert run.uuids == {"/dev/x": "5c06"}


@pytest.fixture
def array(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> steps.AssembleArray:
    """An array of two partitions as sysfs shows it while it runs."""
    monkeypatch.setattr(block, "SYSFS", tmp_path / "sys")
    monkeypatch.setattr(raid, "disk_node", lambda path: Path("/dev/md127"))
    monkeypatch.setattr(raid, "node_of", lambda member: Path(f"/dev/{member.disk}3"))
    for member in ("vda3", "vdb3"):
        (tmp_path / "sys" / member / "holders/md127").mkdir(parents=True)
    (tmp_path / "sys/md127/md").mkdir(parents=True)
    (tmp_path / "sys/md127/md/degraded").write_text("0\n")
    runner = scripted(run)
    runner.expect("mdadm", "--assemble", "--quiet", "/dev/md/trebol", "/dev/vda3", "/dev/vdb3")
    runner.expect("udevadm", "wait", "--timeout=30", "/dev/md/trebol")
    runner.expect("mdadm", "--detail", "--export", "/dev/md/trebol", stdout="MD_LEVEL=raid1\nMD_DEVICES=2\n")
    return steps.AssembleArray("/dev/md/trebol", "raid1", (PartitionRef("vda", 3), PartitionRef("vdb", 3)))


def test_an_array_is_started_and_stopped_again_when_it_goes_wrong(run: Run, array: steps.AssembleArray) -> None:
    runner = scripted(run)
    runner.expect("mdadm", "--quiet", "--stop", "/dev/md127")

    raid.assemble_array(array, run)
    run.undo.close()

    assert not runner.expected


def test_an_array_that_lacks_a_member_is_not_taken_over(run: Run, array: steps.AssembleArray, tmp_path: Path) -> None:
    (tmp_path / "sys/md127/md/degraded").write_text("1\n")

    with pytest.raises(Refused, match="lacks 1 of its 2 members"):
        raid.assemble_array(array, run)


def test_an_array_that_udev_did_not_name_in_time_is_stopped_all_the_same(
    run: Run, array: steps.AssembleArray
) -> None:
    runner = scripted(run)
    runner.expected[1] = replace(runner.expected[1], status=1, stderr="Timed out")
    del runner.expected[2]
    runner.expect("mdadm", "--quiet", "--stop", "/dev/md127")

    with pytest.raises(TrebolError, match="Timed out"):
        raid.assemble_array(array, run)
    run.undo.close()

    assert not runner.expected


def test_an_array_of_another_level_is_not_taken_over(run: Run) -> None:
    runner = scripted(run)
    runner.expect("mdadm", "--assemble", "--quiet", "/dev/md/trebol")
    runner.expect("udevadm", "wait", "--timeout=30", "/dev/md/trebol")
    runner.expect("mdadm", "--detail", "--export", "/dev/md/trebol", stdout="MD_LEVEL=raid10\nMD_DEVICES=4\n")

    with pytest.raises(Refused, match="the array that is to be kept is raid10, not raid1"):
        raid.assemble_array(steps.AssembleArray("/dev/md/trebol", "raid1", ()), run)


PARTS = tuple(PartitionRef(f"/x/virtio-d{number}", 3) for number in (1, 2))
MIRROR = steps.ReusePool("rpool", "77", "mirror", (PARTS,), False, "rpool/ROOT/trebol", 3 * GIB, "rpool/data")
HEALTH = ("zpool", "list", "-H", "-o", "health", "rpool")
IMPORT = ("zpool", "import", "-f", "-N", "-R")


def status(*vdevs: dict[str, Any]) -> str:
    """What `zpool status -j` says of a pool with these top-level vdevs."""
    top = {"name": "rpool", "vdev_type": "root", "vdevs": {vdev["name"]: vdev for vdev in vdevs}}
    return json.dumps({"pools": {"rpool": {"name": "rpool", "vdevs": {"rpool": top}}}})


def vdev(name: str, kind: str, members: int = 0) -> dict[str, Any]:
    inside = {f"sd{number}": {"name": f"sd{number}", "vdev_type": "disk"} for number in range(members)}
    return {"name": name, "vdev_type": kind, "state": "ONLINE", **({"vdevs": inside} if inside else {})}


def datasets(*names: str, encryption: str = "off", available: int = 4 * GIB) -> str:
    return "".join(f"{name}\t{GIB}\t{available}\t{encryption}\n" for name in names)


LIST = ("zfs", "list", "-H", "-p", "-r", "-t", "filesystem", "-o", "name,used,available,encryption", "rpool")
CLONES = ("zfs", "list", "-H", "-r", "-t", "snapshot", "-o", "clones", "rpool/ROOT/trebol")
WHOLE = ("rpool", "rpool/ROOT", "rpool/ROOT/trebol", "rpool/data", "rpool/data/store")


@pytest.fixture
def pool(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScriptedRunner:
    """A run whose targets have the partitions of PARTS."""
    monkeypatch.setattr(zfs, "HOST_ID", tmp_path / "hostid")
    monkeypatch.setattr(zfs, "LOADED", tmp_path / "loaded")
    monkeypatch.setattr(zfs, "node_of", lambda member: Path(f"/dev/sd{member.disk[-1]}{member.number}"))
    runner = scripted(run).expect("zpool", "list", "-H", "-o", "name", stdout="tank\n")
    return runner.expect(*taking(run), "-o", "readonly=on", "-t", "77", "rpool")


def taking(run: Run) -> tuple[str, ...]:
    return (*IMPORT, str(run.target), "-d", "/dev/sd13", "-d", "/dev/sd23")


def expect_taken(pool: ScriptedRunner, run: Run) -> None:
    """What was looked at read-only is let go of, and imported to be written to."""
    pool.expect("zpool", "export", "rpool")
    pool.expect(*taking(run), "77", "rpool")


def expect_let_go(pool: ScriptedRunner) -> None:
    pool.expect("zpool", "list", "-H", "-o", "name", stdout="rpool\n")
    pool.expect("zpool", "export", "rpool")


def test_a_pool_is_taken_over_and_only_its_system_taken_away(run: Run, pool: ScriptedRunner) -> None:
    pool.expect(*HEALTH, stdout="ONLINE\n")
    pool.expect("zpool", "status", "-j", "rpool", stdout=status(vdev("mirror-0", "mirror", 2)))
    pool.expect(*LIST, stdout=datasets(*WHOLE))
    pool.expect(*CLONES, stdout="-\n\n")
    expect_taken(pool, run)
    pool.expect("zfs", "destroy", "-r", "rpool/ROOT/trebol")
    expect_let_go(pool)

    zfs.reuse_pool(MIRROR, run)
    run.undo.close()

    assert not pool.expected


def test_a_pool_that_lost_its_system_to_a_power_cut_is_taken_over_all_the_same(
    run: Run, pool: ScriptedRunner
) -> None:
    pool.expect(*HEALTH, stdout="ONLINE\n")
    pool.expect("zpool", "status", "-j", "rpool", stdout=status(vdev("mirror-0", "mirror", 2)))
    pool.expect(*LIST, stdout=datasets("rpool", "rpool/ROOT", "rpool/data"))
    expect_taken(pool, run)

    zfs.reuse_pool(MIRROR, run)

    assert not pool.expected


def test_an_encrypted_pool_is_opened_with_the_passphrase(run: Run, pool: ScriptedRunner) -> None:
    pool.expect(*HEALTH, stdout="ONLINE\n")
    pool.expect("zpool", "status", "-j", "rpool", stdout=status(vdev("mirror-0", "mirror", 2)))
    pool.expect(*LIST, stdout=datasets(*WHOLE, encryption="aes-256-gcm"))
    pool.expect(*CLONES)
    pool.expect("zfs", "load-key", "-n", "rpool")
    expect_taken(pool, run)
    pool.expect("zfs", "load-key", "rpool")
    pool.expect("zfs", "destroy", "-r", "rpool/ROOT/trebol")

    zfs.reuse_pool(replace(MIRROR, encrypted=True), run)

    assert not pool.expected


@pytest.mark.parametrize(
    ("said", "listed", "told"),
    [
        (status(vdev("raidz1-0", "raidz", 3)), None, "is made of raidz1 of 3, not of mirror of 2"),
        (status(vdev("sda3", "disk"), vdev("sdb3", "disk")), None, "is made of a disk, a disk, not of mirror of 2"),
        (status(vdev("mirror-0", "mirror", 2)), datasets("rpool", "rpool/ROOT"), "has no rpool/data"),
        (
            *(status(vdev("mirror-0", "mirror", 2)), datasets(*WHOLE, available=GIB)),
            "has room for 2.0 GiB; the new system needs 3.0 GiB",
        ),
        (status(vdev("mirror-0", "mirror", 2)), datasets(*WHOLE, encryption="aes-256-gcm"), "is encrypted"),
    ],
    ids=["another level", "no mirror", "no data", "full", "encrypted"],
)
def test_a_pool_that_cannot_be_taken_over_is_refused_before_anything_is_taken_away(
    run: Run, pool: ScriptedRunner, said: str, listed: str | None, told: str
) -> None:
    pool.expect(*HEALTH, stdout="ONLINE\n")
    pool.expect("zpool", "status", "-j", "rpool", stdout=said)
    if listed is not None:
        pool.expect(*LIST, stdout=listed)

    with pytest.raises(Refused, match=told):
        zfs.reuse_pool(MIRROR, run)
    assert not pool.expected


def test_what_was_cloned_from_the_old_root_is_not_destroyed_with_it(run: Run, pool: ScriptedRunner) -> None:
    pool.expect(*HEALTH, stdout="ONLINE\n")
    pool.expect("zpool", "status", "-j", "rpool", stdout=status(vdev("mirror-0", "mirror", 2)))
    pool.expect(*LIST, stdout=datasets(*WHOLE))
    pool.expect(*CLONES, stdout="-\nrpool/ROOT/old,rpool/ROOT/older\n")

    with pytest.raises(Refused, match="cloned from the old root: rpool/ROOT/old, rpool/ROOT/older"):
        zfs.reuse_pool(MIRROR, run)
    assert not pool.expected


def test_a_pool_that_is_not_whole_on_the_targets_is_refused_and_let_go_of(run: Run, pool: ScriptedRunner) -> None:
    pool.expect(*HEALTH, stdout="DEGRADED\n")
    expect_let_go(pool)

    with pytest.raises(Refused, match="is DEGRADED: a member is damaged, or is on a disk that is no target"):
        zfs.reuse_pool(MIRROR, run)
    run.undo.close()
    assert not pool.expected
