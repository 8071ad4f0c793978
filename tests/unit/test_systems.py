"""Whose disk it is."""

from __future__ import annotations

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
from trebol_hardware.systems import UNFINISHED_TREBOL, Entry, system

ESP = Entry("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
BIOS = Entry("21686148-6449-6e6f-744e-656564454649")
DATA = Entry("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7")
LINUX = Entry("0fc63daf-8483-4772-8e79-3d69d8477de4")
ZFS = Entry("6a898cc3-1dd2-11b2-99a6-080020736631")
MSR = Entry("e3c9e316-0b5c-4db8-817d-f92df00215ae")
RPOOL = Content("zfs_member", "rpool", "1", "rpool", "1")
EXT4 = Content("ext4")


def pv(group: str) -> Content:
    return Content("LVM2_member", member_of=group)


def named(entry: Entry, name: str) -> Entry:
    return Entry(entry.type, name, entry.flags)


@pytest.mark.parametrize(
    ("expected", "parts"),
    [
        ("", []),
        ("", [(DATA, Content("ntfs"))]),
        ("", [(LINUX, EXT4)]),
        ("", [(Entry("0x7"), Content("ntfs"))]),
        ("", [(DATA, Content("exfat"))]),
        ("", [(LINUX, pv("backup"))]),
        ("Trebol", [(named(BIOS, "trebol-bios-boot"), None), (LINUX, None)]),
        ("Trebol", [(LINUX, pv("trebol"))]),
        (UNFINISHED_TREBOL, [(named(BIOS, "trebol-unfinished"), None), (named(LINUX, "trebol-lvm"), pv("trebol"))]),
        ("Trebol", [(named(BIOS, "trebol-unfinished"), None), (named(LINUX, "mine"), EXT4)]),
        ("Trebol", [(named(BIOS, "trebol-bios-boot"), None), (named(ESP, "trebol-esp"), None), (ZFS, RPOOL)]),
        ("Proxmox VE", [(BIOS, None), (ESP, None), (LINUX, pv("pve"))]),
        ("Proxmox VE", [(BIOS, None), (ESP, Content("vfat")), (ZFS, RPOOL)]),
        ("", [(ZFS, RPOOL)]),
        ("Ceph OSD", [(LINUX, Content("ceph_bluestore"))]),
        ("Ceph OSD", [(LINUX, pv("ceph-0a7c6b5d-4e3f-4210-9182-736455463728"))]),
        ("Ceph OSD", [(Entry("4fbd7e29-9d25-41b8-afd0-062c0ceff05d"), Content("xfs"))]),
        ("VMware ESXi", [(ESP, Content("vfat")), (Entry("4eb2ea39-7855-4790-a79e-fae495e21f8d"), None)]),
        ("VMware ESXi", [(Entry("0xfb"), None)]),
        ("Windows", [(MSR, None), (DATA, Content("ntfs"))]),
        ("Windows", [(Entry("0x7", flags="0x80"), Content("ntfs"))]),
        ("Windows", [(DATA, Content("BitLocker"))]),
        ("Windows, Linux", [(ESP, Content("vfat")), (MSR, None), (LINUX, EXT4)]),
        ("FreeBSD/TrueNAS", [(Entry("516e7cb5-6ecf-11d6-8ff8-00022d09712b"), None), (ZFS, RPOOL)]),
        ("FreeBSD/TrueNAS", [(ESP, None), (ZFS, Content("zfs_member", "boot-pool", "2", "boot-pool", "2"))]),
        ("macOS", [(ESP, None), (Entry("7c3457ef-0000-11aa-aa11-00306543ecac"), Content("apfs"))]),
        ("Linux", [(ESP, Content("vfat")), (LINUX, EXT4)]),
        ("Linux", [(BIOS, None), (LINUX, Content("crypto_LUKS"))]),
        ("Linux", [(Entry("0x83", flags="0x80"), EXT4)]),
        ("Linux", [(Entry("4f68bce3-e8cd-4db1-96e7-fbcaf984b709"), None)]),
        ("Linux", [(LINUX, Content("xfs", "ROOT"))]),
        ("", [(Entry("0x83"), EXT4)]),
        ("", [(Entry("0fc63daf-8483-4772-8e79-3d69d8477de4", flags="0x80"), EXT4)]),
    ],
)
def test_a_system_is_told_by_signs_that_only_it_leaves(
    expected: str, parts: list[tuple[Entry, Content | None]]
) -> None:
    partitions = tuple(
        Partition(f"sda{number}", number, 0, 0, (content,) if content else ())
        for number, (_entry, content) in enumerate(parts, start=1)
    )
    entries = {f"sda{number}": entry for number, (entry, _content) in enumerate(parts, start=1)}
    disk = Disk("sda", 2**40, partitions=partitions)

    assert system(disk, entries, machine(disk)) == expected


@pytest.mark.parametrize(
    ("path", "mountpoints", "expected"),
    [
        ("/dev/mapper/ubuntu--vg-ubuntu--lv", (), "Linux"),
        ("/dev/mapper/vg_old-lv_root", (), "Linux"),
        ("/dev/mapper/debian-root", (), "Linux"),
        ("/dev/mapper/data-films", (), ""),
        ("/dev/mapper/data-films", ("/",), "Linux"),
        ("/dev/mapper/pve-root", (), "Linux"),
    ],
)
def test_volumes_tell_of_a_root_file_system(path: str, mountpoints: tuple[str, ...], expected: str) -> None:
    disk = Disk("sda", 2**40)
    volume = Volume("dm-0", VolumeKind.LVM, path, below=("sda",), content=(EXT4,), mountpoints=mountpoints)

    assert system(disk, {}, machine(disk, volume)) == expected


def test_partitions_of_an_array_of_the_firmware_tell_too() -> None:
    disk = Disk("sda", 2**40, content=(Content("isw_raid_member"),))
    array = Volume("md126", VolumeKind.RAID, "/dev/md126", below=("sda",))
    partition = Volume("md126p1", VolumeKind.OTHER, "/dev/md126p1", below=("md126",))

    assert system(disk, {"md126p1": MSR}, machine(disk, array, partition)) == "Windows"


def machine(disk: Disk, *volumes: Volume) -> Machine:
    processor = Processor("", "", 1, 1, 1)
    return Machine("x86_64", Firmware(FirmwareMode.UEFI), processor, 1, disks=(disk,), volumes=volumes)
