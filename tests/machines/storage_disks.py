"""Recorded machines whose disks hang on something special: multipath, RAID controllers, namespaces, flash, USB."""

from __future__ import annotations

from dataclasses import replace

from tests.machines import devices, parts
from tests.machines.contents import (
    BIOS_BOOT,
    ESP,
    LINUX,
    LVM,
    VMFS,
    VMFS_L,
    Part,
    file_system,
    mapped,
    member,
    partitions,
    physical_volumes,
    whole,
)
from tests.machines.devices import Slot
from tests.machines.drives import Drive, nvme, sas_hdd, sata_hdd, sata_ssd, volume
from tests.machines.processors import CELERON_N5105, SILVER_4214
from tests.machines.recorder import GIB, Recorder
from tests.machines.superblocks import ext4, fat32, xfs

TIB = 2**40

#: Gibibyte in the MiB that partitions and volumes are counted in, and in blocks of 4 KiB.
GIB_MIB, GIB_BLOCKS = 1024, 262144


def server(machine: Recorder, name: str, *, uefi: bool = True) -> None:
    """A plain server around the disks, with one network port."""
    uuid = f"3f1c2d4e-0000-4000-8000-{name.encode().hex()[:12]:0>12}"
    machine.label("Trebol", name, "1", f"T{name[:8].upper()}", uuid, ("EDK II", "1.0", "01/01/2024"))
    if uefi:
        machine.uefi()
    machine.processors(SILVER_4214)
    machine.memory(64 * GIB, ("0-23",))
    machine.clock()
    slot = Slot("0000:1a:00.0", ("0000:17:03.0",))
    devices.port(machine, "eno1", slot, f"02:00:00:{len(name):02x}:{ord(name[0]):02x}:01", link=1000, **parts.I350)


def sas_hba(machine: Recorder) -> Slot:
    """A SAS HBA."""
    slot = Slot("0000:3b:00.0", ("0000:3a:00.0",))
    return devices.function(machine, slot, "010700", "1000:0097", "SAS3008 PCI-Express Fusion-MPT SAS-3", "mpt3sas")


def sas_multipath(machine: Recorder) -> None:
    """A SAS shelf by two paths, with multipathd: two maps, one of them with a partition; a SATA SSD inside."""
    server(machine, "multipath")
    paths = [replace(sas_hdd(f"ZA1MP00{number}", size=4 * TIB), udev=_PATH) for number in range(2)]
    devices.sas(machine, sas_hba(machine), *paths, *paths)
    devices.sata(machine, parts.c620_sata(machine, 8), sata_ssd("PHDV00004801"))
    partition = file_system("xfs", "7a3c1d52-0f2e-4f0e-9a51-3c2b1a009988", "shared", size=4 * TIB)
    for number, drive in enumerate(paths):
        below = [f"sd{chr(ord('a') + number)}", f"sd{chr(ord('c') + number)}"]
        size = drive.size // 2**20
        mapped(machine, number, f"mpath{chr(ord('a') + number)}", f"mpath-3{drive.wwn}", below, size=size)
    uuid = f"part1-mpath-3{paths[0].wwn}"
    mapped(machine, 2, "mpatha-part1", uuid, ["dm-0"], size=4 * 2**20 - 2, udev=partition)


_PATH = {"DM_MULTIPATH_DEVICE_PATH": "1", "ID_FS_TYPE": "mpath_member"}


