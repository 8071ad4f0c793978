"""What is true of every plan, whatever the machine and the answers: 10,000 pairs of them, generated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.answer_files import GIB, answers, made_machine, manifest

from trebol_common.answers.model import Answers, Filesystem
from trebol_common.errors import BadInput, Refused
from trebol_hardware.machine import ZFS_MEMBER, Content, Disk, FirmwareMode, Machine, Partition
from trebol_installer import steps
from trebol_installer.disk_names import clearly_named
from trebol_installer.hardware import checked
from trebol_installer.plan import Plan, plan
from trebol_installer.render import render
from trebol_installer.sizing import ALIGNMENT, ARRAY_OFFSET, LUKS_HEADER
from trebol_installer.steps import PartitionKind, PartitionRef

MACHINES, DISKS = 350, 8

MEDIUM = manifest(zfs=True)
#: One that was built without ZFS: what asks for it is refused, and nothing else.
WITHOUT_ZFS = manifest()

_LAYOUTS: tuple[tuple[int, dict[str, Any]], ...] = (
    (1, {"filesystem": "ext4"}),
    (1, {"filesystem": "xfs", "lvm": {"swapsize": 0, "maxvz": 20}}),
    (1, {"filesystem": "ext4", "lvm": {"hdsize": 30, "minfree": 2}}),
    (1, {"filesystem": "ext4", "encryption": {"passphrase": "four leaves of clover"}}),
    (1, {"filesystem": "xfs", "encryption": {"passphrase": "four leaves of clover", "tpm2": True}}),
    (2, {"filesystem": "ext4", "lvm": {"raid": "raid1"}}),
    (3, {"filesystem": "xfs", "lvm": {"raid": "raid1", "hdsize": 25}}),
    (4, {"filesystem": "ext4", "lvm": {"raid": "raid10"}}),
    (1, {"filesystem": "btrfs", "btrfs": {"raid": "raid0", "compress": "zstd"}}),
    (2, {"filesystem": "btrfs", "btrfs": {"raid": "raid1"}, "encryption": {"passphrase": "four leaves of clover"}}),
    (5, {"filesystem": "btrfs", "btrfs": {"raid": "raid10", "hdsize": 16}}),
    (1, {"filesystem": "zfs", "zfs": {"raid": "raid0"}}),
    (2, {"filesystem": "zfs", "zfs": {"raid": "raid1", "arc-max": 512, "copies": 2}}),
    (4, {"filesystem": "zfs", "zfs": {"raid": "raid10", "hdsize": 20}}),
    (3, {"filesystem": "zfs", "zfs": {"raid": "raidz-1"}, "encryption": {"passphrase": "four leaves of clover"}}),
    (5, {"filesystem": "zfs", "zfs": {"raid": "raidz-3", "ashift": 9}}),
)


def _answers(setup: dict[str, Any]) -> Answers:
    return answers(("disk-setup", setup))


#: Each layout on disks by name with their loss confirmed, and on those that a filter finds: thirty-two answer files.
ANSWERS = tuple(
    _answers({**setup, **choice})
    for number, setup in _LAYOUTS
    for choice in (
        {"disk-list": [f"virtio-d{disk}" for disk in range(number)], "wipe": "confirmed"},
        {"filter": {"ID_SERIAL": f"d[0-{number - 1}]"}},
    )
)

CONTENTS = st.sampled_from(
    [
        (),
        (Content("ext4", "precious", "u1"),),
        (Content("LVM2_member", "", "u2", "trebol"),),
        (Content("LVM2_member", "", "u3", "other"),),
        (Content("linux_raid_member", "md0", "u4", "md0"),),
        (Content("zfs_member", "rpool", "u5", "rpool"),),
        (Content("ntfs", "Windows", "u6"),),
    ]
)
SIZES = st.sampled_from([4, 8, 10, 20, 40, 41, 120, 4000]).flatmap(
    lambda size: st.integers(0, 2**20).map(lambda more: size * GIB + more * 512)
)


@st.composite
def disk(draw: st.DrawFn, number: int, serial: int) -> Disk:
    size = draw(SIZES)
    parts = draw(st.lists(CONTENTS, max_size=3))
    return Disk(
        f"vd{'abcdefgh'[number]}",
        size,
        logical_sector=draw(st.sampled_from([512, 512, 512, 4096])),
        serial=f"d{serial}",
        wwn=draw(st.sampled_from(["", "", f"0x5000{number}", "0x5000"])),
        by_id=(f"virtio-d{serial}",),
        read_only=draw(st.integers(0, 9)) == 0,
        medium=draw(st.integers(0, 9)) == 0,
        content=draw(CONTENTS),
        partitions=tuple(
            Partition(f"p{index}", index, index * GIB, GIB, content=content) for index, content in enumerate(parts, 1)
        ),
        mountpoints=("/mnt",) if draw(st.integers(0, 19)) == 0 else (),
        udev={"ID_SERIAL": f"d{serial}"},
    )


@st.composite
def sound_disk(draw: st.DrawFn, number: int) -> Disk:
    """A disk that can be a target, empty or not; of about the same size as the others."""
    content = draw(st.sampled_from([(), (), (Content("gpt"),), (Content("ntfs", "Windows", "u6"),)]))
    size = draw(st.integers(32, 34)) * GIB + draw(st.integers(0, 2**20)) * 512
    parts = tuple(Partition(f"p{index}", index, index * GIB, GIB) for index in (1, 2)) if content else ()
    return Disk(
        f"vd{'abcdefgh'[number]}",
        size,
        serial=f"d{number}",
        by_id=(f"virtio-d{number}",),
        content=content,
        partitions=parts,
        udev={"ID_SERIAL": f"d{number}"},
    )


@st.composite
def machine(draw: st.DrawFn) -> Machine:
    """Of three machines, one whose disks are anything, and two whose first five could all be targets."""
    if draw(st.integers(0, 2)) == 0:
        serials = draw(st.lists(st.integers(0, DISKS - 1), min_size=1, max_size=DISKS))
        disks = tuple(draw(disk(number, serial)) for number, serial in enumerate(serials))
    else:
        disks = tuple(draw(sound_disk(number)) for number in range(5))
    return made_machine(
        *disks, mode=draw(st.sampled_from(FirmwareMode)), memory=draw(st.sampled_from([0, GIB, 64 * GIB]))
    )


def paths_in(value: object) -> Iterator[str]:
    """Every stable path of a disk that a step holds."""
    match value:
        case str() if value.startswith(("/dev/disk/", "/dev/vd", "/dev/sd")):
            yield value
        case PartitionRef():
            yield value.disk
        case tuple():
            for item in value:
                yield from paths_in(item)
        case _ if is_dataclass(value):
            for field in fields(value):
                yield from paths_in(getattr(value, field.name))


def of(made: Plan, kind: type) -> list[Any]:
    return [step for step in made.steps if isinstance(step, kind)]


@pytest.mark.timeout(600)
@settings(max_examples=MACHINES, deadline=None, suppress_health_check=list(HealthCheck))
@given(machine())
def test_every_plan_names_only_targets_fits_them_and_boots_from_each(made_of: Machine) -> None:
    # The hardware checks are the same for all answers, and have tests of their own.
    findings = checked(made_of, ANSWERS[0].checks)
    last: Plan | None = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trebol_installer.plan.checked", lambda machine, checks: findings)
        for wanted in ANSWERS:
            try:
                last = plan(made_of, wanted, MEDIUM)
            except (BadInput, Refused) as error:
                assert error.problems and all(problem.what for problem in error.problems)
                continue
            check_plan(last, made_of, wanted)
            if wanted.disk_setup.filesystem is Filesystem.ZFS:
                with pytest.raises(BadInput, match="built without ZFS"):
                    plan(made_of, wanted, WITHOUT_ZFS)
    if last is not None:
        assert [line for line in render(last).splitlines() if len(line) > 80] == []


def check_plan(made: Plan, made_of: Machine, wanted: Answers) -> None:
    """Raise AssertionError unless the plan is safe, fits and boots."""
    targets = {disk.path for disk in made.disks}
    chosen = {disk.stable_path: disk for disk in clearly_named(made_of).disks if disk.stable_path in targets}
    assert len(chosen) == len(made.disks) == len(targets)
    for disk in chosen.values():
        assert not (disk.medium or disk.read_only)
        if any(content.kind == ZFS_MEMBER for content in disk.content):
            assert of(made, steps.ExportPool)  # Takes the pool's mounts away with it.
        else:
            assert {step.mountpoint for step in of(made, steps.ReleaseMount)} >= set(disk.mountpoints)
        holds = bool(disk.content or disk.partitions or disk.mountpoints)
        assert not holds or (wanted.disk_setup.wipe == "confirmed" and wanted.disk_setup.disk_list)
    named = [set(paths_in(step)) for step in made.steps]
    assert set().union(*named) == targets
    # Every target is looked at before the first is written to.
    last_look = max(index for index, step in enumerate(made.steps) if isinstance(step, steps.CheckTarget))
    assert last_look < min(index for index, step in enumerate(made.steps) if isinstance(step, steps.WipeDisk))
    assert {step.disk for step in of(made, steps.CheckTarget)} == targets
    for kind in (steps.WipeDisk, steps.PartitionDisk):
        assert sorted(step.disk for step in of(made, kind)) == sorted(targets)
    for step in of(made, steps.PartitionDisk):
        end = ALIGNMENT
        for partition in step.partitions:
            assert partition.start >= end and partition.start % ALIGNMENT == 0 == partition.size % ALIGNMENT
            end = partition.start + partition.size
        assert end + ALIGNMENT <= chosen[step.disk].size
        assert [partition.kind for partition in step.partitions[:2]] == [PartitionKind.BIOS_BOOT, PartitionKind.ESP]
    (boot,) = of(made, steps.InstallBootLoader)
    assert sorted(each.esp.disk for each in boot.boot) == sorted(targets)
    assert {each.device for each in of(made, steps.MakeFilesystem) if each.kind == "vfat"} == {
        each.esp for each in boot.boot
    }
    at = [step.at if isinstance(step, steps.MountTarget) else "/" for step in _mounts(made)]
    assert at == ["/", "/boot/efi"]
    check_volumes(made)
    check_pool(made, targets)


def _mounts(made: Plan) -> list[Any]:
    return [step for step in made.steps if isinstance(step, steps.MountTarget | steps.MountDataset)]


def check_pool(made: Plan, targets: set[str]) -> None:
    """Raise AssertionError unless a pool has one partition of every target, and its layer is unpacked."""
    pools = of(made, steps.CreatePool)
    for pool in pools:
        members = [member for group in pool.groups for member in group]
        assert sorted(member.disk for member in members) == sorted(targets)
        assert {member.number for member in members} == {3}
        assert len({len(group) for group in pool.groups}) == 1
    layers = [step.layer for step in of(made, steps.ExtractLayer)]
    assert layers == (["base", "zfs", "appliance"] if pools else ["base", "appliance"])
    assert len(of(made, steps.LoadZfs)) == len(of(made, steps.MergePackages)) == len(pools)


def check_volumes(made: Plan) -> None:
    """Raise AssertionError unless logical volumes fit into what they are made on."""
    volumes = sum(step.size for step in of(made, steps.CreateVolume))
    volumes += sum(step.size + 2 * step.metadata for step in of(made, steps.CreateThinPool))
    room = of(made, steps.PartitionDisk)[0].partitions[2].size
    for array in of(made, steps.CreateArray):
        room = (room - ARRAY_OFFSET) * (len(array.members) // 2 if array.level == "raid10" else 1)
    assert volumes <= room - len(of(made, steps.EncryptDevice)) * LUKS_HEADER - ALIGNMENT
