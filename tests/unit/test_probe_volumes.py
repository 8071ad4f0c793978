"""What the probe finds out about volumes: the devices that the kernel makes of others."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.fakesys import FakeSystem

from trebol_hardware.machine import Volume, VolumeKind
from trebol_hardware.probe import disks, mounts, volumes

SATA = "pci0000:00/0000:00:17.0/ata{0}/host{0}/target{0}:0:0/{0}:0:0:0/block"


@pytest.fixture
def system(tmp_path: Path) -> FakeSystem:
    system = FakeSystem(tmp_path)
    for index, name in enumerate(("sda", "sdb")):
        folder = system.disk(name, SATA.format(index), number=f"8:{16 * index}")
        system.partition(folder, f"{name}1", 1, start=2048, sectors=4096, dev=f"8:{16 * index + 1}")
    return system


def read(system: FakeSystem) -> tuple[Volume, ...]:
    return volumes.read(system.root, system.udev, mounts.read(system.root))


@pytest.mark.parametrize(
    ("name", "uuid", "kind", "group"),
    [
        ("trebol-root", "LVM-abc", VolumeKind.LVM, "trebol"),
        ("my--vg-a--b", "LVM-abc", VolumeKind.LVM, "my-vg"),
        ("ends--with---root", "LVM-abc", VolumeKind.LVM, "ends-with-"),
        ("trebol-data-tpool", "LVM-abc-tpool", VolumeKind.LVM, "trebol"),
        ("nodivider", "LVM-abc", VolumeKind.LVM, ""),
        ("luks-1234-5678", "CRYPT-LUKS2-1234-luks-1234", VolumeKind.CRYPT, ""),
        ("mpatha", "mpath-3600508b4", VolumeKind.MULTIPATH, ""),
        ("mpatha-part1", "part1-mpath-3600508b4", VolumeKind.OTHER, ""),
        ("isw_abc_Volume0", "DMRAID-isw_abc_Volume0", VolumeKind.RAID, ""),
        ("anything", "", VolumeKind.OTHER, ""),
    ],
)
def test_device_mapper_tells_kind_and_group(
    system: FakeSystem, name: str, uuid: str, kind: VolumeKind, group: str
) -> None:
    system.volume("dm-3", ["sda1"], sectors=8, attributes={"dm/name": name, "dm/uuid": uuid})

    (volume,) = read(system)

    assert volume == Volume("dm-3", kind, f"/dev/mapper/{name}", 4096, ("sda1",), group, uuid)


def test_names_of_logical_volumes_are_written_as_device_mapper_has_them() -> None:
    assert volumes.lvm_name("my-vg", "osd-block-1") == "my--vg-osd--block--1"


@pytest.mark.parametrize("source", ["sysfs", "udev"])
def test_an_array_has_the_uuid_that_its_members_have(system: FakeSystem, source: str) -> None:
    """mdadm writes four groups of eight digits, blkid five groups."""
    text = "3A5B7C9D:1e2f4031:82435465:76879809"
    attributes = {"md/level": "raid1"} | ({"md/uuid": text} if source == "sysfs" else {})
    system.volume(
        "md127", ["sda1", "sdb1"], attributes=attributes, udev={} if source == "sysfs" else {"MD_UUID": text}
    )

    (array,) = read(system)

    assert (array.kind, array.path, array.below) == (VolumeKind.RAID, "/dev/md127", ("sda1", "sdb1"))
    assert array.uuid == "3a5b7c9d-1e2f-4031-8243-546576879809"


def test_partitions_of_an_array_are_volumes_on_it(system: FakeSystem) -> None:
    table = {"ID_PART_TABLE_TYPE": "gpt", "MD_UUID": "x"}
    folder = system.volume("md126", ["sda", "sdb"], attributes={"md/level": "raid1"}, udev=table)
    inside = {"ID_FS_TYPE": "ntfs", **table}
    system.partition(folder, "md126p1", 1, start=2048, sectors=8, dev="259:0", udev=inside)

    array, partition = read(system)

    assert [content.kind for content in array.content] == ["gpt"]
    assert (partition.name, partition.kind, partition.below) == ("md126p1", VolumeKind.OTHER, ("md126",))
    assert [content.kind for content in partition.content] == ["ntfs"]


def test_loop_and_memory_devices_and_md_nodes_without_members_are_no_volumes(system: FakeSystem) -> None:
    for name in ("loop0", "ram0", "zram0", "nbd0"):
        system.disk(name, "virtual/block", number="7:0")
    system.disk("md0", "virtual/block", number="9:0", attributes={"md/array_state": "clear"})

    assert read(system) == ()


def test_slaves_of_old_controllers_have_their_slash_back(system: FakeSystem) -> None:
    system.disk("cciss!c0d0", "pci0000:00/0000:06:00.0/cciss0/c0d0/block", number="104:0")
    system.volume("dm-0", ["cciss!c0d0"], attributes={"dm/name": "a-b", "dm/uuid": "LVM-1"})

    assert read(system)[0].below == ("cciss/c0d0",)


def test_volumes_are_mounted_by_number_and_by_both_names(system: FakeSystem) -> None:
    attributes = {"dm/name": "trebol-root", "dm/uuid": "LVM-1"}
    system.volume("dm-0", ["sda1"], number="253:0", attributes=attributes)
    system.mount("253:0", "/mnt/number", "/dev/root")
    system.mount("0:50", "/mnt/mapper", "/dev/mapper/trebol-root", "btrfs")
    system.write("proc/swaps", "Filename Type Size Used Priority\n/dev/dm-0 partition 1 0 -2\n")

    assert read(system)[0].mountpoints == ("/mnt/mapper", "/mnt/number", "[SWAP]")


def test_every_device_of_a_mounted_btrfs_is_in_use(system: FakeSystem) -> None:
    """mountinfo names one of them."""
    system.volume("dm-0", ["sdb1"], number="253:0", attributes={"dm/name": "crypt", "dm/uuid": "CRYPT-LUKS2-x"})
    system.mount("0:44", "/srv", "/dev/sda1", "btrfs")
    for member in ("sda1", "dm-0"):
        system.write(f"sys/fs/btrfs/11112222-3333/devices/{member}/size", "8")

    assert read(system)[0].mountpoints == ("/srv",)
    assert [disk.partitions[0].mountpoints for disk in disks.read(system.root, system.udev)] == [("/srv",), ()]


def test_every_member_of_a_mounted_pool_is_in_use(system: FakeSystem) -> None:
    for name, pool in (("sda1", "rpool"), ("sdb1", "rpool2")):
        system.udev.table["block", name] = {"ID_FS_TYPE": "zfs_member", "ID_FS_LABEL": pool, "ID_FS_UUID": "17"}
    system.mount("0:30", "/", "rpool/ROOT/trebol-1", "zfs")
    system.mount("0:31", "/rpool", "rpool", "zfs")

    first, second = disks.read(system.root, system.udev)

    assert first.partitions[0].mountpoints == ("/", "/rpool")
    assert second.partitions[0].mountpoints == ()


def test_running_bcache_names_its_set_on_volume_and_members(system: FakeSystem) -> None:
    for name in ("sda", "sdb1"):
        system.udev.table["block", name] = {"ID_FS_TYPE": "bcache", "ID_FS_UUID": f"own-{name}"}
    folder = system.volume("bcache0", ["sda", "sdb1"], sectors=8)
    system.link(f"{system.folder('sda')}/bcache/cache", "sys/fs/bcache/9d1f3b5c")
    system.link(f"{system.folder('sdb1')}/bcache/set", "sys/fs/bcache/9d1f3b5c")
    system.link(f"{folder}/bcache", f"{system.folder('sda')}/bcache")

    (volume,) = read(system)
    first, second = disks.read(system.root, system.udev)

    assert volume == Volume("bcache0", VolumeKind.BCACHE, "/dev/bcache0", 4096, ("sda", "sdb1"), uuid="9d1f3b5c")
    assert first.content[0].group_uuid == second.partitions[0].content[0].group_uuid == "9d1f3b5c"
