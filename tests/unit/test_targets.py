"""Why a disk can never be a target, or only with an explicit yes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from trebol_hardware.machine import (
    Content,
    Disk,
    Firmware,
    FirmwareMode,
    Machine,
    Partition,
    Processor,
    Volume,
    VolumeKind,
)
from trebol_hardware.stack import disks_below, volumes_on
from trebol_hardware.targets import ObstacleCode as Code
from trebol_hardware.targets import obstacles

EMPTY = Disk("sda", 2**40, serial="A", wwn="0x1", by_id=("ata-A",))
OTHER = Disk("sdb", 2**40, serial="B", wwn="0x2", by_id=("ata-B",))


def machine(*disks: Disk, volumes: tuple[Volume, ...] = (), mode: FirmwareMode = FirmwareMode.UEFI) -> Machine:
    processor = Processor("", "", 1, 1, 1)
    return Machine("x86_64", Firmware(mode), processor, 1, disks=disks, volumes=volumes)


def part(*contents: Content, name: str = "sda1", mounted: tuple[str, ...] = ()) -> tuple[Partition, ...]:
    return (Partition(name, 1, 2**20, 2**30, contents, mounted),)


def test_an_empty_disk_has_nothing_against_it() -> None:
    assert obstacles(EMPTY, machine(EMPTY, OTHER)) == ()


@pytest.mark.parametrize(
    ("disk", "code", "words"),
    [
        (replace(EMPTY, medium=True), Code.MEDIUM, "was started from"),
        (replace(EMPTY, medium=True, by_id=("usb-iDRAC_Virtual_CD",)), Code.BMC_MEDIA, "management controller"),
        (replace(EMPTY, read_only=True), Code.READ_ONLY, "read-only"),
        (replace(EMPTY, name="mmcblk0boot0"), Code.BOOT_AREA, "boot area"),
        (replace(EMPTY, size=0), Code.NO_SIZE, "no size"),
        (replace(EMPTY, content=(Content("unreadable"),)), Code.UNREADABLE, "cannot be read"),
        (replace(EMPTY, mountpoints=("/",)), Code.RUNNING_SYSTEM, "/"),
        (replace(EMPTY, partitions=part(mounted=("/usr",))), Code.RUNNING_SYSTEM, "/usr"),
        (replace(EMPTY, partitions=part(mounted=("/run/live/medium",))), Code.RUNNING_SYSTEM, "/run/live/medium"),
        (replace(EMPTY, partitions=part(mounted=("/boot/efi",))), Code.RUNNING_SYSTEM, "/boot/efi"),
    ],
)
def test_what_is_never_a_target_says_why(disk: Disk, code: Code, words: str) -> None:
    first = obstacles(disk, machine(disk, OTHER))[0]

    assert (first.code, first.final) == (code, True)
    assert words in first.what
    assert first.hint


@pytest.mark.parametrize(("mode", "codes"), [(FirmwareMode.BIOS, [Code.CANNOT_BOOT]), (FirmwareMode.UEFI, [])])
def test_sectors_of_4096_bytes_are_refused_by_bios_only(mode: FirmwareMode, codes: list[Code]) -> None:
    disk = replace(EMPTY, logical_sector=4096)
    assert [obstacle.code for obstacle in obstacles(disk, machine(disk, mode=mode))] == codes


@pytest.mark.parametrize(
    ("disk", "words"),
    [
        (replace(EMPTY, content=(Content("gpt"),)), "GPT"),
        (replace(EMPTY, partitions=part()), "sda1 (1.0 GiB): nothing known"),
        (
            replace(EMPTY, partitions=part(Content("ext4", "data", size=2**30, used=2**29))),
            'ext4 "data", 512 MiB of 1.0 GiB used',
        ),
        (replace(EMPTY, content=(Content("ext4", used=2**30),)), "ext4, 1.0 GiB used"),
        (
            replace(EMPTY, content=(Content("zfs_member", member_of="tank", group_uuid="17"),)),
            "ZFS pool tank (guid 17)",
        ),
        (
            replace(EMPTY, content=(Content("ceph_bluestore", member_of="osd.3", group_uuid="f51d"),)),
            "Ceph osd.3 of cluster f51d",
        ),
        (replace(EMPTY, system="Windows", partitions=part(Content("ntfs"))), "seems to be: Windows"),
    ],
)
def test_what_a_disk_holds_needs_a_yes_and_is_named(disk: Disk, words: str) -> None:
    (found,) = obstacles(disk, machine(disk, OTHER))

    assert (found.code, found.final) == (Code.HOLDS, False)
    assert words in found.what
    assert 'wipe = "confirmed"' in found.hint


def test_mounted_elsewhere_and_active_volumes_need_a_yes() -> None:
    disk = replace(EMPTY, partitions=part(Content("crypto_LUKS")))
    volume = Volume("dm-0", VolumeKind.CRYPT, "/dev/mapper/x", below=("sda1",), mountpoints=("/srv", "[SWAP]"))

    found = {obstacle.code: obstacle for obstacle in obstacles(disk, machine(disk, volumes=(volume,)))}

    assert set(found) == {Code.MOUNTED, Code.ACTIVE, Code.HOLDS}
    assert "/srv, [SWAP]" in found[Code.MOUNTED].what
    assert "/dev/mapper/x" in found[Code.ACTIVE].what
    assert not any(obstacle.final for obstacle in found.values())


@pytest.mark.parametrize("point", ["/run/trebol/target", "/run/trebol/target/boot/efi", "/srv", "[SWAP]", "/user"])
def test_after_an_installation_that_failed_its_target_can_be_one_again(point: str) -> None:
    disk = replace(EMPTY, partitions=part(Content("ext4"), mounted=(point,)))
    assert [found.code for found in obstacles(disk, machine(disk))] == [Code.MOUNTED, Code.HOLDS]


@pytest.mark.parametrize("point", ["/run/trebol/medium", "/run/trebol/layers/base", "/usr/lib", "/cdrom"])
def test_what_the_live_system_runs_from_is_no_target(point: str) -> None:
    disk = replace(EMPTY, partitions=part(Content("ext4"), mounted=(point,)))
    assert obstacles(disk, machine(disk))[0].code is Code.RUNNING_SYSTEM


def test_a_root_on_a_volume_is_the_running_system() -> None:
    disk = replace(EMPTY, partitions=part(Content("LVM2_member")))
    volume = Volume("dm-0", VolumeKind.LVM, "/dev/mapper/trebol-root", below=("sda1",), mountpoints=("/",))

    assert obstacles(disk, machine(disk, volumes=(volume,)))[0].code is Code.RUNNING_SYSTEM


def test_holders_that_nothing_is_known_of_count_as_active() -> None:
    disk = replace(EMPTY, holders=("drbd0",))
    assert [obstacle.code for obstacle in obstacles(disk, machine(disk))] == [Code.ACTIVE]


@pytest.mark.parametrize(
    ("own", "theirs", "name"),
    [
        (
            Content("LVM2_member", member_of="vg", group_uuid="1"),
            Content("LVM2_member", member_of="vg", group_uuid="1"),
            "LVM group vg",
        ),
        (
            Content("LVM2_member", member_of="vg", group_uuid="1"),
            Content("LVM2_member", member_of="vg", group_uuid="2"),
            "",
        ),
        (Content("LVM2_member", member_of="vg"), Content("LVM2_member", member_of="vg"), "LVM group vg"),
        (Content("LVM2_member"), Content("LVM2_member"), ""),
        (Content("linux_raid_member", group_uuid="a"), Content("linux_raid_member", group_uuid="a"), "RAID array a"),
        (
            Content("zfs_member", member_of="t", group_uuid="1"),
            Content("zfs_member", member_of="t", group_uuid="1"),
            "ZFS pool t",
        ),
        (Content("bcache", uuid="x", group_uuid="s"), Content("bcache", uuid="y", group_uuid="s"), "bcache set s"),
        (Content("btrfs", "pool", "u"), Content("btrfs", "pool", "u"), "btrfs pool"),
        (Content("ext4", "pool", "u"), Content("ext4", "pool", "u"), ""),
        (
            Content("ceph_bluestore", member_of="osd.1", group_uuid="f"),
            Content("ceph_bluestore", "db", member_of="osd.1", group_uuid="f"),
            "Ceph osd.1",
        ),
        (
            Content("ceph_bluestore", member_of="osd.1", group_uuid="f"),
            Content("ceph_bluestore", member_of="osd.2", group_uuid="f"),
            "",
        ),
    ],
)
def test_what_lies_on_other_disks_too_names_them(own: Content, theirs: Content, name: str) -> None:
    disk = replace(EMPTY, content=(own,))
    other = replace(OTHER, partitions=part(theirs, name="sdb1"))

    shared = [found for found in obstacles(disk, machine(disk, other)) if found.code is Code.SHARED]

    assert [found.others for found in shared] == ([("sdb",)] if name else [])
    assert all(name in found.what and "sdb (serial B)" in found.what for found in shared)


def test_a_group_on_an_array_is_named_only_where_it_reaches_further() -> None:
    member = Content("linux_raid_member", member_of="node:0", group_uuid="a")
    inside = Content("LVM2_member", member_of="vg", group_uuid="1")
    disks = [replace(disk, content=(member,)) for disk in (EMPTY, OTHER)]
    array = Volume("md0", VolumeKind.RAID, "/dev/md0", below=("sda", "sdb"), content=(inside,))
    third = Disk("sdc", 2**40, serial="C", content=(inside,))

    def shared(*there: Disk) -> list[tuple[str, ...]]:
        found = obstacles(there[0], machine(*there, volumes=(array,)))
        return [obstacle.others for obstacle in found if obstacle.code is Code.SHARED]

    assert shared(*disks) == [("sdb",)]
    assert shared(*disks, third) == [("sdb",), ("sdb", "sdc")]
    assert shared(third, *disks) == [("sda", "sdb")]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"serial": "A"}, None),
        ({"serial": "A", "wwn": ""}, Code.SAME_SERIAL),
        ({"serial": "A", "wwn": "0x1"}, Code.SECOND_PATH),
        ({"serial": "", "wwn": "0x1"}, Code.SECOND_PATH),
        ({"serial": "B", "wwn": "0x1"}, None),
        ({"serial": "A", "wwn": "0x1", "size": 2**41}, Code.SECOND_PATH),
        ({"serial": "", "wwn": ""}, None),
    ],
)
def test_disks_that_look_the_same_are_named(changes: dict[str, Any], code: Code | None) -> None:
    other = replace(OTHER, **changes)
    found = obstacles(EMPTY, machine(EMPTY, other))
    assert [(obstacle.code, obstacle.others, obstacle.final) for obstacle in found] == (
        [(code, ("sdb",), False)] if code else []
    )


def test_namespaces_of_one_ssd_are_not_the_same_disk() -> None:
    first, second = (Disk(f"nvme0n{n}", 2**40, serial="S", wwn=f"eui.{n}", transport="nvme") for n in (1, 2))
    assert obstacles(first, machine(first, second)) == ()


def test_a_path_of_a_multipath_map_is_never_a_target() -> None:
    twin = replace(OTHER, serial="A", wwn="0x1")
    path = Volume("dm-0", VolumeKind.MULTIPATH, "/dev/mapper/mpatha", below=("sda", "sdb"))

    (found,) = obstacles(EMPTY, machine(EMPTY, twin, volumes=(path,)))

    assert (found.code, found.final, found.others) == (Code.MULTIPATH, True, ("sdb",))
    assert "/dev/mapper/mpatha" in found.what


def test_volumes_come_after_those_that_they_stand_on() -> None:
    names = {"dm-1": ("md0", "dm-9"), "dm-9": ("md5",), "md5": ("md0",), "md0": ("sda1",), "md9": ("sdb",)}
    volumes = tuple(Volume(name, VolumeKind.OTHER, f"/dev/{name}", below=below) for name, below in names.items())
    disk = replace(EMPTY, partitions=part())
    there = machine(disk, OTHER, volumes=volumes)

    assert [volume.name for volume in volumes_on(disk, there)] == ["md0", "md5", "dm-9", "dm-1"]
    assert [found.name for found in disks_below(volumes[0], there)] == ["sda"]


def test_a_circle_of_volumes_in_an_edited_record_ends() -> None:
    first = Volume("dm-0", VolumeKind.OTHER, "/dev/dm-0", below=("sda", "dm-1"))
    second = Volume("dm-1", VolumeKind.OTHER, "/dev/dm-1", below=("dm-0",))
    there = machine(EMPTY, volumes=(first, second))

    assert volumes_on(EMPTY, there) == (first, second)
    assert [obstacle.code for obstacle in obstacles(EMPTY, there)] == [Code.ACTIVE]
