"""Recorded servers of Supermicro."""

from __future__ import annotations

from tests.machines import devices, parts
from tests.machines.contents import physical_volumes
from tests.machines.devices import Slot
from tests.machines.drives import Drive, attributes, sas_hdd, sata_hdd, sata_ssd
from tests.machines.processors import (
    ATOM_D525,
    E5_2640_V4,
    EPYC_9354P,
    SILVER_4214,
)
from tests.machines.recorder import DDR3, DDR4, DDR5, Recorder

#: IANA's number of the BMC's maker.
SUPERMICRO = 10876


def supermicro_epyc_9004(machine: Recorder) -> None:
    """A Supermicro server with an EPYC 9004 that is a node already: the system on one NVMe disk, OSDs on four."""
    machine.label(
        "Supermicro",
        "AS -1115CS-TNR",
        "0123456789",
        "S500100X3A12345",
        "5d8e2c00-51a7-11ee-8000-7cc2553a4b5c",
        ("American Megatrends International, LLC.", "1.9a", "06/21/2024"),
    )
    machine.uefi(secure_boot=True)
    machine.processors(EPYC_9354P)
    parts.amd_kvm(machine)
    usable = machine.modules(
        [f"DIMM{channel}1" for channel in "ABCDEFGHIJKL"],
        32,
        kind=DDR5,
        part="M321R4GA3BB6-CQKET",
        speeds=(4800, 4800),
        slots=12,
    )
    machine.memory(usable, ("0-63",))
    machine.memory_controllers(0)
    machine.bmc(SUPERMICRO, 0x1C9A, "1.2", "192.0.2.61")
    machine.power_supplies(("PSU1", True), ("PSU2", True), watts=860)
    machine.watchdog("SP5100 TCO timer", "sp5100-tco", 60)
    machine.tpm()
    machine.clock()
    name = "NVMe SSD Controller PM9A1/PM9A3/980PRO"
    for number in range(5):
        slot = Slot(f"0000:{0xC1 + number:02x}:00.0", (f"0000:c0:01.{number + 1}",), group=10 + number)
        drive = parts.pm9a3(f"S64GNE0R4031{number}5", used=4)
        content = {"ID_FS_TYPE": "LVM2_member", "ID_FS_UUID": f"Os{number}Dab-0000-1111-2222-3333-4444-abcdef"}
        if number:
            drive = drive.with_udev(content)
        devices.nvme(machine, slot, "144d:a80a", name, drive)
    _install(machine, "sys/block/nvme0n1", "nvme0n1p", "259:2")
    physical_volumes(
        machine,
        *(
            {"pv_uuid": f"Os{number}Dab-0000-1111-2222-3333-4444-abcdef", "vg_name": f"ceph-7d2f{number}c1a"}
            for number in range(1, 5)
        ),
    )
    for number in range(2):
        slot = Slot(f"0000:01:00.{number}", ("0000:00:01.1",), group=20 + number)
        mac = f"b8:ce:f6:10:22:3{number}"
        devices.port(machine, f"ens1f{number}np{number}", slot, mac, link=25000, **parts.CONNECTX_4_LX)
    for number in range(2):
        slot = Slot(f"0000:81:00.{number}", ("0000:80:03.1",), group=22 + number)
        mac = f"7c:c2:55:3a:4b:5{number}"
        devices.port(machine, f"eno{number + 1}", slot, mac, link=1000, **parts.BCM5720)


def supermicro_4kn_bios(machine: Recorder) -> None:
    """A Supermicro storage server in BIOS mode with nothing but 4Kn disks on its HBA."""
    machine.label(
        "Supermicro",
        "SSG-6028R-E1CR12L",
        "0123456789",
        "S212345X7B01234",
        "2c9d1e00-6a5b-11e7-8000-0cc47ab1c2d3",
        ("American Megatrends Inc.", "3.4a", "08/13/2021"),
    )
    machine.processors(E5_2640_V4, 2)
    parts.intel_kvm(machine, "SUPERM SMCI--MB")
    usable = machine.modules(
        [f"P{side}-DIMM{channel}1" for side in (1, 2) for channel in "ABCD"],
        8,
        kind=DDR4,
        part="36ASF1G72PZ-2G3B1",
        speeds=(2400, 2133),
        slots=16,
        maker="Micron",
    )
    machine.memory(usable, ("0-9,20-29", "10-19,30-39"))
    machine.memory_controllers(0, 0)
    machine.bmc(SUPERMICRO, 0x0888, "3.94", "192.0.2.62", redfish=False)
    machine.watchdog("iTCO_wdt", "iTCO_wdt")
    machine.clock()
    hba = devices.function(
        machine,
        Slot("0000:03:00.0", ("0000:00:03.0",), group=30),
        "010700",
        "1000:0097",
        "SAS3008 PCI-Express Fusion-MPT SAS-3 (AOC-S3008L-L8e)",
        "mpt3sas",
    )
    drives = [
        sas_hdd(f"ZA1D4KN{number}", model="ST8000NM0065", sector=4096, cache="write back") for number in range(4)
    ]
    devices.sas(machine, hba, *drives)
    for number in range(2):
        slot = Slot(f"0000:05:00.{number}", ("0000:00:1c.0",), group=31 + number)
        mac = f"0c:c4:7a:b1:c2:d{number}"
        devices.port(machine, f"eno{number + 1}", slot, mac, link=1000, **parts.I350)


