"""What the probe finds out about disks."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.fakesys import FakeSystem

from trebol_hardware.machine import Content, Disk
from trebol_hardware.probe import disks
from trebol_hardware.probe.identity import by_id_links, is_bmc_media

SATA = "pci0000:00/0000:00:17.0/ata{0}/host{0}/target{0}:0:0/{0}:0:0:0/block"


@pytest.fixture
def system(tmp_path: Path) -> FakeSystem:
    return FakeSystem(tmp_path)


def read(system: FakeSystem) -> tuple[Disk, ...]:
    return disks.read(system.root, system.udev)


def test_what_is_not_a_disk_is_left_out(system: FakeSystem) -> None:
    for name in ("loop0", "ram0", "zram0", "dm-0", "md127", "nbd0"):
        system.disk(name, "virtual/block", number="7:0")
    system.disk("sr0", SATA.format(2), number="11:0")
    system.disk("fd0", "platform/floppy.0/block", number="2:0")
    system.disk("sdb", SATA.format(3), sectors=0, number="8:16")
    system.disk("nvme0c0n1", "pci0000:00/0000:01:00.0/nvme/nvme0", number="0:0", attributes={"hidden": "1"})
    system.disk("nvme0n1", "virtual/nvme-subsystem/nvme-subsys0", number="259:0")
    emmc = system.disk("mmcblk0", "pci0000:00/mmc_host/mmc0/mmc0:0001/block", number="179:0")
    system.disk("mmcblk0boot0", emmc.removeprefix("sys/devices/"), number="179:8", attributes={"size": "8192"})

    assert [disk.name for disk in read(system)] == ["mmcblk0", "nvme0n1"]


@pytest.mark.parametrize(
    ("name", "device", "vendor", "expected"),
    [
        ("sda", "pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block", "ATA     ", "sata"),
        ("sda", "pci0000:17/host0/port-0:0/end_device-0:0:1/target0:0:1/0:0:1:0/block", "SEAGATE ", "sas"),
        ("sda", "pci0000:17/host0/port-0:0/end_device-0:0:1/target0:0:1/0:0:1:0/block", "ATA     ", "sata"),
        ("sda", "pci0000:00/virtio2/host0/target0:0:0/0:0:0:0/block", "QEMU    ", "scsi"),
        ("sda", "pci0000:00/0000:00:14.0/usb1/1-3/1-3:1.0/host9/target9:0:0/9:0:0:0/block", "SanDisk ", "usb"),
        ("vda", "pci0000:00/0000:00:04.0/virtio1/block", "", "virtio"),
        ("nvme0n1", "pci0000:64/0000:65:00.0/nvme/nvme0", "", "nvme"),
        ("nvme0n1", "virtual/nvme-subsystem/nvme-subsys0", "", "nvme"),
        ("mmcblk0", "pci0000:00/mmc_host/mmc0/mmc0:0001/block", "", "mmc"),
        ("xvda", "vbd-51712/block", "", ""),
    ],
)
def test_the_bus_is_told_by_what_the_disk_hangs_on(
    system: FakeSystem, name: str, device: str, vendor: str, expected: str
) -> None:
    folder = system.disk(name, device)
    if vendor:
        system.attributes(f"sys/devices/{device.removesuffix('/block')}", {"vendor": vendor})
        system.link(f"{folder}/device", f"sys/devices/{device.removesuffix('/block')}")
    assert read(system)[0].transport == expected


def test_sizes_are_bytes_whatever_the_sector_size(system: FakeSystem) -> None:
    attributes = {"queue/logical_block_size": "4096", "queue/physical_block_size": "4096", "queue/rotational": "1"}
    folder = system.disk("sda", SATA.format(1), sectors=2**31, attributes=attributes)
    system.partition(folder, "sda1", 1, start=2048, sectors=4096, dev="8:1")

    (disk,) = read(system)

    assert disk.size == 2**40
    assert (disk.logical_sector, disk.physical_sector, disk.rotational) == (4096, 4096, True)
    assert (disk.partitions[0].start, disk.partitions[0].size) == (1024**2, 2 * 1024**2)


def test_partitions_come_in_the_order_of_their_numbers_not_names(system: FakeSystem) -> None:
    folder = system.disk("nvme0n1", "pci0000:64/0000:65:00.0/nvme/nvme0")
    for number in (10, 2, 1):
        system.partition(folder, f"nvme0n1p{number}", number, start=number * 2048, sectors=2048, dev=f"259:{number}")
    system.attributes(f"{folder}/queue", {"start": "no partition"})

    assert [partition.number for partition in read(system)[0].partitions] == [1, 2, 10]


def test_disks_come_in_natural_order(system: FakeSystem) -> None:
    for index, name in enumerate(("sdaa", "sdb", "sda")):
        system.disk(name, SATA.format(index))
    for name in ("nvme10n1", "nvme2n1"):
        system.disk(name, f"pci0000:64/0000:65:00.0/nvme/{name[:-2]}")

    assert [disk.name for disk in read(system)] == ["nvme2n1", "nvme10n1", "sda", "sdb", "sdaa"]


def test_a_hybrid_image_shows_table_and_file_system(system: FakeSystem) -> None:
    properties = {
        "ID_PART_TABLE_TYPE": "gpt",
        "ID_PART_TABLE_UUID": "t",
        "ID_FS_TYPE": "iso9660",
        "ID_FS_LABEL": "OLD_STICK",
        "ID_FS_LABEL_ENC": "Old\\x20stick\\x20\\xc3\\xb1",
        "ID_FS_UUID": "2026",
    }
    folder = system.disk("sda", SATA.format(1), udev=properties)
    system.partition(folder, "sda1", 1, start=0, sectors=8, dev="8:1", udev={**properties, "ID_FS_TYPE": "vfat"})

    (disk,) = read(system)

    assert disk.content == (Content("gpt", uuid="t"), Content("iso9660", "Old stick ñ", "2026"))
    assert [content.kind for content in disk.partitions[0].content] == ["vfat"]


@pytest.mark.parametrize(
    ("kind", "expected"), [("linux_raid_member", "node:0"), ("zfs_member", "node:0"), ("ext4", "")]
)
def test_members_say_what_they_belong_to(system: FakeSystem, kind: str, expected: str) -> None:
    system.disk("sda", SATA.format(1), udev={"ID_FS_TYPE": kind, "ID_FS_LABEL": "node:0"})
    assert read(system)[0].content[0].member_of == expected


def test_mounts_swap_and_holders_say_that_a_disk_is_in_use(system: FakeSystem) -> None:
    folder = system.disk("sda", SATA.format(1))
    for number in (1, 2, 3):
        system.partition(folder, f"sda{number}", number, start=0, sectors=8, dev=f"8:{number}")
    (system.root / folder / "sda3/holders/dm-0").mkdir(parents=True)
    system.mount("8:1", "/mnt/with\\040blank", "/dev/sda1")
    system.mount("0:40", "/srv", "/dev/sda1", "btrfs")
    system.write("proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n")

    one, two, three = read(system)[0].partitions

    assert one.mountpoints == ("/mnt/with blank", "/srv")
    assert two.mountpoints == ("[SWAP]",)
    assert three.holders == ("dm-0",)


def test_a_btrfs_that_was_mounted_by_a_link_is_in_use(system: FakeSystem) -> None:
    system.disk("vda", SATA.format(1), number="254:0")
    system.write("dev/vda", "")
    system.link("dev/disk/by-id/virtio-OLD-A", "dev/vda")
    system.mount("0:40", "/mnt/old", "/dev/disk/by-id/virtio-OLD-A", "btrfs")

    assert read(system)[0].mountpoints == ("/mnt/old",)


@pytest.mark.parametrize("mounted", ["whole disk", "partition"])
def test_the_disk_of_the_running_medium_is_marked(system: FakeSystem, mounted: str) -> None:
    folder = system.disk("sda", SATA.format(1), number="8:0")
    system.partition(folder, "sda1", 1, start=0, sectors=8, dev="8:1")
    system.disk("sdb", SATA.format(2), number="8:16")
    system.mount("8:0" if mounted == "whole disk" else "8:1", "/run/trebol/medium", "/dev/whatever", "iso9660")

    assert [(disk.name, disk.medium) for disk in read(system)] == [("sda", True), ("sdb", False)]


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("usb-Linux_Virtual_Floppy_Drive_123-0:0", True),
        ("usb-iDRAC_Virtual_CD-0:0", True),
        ("usb-Generic-_SD_MMC_CRW_29203008282014000-0:0", True),
        ("usb-AMI_Virtual_CDROM0-0:0", True),
        ("usb-SanDisk_Ultra_Fit_4C53-0:0", False),
    ],
)
def test_virtual_media_of_management_controllers_are_marked(link: str, expected: bool) -> None:
    assert is_bmc_media((link,)) is expected


def test_names_that_stand_on_the_label_come_first() -> None:
    links = [
        "by-id/wwn-0x5000c500d1a0b101",
        "by-id/scsi-35000c500d1a0b101",
        "by-id/scsi-SSEAGATE_ST1200MM0009_WFK9ABC1",
        "by-id/lvm-pv-uuid-aTVL4C",
        "by-path/pci-0000:18:00.0",
        "by-diskseq/4",
    ]
    properties = {"DEVLINKS": " ".join(f"/dev/disk/{link}" for link in links)}
    assert by_id_links(properties) == (
        "scsi-SSEAGATE_ST1200MM0009_WFK9ABC1",
        "scsi-35000c500d1a0b101",
        "wwn-0x5000c500d1a0b101",
    )


def test_an_nvme_disk_is_named_by_model_and_serial_number() -> None:
    names = ("nvme-eui.3643", "nvme-SAMSUNG_X_S6RU_1", "nvme-SAMSUNG_X_S6RU", "nvme-nvme.144d-53")
    properties = {"DEVLINKS": " ".join(f"/dev/disk/by-id/{name}" for name in names)}
    assert by_id_links(properties) == (
        "nvme-SAMSUNG_X_S6RU",
        "nvme-SAMSUNG_X_S6RU_1",
        "nvme-eui.3643",
        "nvme-nvme.144d-53",
    )


def test_a_disk_without_serial_number_is_named_by_its_path(system: FakeSystem) -> None:
    path = "pci-0000:00:04.0"
    links = f"/dev/disk/by-path/virtio-{path} /dev/disk/by-path/{path} /dev/disk/by-diskseq/9"
    system.disk("vda", "pci0000:00/0000:00:04.0/virtio1/block", udev={"DEVLINKS": links, "ID_PATH": path})
    assert read(system)[0].stable_path == f"/dev/disk/by-path/{path}"


@pytest.mark.parametrize(
    ("properties", "attributes", "expected"),
    [
        (
            {"ID_SERIAL_SHORT": "ZA1F", "ID_MODEL_ENC": "ST8000NM0055-1RM112\\x20\\x20"},
            {},
            ("ST8000NM0055-1RM112", "ZA1F"),
        ),
        (
            {"ID_SERIAL_SHORT": "5000c5", "ID_SCSI_SERIAL": "WFK9"},
            {"device/model": "ST1200MM0009 "},
            ("ST1200MM0009", "WFK9"),
        ),
        ({"ID_SERIAL": "data0"}, {"serial": "data0"}, ("", "data0")),
        ({}, {"device/model": "PM9A3", "device/serial": "S6RU  "}, ("PM9A3", "S6RU")),
    ],
)
def test_model_and_serial_number_are_those_on_the_label(
    system: FakeSystem, properties: dict[str, str], attributes: dict[str, str], expected: tuple[str, str]
) -> None:
    system.disk("sda", SATA.format(1), udev=properties, attributes=attributes)
    (disk,) = read(system)
    assert (disk.model, disk.serial) == expected


def test_a_slash_in_a_device_name_is_kept(system: FakeSystem) -> None:
    system.disk("cciss!c0d0", "pci0000:00/cciss0/c0d0/block", udev={"ID_FS_TYPE": "ext4"})
    (disk,) = read(system)
    assert disk.name == "cciss/c0d0"
    assert disk.content[0].kind == "ext4"