def perc_esxi(machine: Recorder) -> None:
    """A PERC with two volumes: one has VMware ESXi, the other a datastore."""
    server(machine, "perc")
    slot = Slot("0000:18:00.0", ("0000:17:00.0",))
    perc = devices.function(machine, slot, "010400", "1000:005d", "PERC H730P Mini", "megaraid_sas")
    names = ("61866da06f1a2b0029c3d4e5f6071829", "61866da06f1a2b0029c3d4e6071829aa")
    drives = [
        volume(name[1:], vendor="DELL", model="PERC H730P Mini", size=size)
        for name, size in zip(names, (300 * GIB, 4 * TIB), strict=True)
    ]
    devices.scsi(machine, perc, *drives)
    boot = file_system("vfat", "5C2A-11D0", "BOOTBANK1", size=500 * 2**20)
    partitions(
        machine,
        "sda",
        Part(100, ESP, file_system("vfat", "5C2A-11CF", "ESXi", size=100 * 2**20)),
        Part(4095, "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", boot),
        Part(120 * GIB_MIB, VMFS_L),
    )
    held = {"ID_FS_TYPE": "VMFS_volume_member", "ID_FS_USAGE": "raid", "ID_FS_LABEL": "datastore1"}
    partitions(machine, "sdb", Part(4 * 2**20 - 2, VMFS, held))


def smart_array_cciss(machine: Recorder) -> None:
    """A Smart Array as the old driver cciss names its volumes, with slashes: CentOS 6 on LVM."""
    server(machine, "cciss", uefi=False)
    slot = Slot("0000:06:00.0", ("0000:00:03.0",))
    devices.function(machine, slot, "010400", "103c:323a", "Smart Array G6 controllers", "cciss")
    for number, size in enumerate((146 * 10**9, 1200 * 10**9)):
        wwn = f"600508b1001c{number:020x}"
        links = [f"/dev/disk/by-id/cciss-3{wwn}", f"/dev/disk/by-path/pci-{slot.address}-cciss-disk{number}"]
        udev = {
            "DEVLINKS": " ".join(links),
            "DEVNAME": f"/dev/cciss/c0d{number}",
            "DEVTYPE": "disk",
            "ID_MODEL": "LOGICAL_VOLUME",
            "ID_MODEL_ENC": r"LOGICAL\x20VOLUME\x20\x20",
            "ID_PATH": f"pci-{slot.address}-cciss-disk{number}",
            "ID_SERIAL": f"3{wwn}",
            "ID_SERIAL_SHORT": wwn,
            "ID_VENDOR": "HP",
        }
        machine.system.disk(
            f"cciss!c0d{number}",
            f"{slot.folder}/cciss0/c0d{number}/block",
            sectors=size // 512,
            number=f"104:{number * 16}",
            attributes={"queue/logical_block_size": "512", "queue/rotational": "1", "removable": "0", "ro": "0"},
            udev=udev,
        )
    system = "b4Zx2s-Q1w2-E3r4-T5y6-U7i8-O9p0-AbCdEf"
    boot = file_system("ext4", "1b2c3d4e-5f60-4718-8293-a4b5c6d7e8f9", size=500 * 2**20)
    partitions(
        machine,
        "cciss!c0d0",
        Part(500, "0x83", boot, flags="0x80", data=ext4(128000, 96000)),
        Part(130 * GIB_MIB, "0x8e", member("LVM2_member", system)),
        table="dos",
    )
    physical_volumes(machine, {"pv_uuid": system, "vg_name": "vg_old", "vg_uuid": "Vg0000-old", "lv_name": "lv_root"})