def _s3500(serial: str) -> Drive:
    """An Intel DC S3500 of 80 GB, the brief's SSD for journals."""
    return sata_ssd(serial, model="INTEL SSDSC2BB080G4", size=80_026_361_856)


def supermicro_failing_disk(machine: Recorder) -> None:
    """A Supermicro server for Ceph: one of four hard disks fails, another has bad sectors, SSDs for WAL and DB."""
    machine.label(
        "Supermicro",
        "SYS-6029P-TR",
        "0123456789",
        "S291234X8C04321",
        "7e4f3a00-1c2d-11ea-8000-ac1f6b4d5e6f",
        ("American Megatrends Inc.", "3.8b", "11/24/2022"),
    )
    machine.uefi()
    machine.processors(SILVER_4214)
    parts.intel_kvm(machine, "SUPERM SMCI--MB")
    usable = machine.modules(
        [f"P1-DIMM{channel}1" for channel in "ABCD"],
        16,
        kind=DDR4,
        part="HMA82GR7CJR8N-WM",
        speeds=(2933, 2400),
        slots=16,
        maker="SK Hynix",
    )
    machine.memory(usable, ("0-23",))
    machine.memory_controllers(0, 0)
    machine.bmc(SUPERMICRO, 0x0967, "1.74", "192.0.2.63")
    machine.watchdog("iTCO_wdt", "iTCO_wdt")
    machine.tpm()
    machine.clock()
    sata = parts.c620_sata(machine, 8)
    counters = (5, "Reallocated_Sector_Ct", 3, 4016), (197, "Current_Pending_Sector", 1, 872)
    failing = {**attributes(*counters), "smart_status": {"passed": False}}
    worse = attributes((5, "Reallocated_Sector_Ct", 99, 8), (197, "Current_Pending_Sector", 100, 0))
    devices.sata(
        machine,
        sata,
        _s3500("PHWL4310010A080K"),
        _s3500("PHWL4310011A080K"),
        sata_hdd("ZC1SMC01"),
        sata_hdd("ZC1SMC02", smart=failing),
        sata_hdd("ZC1SMC03", smart=worse),
        sata_hdd("ZC1SMC04"),
    )
    for number in range(2):
        slot = Slot(f"0000:1a:00.{number}", ("0000:17:03.0",), group=31 + number)
        mac = f"ac:1f:6b:4d:5e:6{number}"
        devices.port(machine, f"eno{number + 1}", slot, mac, link=1000, **parts.I350)


def supermicro_atom_d525(machine: Recorder) -> None:
    """A small Supermicro server of 2010 with an Atom D525, which was made without VT-x."""
    machine.label(
        "Supermicro",
        "X7SPA-HF",
        "1234567890",
        "1234567890",
        "49434d53-0200-9025-0230-25902500a1b2",
        ("American Megatrends Inc.", "1.2b", "07/19/2013"),
    )
    machine.processors(ATOM_D525)
    usable = machine.modules(
        ["DIMM1A", "DIMM1B"],
        2,
        kind=DDR3,
        part="CT25664BF160BJ",
        speeds=(1600, 800),
        slots=2,
        ecc=False,
        maker="Crucial",
    )
    machine.memory(usable, ("0-3",))
    machine.bmc(SUPERMICRO, 0x0006, "3.16", "192.0.2.64", redfish=False)
    machine.clock("hpet", "hpet acpi_pm")
    sata = parts.ahci(
        machine, Slot("0000:00:1f.2"), "8086:2922", "82801IR/IO/IH (ICH9R/DO/DH) 6 port SATA Controller [AHCI mode]"
    )
    devices.sata(machine, sata, sata_hdd("WD-WCC1T0123456", model="WDC WD10EFRX-68JCSN0", size=1_000_204_886_016))
    for number in range(2):
        slot = Slot(f"0000:0{number + 2}:00.0", (f"0000:00:1c.{4 + number}",))
        mac = f"00:25:90:25:a1:b{number}"
        devices.port(
            machine, f"enp{number + 2}s0", slot, mac, link=1000 if not number else None, **parts.INTEL_82574L
        )


def _install(machine: Recorder, disk: str, prefix: str, first: str) -> None:
    """A node's partitions: EFI, and LVM with the root file system."""
    folder = str((machine.system.root / disk).readlink().relative_to(machine.system.root))
    name = disk.rpartition("/")[2]
    machine.system.udev.table["block", name]["ID_PART_TABLE_TYPE"] = "gpt"
    major, minor = first.split(":")
    for number, kind, point in ((1, "vfat", "/boot/efi"), (2, "ext4", "/")):
        device = f"{major}:{int(minor) + 100 + number}"
        udev = {"ID_FS_TYPE": kind, "ID_FS_UUID": f"1F2E-3D4{number}"}
        start, sectors = (2048, 2**20) if number == 1 else (2**21, 2**26)
        machine.system.partition(
            folder, f"{prefix}{number}", number, start=start, sectors=sectors, dev=device, udev=udev
        )
        machine.system.mount(device, point, f"/dev/{prefix}{number}", kind)