def nvme_namespaces(machine: Recorder) -> None:
    """One NVMe SSD with three namespaces, the second of 4096-byte sectors, with native multipathing; Linux on one."""
    server(machine, "nvme")
    slot = Slot("0000:5e:00.0", ("0000:5d:00.0",))
    devices.function(machine, slot, "010802", "144d:a80a", "NVMe SSD Controller PM9A3", "nvme")
    whole_drive = nvme("S64GNE0R900001", model="SAMSUNG MZQL23T8HCLS-00A07", size=TIB)
    for number, sector in enumerate((512, 4096, 512), start=1):
        wwn = f"{int(whole_drive.wwn, 16) + number:x}"
        drive = replace(whole_drive, wwn=wwn, sector=sector, physical=4096)
        name, dev = f"nvme0n{number}", f"259:{number}"
        links = [f"nvme-{drive.model.replace(' ', '_')}_{drive.serial}_{number}", f"nvme-eui.{wwn}"]
        properties = drive.properties(name, f"pci-{slot.address}-nvme-{number}", dev)
        by_path = f"/dev/disk/by-path/pci-{slot.address}-nvme-{number}"
        properties["DEVLINKS"] = " ".join([*(f"/dev/disk/by-id/{link}" for link in links), by_path])
        values = {
            "queue/logical_block_size": str(sector),
            "queue/physical_block_size": "4096",
            "queue/rotational": "0",
            "queue/write_cache": "write through",
        }
        folder = "virtual/nvme-subsystem/nvme-subsys0"
        machine.system.disk(name, folder, sectors=TIB // 512, number=dev, attributes=values, udev=properties)
        hidden = {"hidden": "1"}
        machine.system.disk(
            f"nvme0c0n{number}", f"{slot.folder}/nvme/nvme0", number="0:0", sectors=TIB // 512, attributes=hidden
        )
        machine.answer("smartctl", f"/dev/{name}", drive.smartctl(name))
    data = file_system("xfs", "c0ffee00-1111-4222-8333-444455556666", "scratch", size=TIB - 64 * 2**20)
    whole(machine, "nvme0n2", data, xfs(TIB // 4096, 200 * GIB_BLOCKS))
    root = file_system("ext4", "0a1b2c3d-4e5f-4607-9182-93a4b5c6d7e8", "root", size=999 * GIB)
    partitions(
        machine,
        "nvme0n1",
        Part(512, ESP, file_system("vfat", "11AA-22BB", size=511 * 2**20), data=fat32(130_800, 129_000)),
        Part(1023 * GIB_MIB, LINUX, root, data=ext4(1000 * GIB_BLOCKS, 900 * GIB_BLOCKS, overhead=GIB_BLOCKS)),
    )


def emmc_box(machine: Recorder) -> None:
    """A small box with soldered eMMC, its boot areas beside it, and an SD card."""
    machine.label("Trebol", "emmc", "1", "TEMMC", "3f1c2d4e-0000-4000-8000-00656d6d6300", ("AMI", "5.19", "02/2023"))
    machine.uefi()
    machine.processors(CELERON_N5105)
    machine.memory(8 * GIB, ("0-3",))
    machine.clock()
    for host, (card, name, serial, size) in enumerate(
        (("mmcblk0", "DG4064", "0x1e5f9a2b", 62537072640), ("mmcblk1", "SD64G", "0x2b7c0d11", 63864569856))
    ):
        folder = f"pci0000:00/0000:00:1a.{host}/mmc_host/mmc{host}/mmc{host}:0001/block"
        path = f"pci-0000:00:1a.{host}"
        links = f"/dev/disk/by-id/mmc-{name}_{serial} /dev/disk/by-path/{path}"
        udev = {"DEVLINKS": links, "ID_NAME": name, "ID_SERIAL": serial, "ID_PATH": path, "ID_MODEL": name}
        values = {"queue/logical_block_size": "512", "queue/rotational": "0", "removable": "0", "ro": "0"}
        at = machine.system.disk(
            card, folder, sectors=size // 512, number=f"179:{32 * host}", attributes=values, udev=udev
        )
        soldered = {"life_time": "0x03 0x02", "pre_eol_info": "0x01"} if card == "mmcblk0" else {}
        machine.system.attributes(f"{at}/device", {"serial": serial, "name": name, **soldered})
    inside = machine.system.folder("mmcblk0").removeprefix("sys/devices/")
    for number, area in enumerate(("boot0", "boot1"), start=1):
        machine.system.disk(f"mmcblk0{area}", inside, sectors=8192, number=f"179:{8 * number}")
    home = file_system("ext4", "5e6f7081-92a3-44b5-86c7-d8e9fa0b1c2d", size=57 * GIB)
    partitions(
        machine,
        "mmcblk0",
        Part(512, ESP, file_system("vfat", "33CC-44DD")),
        Part(58 * GIB_MIB, LINUX, home, data=ext4(58 * GIB_BLOCKS, 41 * GIB_BLOCKS, overhead=GIB_BLOCKS)),
    )
    photos = file_system("exfat", "6434-3465", "CANON EOS")
    partitions(machine, "mmcblk1", Part(60900, "0x7", photos), table="dos")
    slot = Slot("0000:01:00.0", ("0000:00:1c.0",), node=-1)
    devices.port(machine, "enp1s0", slot, "02:00:00:04:65:01", link=1000, **parts.RTL8111)


def usb_and_virtual_media(machine: Recorder) -> None:
    """A server started from a stick, with virtual media of its BMC plugged in; an old node's disk inside."""
    server(machine, "usb")
    usb = Slot("0000:00:14.0")
    image = {**file_system("iso9660", "2026-11-23-05-00-00-00", "TREBOL"), "ID_PART_TABLE_TYPE": "gpt"}
    stick = _usb("Ultra_Fit", "4C530001240603104242", "SanDisk", 30 * GIB, image)
    virtual = _usb("Virtual_HDisk0", "AAAABBBBCCCC3", "AMI", GIB, image)
    for port, drive in enumerate((stick, virtual), start=1):
        chain = f"usb1/1-{port}/1-{port}:1.0/host{port}/target{port}:0:0/{port}:0:0:0/block"
        devices.plug(machine, usb, drive, chain, f"usb-0:{port}:1.0-scsi-0:0:0:0")
    machine.system.mount("8:0", "/run/trebol/medium", "/dev/sda", "iso9660")
    devices.sata(machine, parts.c620_sata(machine, 8), sata_ssd("PHDV00004802"))
    trebol = "TrEb0l-0000-1111-2222-3333-4444-abcdef"
    partitions(
        machine,
        "sdc",
        Part(1, BIOS_BOOT, name="trebol-bios-boot"),
        Part(1024, ESP, file_system("vfat", "66EE-77FF"), "trebol-esp", data=fat32(261_000, 230_000)),
        Part(445 * GIB_MIB, LVM, member("LVM2_member", trebol), "trebol-lvm"),
    )
    pv = {"pv_uuid": trebol, "vg_name": "trebol", "vg_uuid": "TrVg00-0000-1111-2222-3333-4444-abcdef"}
    physical_volumes(machine, {**pv, "lv_name": "root"}, {**pv, "lv_name": "data"}, pv)


def _usb(model: str, serial: str, vendor: str, size: int, udev: dict[str, str]) -> Drive:
    link = f"/dev/disk/by-id/usb-{vendor}_{model}_{serial}-0:0"
    more = {"ID_BUS": "usb", "ID_SERIAL_SHORT": serial, "DEVLINKS": link, **udev}
    return Drive("scsi", model, "", size, vendor=vendor, rotational=True, smart=None, udev=more)


def twin_serials(machine: Recorder) -> None:
    """Two disks in USB cases of one serial number, and a SAS disk by two paths without multipathd."""
    server(machine, "twins")
    usb = Slot("0000:00:14.0")
    for port in (1, 2):
        drive = _usb("USB3.0_Case", "000000000033", "JMicron", 2 * TIB, {})
        chain = f"usb2/2-{port}/2-{port}:1.0/host{port}/target{port}:0:0/{port}:0:0:0/block"
        place = f"usb-0:{port}:1.0-scsi-0:0:0:0"
        by_path = f"/dev/disk/by-path/pci-{usb.address}-{place}"
        drive = drive.with_udev({"DEVLINKS": f"{drive.udev['DEVLINKS']} {by_path}"})
        devices.plug(machine, usb, drive, chain, place)
    path = sas_hdd("ZA1TWIN1", size=4 * TIB)
    devices.sas(machine, sas_hba(machine), path, path)
    devices.sata(machine, parts.c620_sata(machine, 8), sata_hdd("ZC1ALONE"))
