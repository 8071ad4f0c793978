"""Recorded servers of Dell."""

from __future__ import annotations

from dataclasses import replace

from tests.machines import devices, parts
from tests.machines.devices import Slot
from tests.machines.drives import ASK_MEGARAID, sata_ssd, volume
from tests.machines.processors import (
    E5_2620_V2,
    EPYC_7313,
    SILVER_4214,
    VMX,
)
from tests.machines.recorder import DDR3, DDR4, Recorder

#: IANA's number of the BMC's maker.
IDRAC = 674


def dell_r740_vt_locked(machine: Recorder) -> None:
    """A Dell PowerEdge R740 as it left the shop that switched VT-x off; a RAID volume on its PERC H740P."""
    machine.label(
        "Dell Inc.",
        "PowerEdge R740",
        "",
        "6KX2QW2",
        "4c4c4544-004b-5810-8032-b6c04f515732",
        ("Dell Inc.", "2.21.2", "02/19/2024"),
    )
    machine.uefi(secure_boot=True)
    cpu = replace(SILVER_4214, flaws={**SILVER_4214.flaws, "itlb_multihit": "KVM: Mitigation: VMX disabled"})
    machine.processors(cpu.without(*VMX), 2)
    machine.register(0x3A, 0x1)
    machine.kernel_says("x86/cpu: VMX (outside TXT) disabled by BIOS", "kvm_intel: VMX not supported by CPU 0")
    usable = machine.modules(
        [f"{side}{number}" for side in "AB" for number in range(1, 7)],
        16,
        kind=DDR4,
        part="M393A2K40CB2-CVF",
        speeds=(2933, 2400),
        slots=24,
    )
    machine.memory(usable, ("0-11,24-35", "12-23,36-47"))
    machine.memory_controllers(0, 0, 0, 0)
    machine.bmc(IDRAC, 0x0100, "7.0", "192.0.2.21")
    machine.power_supplies(("PSU.Slot.1", True), ("PSU.Slot.2", True), watts=750)
    machine.watchdog("iTCO_wdt", "iTCO_wdt")
    machine.tpm()
    machine.clock()
    parts.c620_sata(machine, None)
    perc = devices.function(
        machine,
        Slot("0000:18:00.0", ("0000:17:00.0",)),
        "010400",
        "1000:0016",
        "MegaRAID Tri-Mode SAS3508 (PERC H740P Mini)",
        "megaraid_sas",
    )
    disk = volume(
        "2f4ee080a1b2c3d4e5f60718a1b2c3d4"[:31],
        vendor="DELL",
        model="PERC H740P Mini",
        size=1_919_850_381_312,
        message=ASK_MEGARAID,
        physical=4096,
    )
    devices.scsi(machine, perc, disk)
    for number in range(2):
        slot = Slot(f"0000:19:00.{number}", ("0000:17:02.0",))
        devices.port(machine, f"eno{number + 1}", slot, f"e4:43:4b:10:20:3{number}", link=10000, **parts.X710)
    for number in range(2):
        slot = Slot(f"0000:1a:00.{number}", ("0000:17:03.0",))
        devices.port(machine, f"eno{number + 3}", slot, f"e4:43:4b:10:20:4{number}", link=None, **parts.I350)


def dell_r720(machine: Recorder) -> None:
    """The brief's server of 2014: a Dell PowerEdge R720 with two Xeon E5-2620 v2, in BIOS mode, a RAID volume on its
    PERC H710P, the second power supply not plugged in."""
    machine.label(
        "Dell Inc.",
        "PowerEdge R720",
        "",
        "8RT4D22",
        "4c4c4544-0052-5410-8034-b8c04f443232",
        ("Dell Inc.", "2.9.0", "12/06/2019"),
    )
    machine.processors(E5_2620_V2, 2)
    parts.intel_kvm(machine, "DELL   PE_SC3  ")
    usable = machine.modules(
        [f"DIMM_{side}{number}" for side in "AB" for number in range(1, 5)],
        4,
        kind=DDR3,
        part="M393B5270DH0-YH9",
        speeds=(1333, 1333),
        slots=24,
    )
    machine.memory(usable, ("0-5,12-17", "6-11,18-23"))
    machine.memory_controllers(0, 0)
    machine.bmc(IDRAC, 0x0100, "2.65", "192.0.2.22", redfish=False)
    machine.power_supplies(("PSU.Slot.1", True), ("PSU.Slot.2", False), watts=750)
    machine.watchdog("iTCO_wdt", "iTCO_wdt")
    machine.clock()
    parts.ahci(
        machine,
        Slot("0000:00:1f.2", group=9),
        "8086:1d02",
        "C600/X79 series chipset 6-Port SATA AHCI Controller",
    )
    perc = devices.function(
        machine,
        Slot("0000:02:00.0", ("0000:00:02.2",), group=20),
        "010400",
        "1000:005b",
        "MegaRAID SAS 2208 [Thunderbolt] (PERC H710P Mini (for monolithics))",
        "megaraid_sas",
    )
    system, data = (
        volume(
            f"848f690e9b2c001a2f4ee0{number}0a1b2c3d",
            vendor="DELL",
            model="PERC H710P",
            size=size,
            message=ASK_MEGARAID,
        )
        for number, size in ((8, 79_456_894_976), (9, 15_999_188_533_248))
    )
    devices.scsi(machine, perc, system, data)
    for number in range(4):
        slot = Slot(f"0000:01:00.{number}", ("0000:00:01.0",), group=21 + number)
        link = 1000 if number < 2 else None
        devices.port(machine, f"eno{number + 1}", slot, f"b8:ca:3a:60:71:8{number}", link=link, **parts.I350)


def dell_r6525(machine: Recorder) -> None:
    """A Dell PowerEdge R6525 with two EPYC 7003: the system on a BOSS card, four NVMe disks, SEV in use."""
    machine.label(
        "Dell Inc.",
        "PowerEdge R6525",
        "",
        "9GHT5J3",
        "4c4c4544-0047-4810-8054-b9c04f354a33",
        ("Dell Inc.", "2.15.2", "04/02/2024"),
    )
    machine.uefi(secure_boot=True)
    machine.processors(EPYC_7313, 2)
    parts.amd_kvm(machine, sev=True)
    usable = machine.modules(
        [f"{side}{number}" for side in "AB" for number in range(1, 9)],
        32,
        kind=DDR4,
        part="HMA84GR7DJR4N-XN",
        speeds=(3200, 3200),
        slots=32,
        maker="Hynix",
    )
    machine.memory(usable, ("0-15,32-47", "16-31,48-63"))
    machine.memory_controllers(0, 0)
    machine.bmc(IDRAC, 0x0100, "7.0", "192.0.2.23")
    machine.power_supplies(("PSU.Slot.1", True), ("PSU.Slot.2", True), watts=1400)
    machine.watchdog("SP5100 TCO timer", "sp5100-tco", 60)
    machine.tpm()
    machine.clock()
    boss = parts.ahci(
        machine,
        Slot("0000:62:00.0", ("0000:60:01.1",), group=40),
        "1b4b:9230",
        "88SE9230 PCIe 2.0 x2 4-port SATA 6 Gb/s RAID Controller (BOSS-S1 Adapter)",
    )
    devices.sata(
        machine, boss, sata_ssd("0a1b2c3d4e5f0010", model="DELLBOSS VD", size=240_057_409_536, wwn="", smart=None)
    )
    for number in range(4):
        slot = Slot(f"0000:{0x81 + number:02x}:00.0", (f"0000:80:01.{number + 1}",), group=50 + number, node=1)
        drive = parts.pm9a3(f"S6S2NE0R6012{number}1", model="Dell DC NVMe PM9A3 RI U.2 1.92TB")
        devices.nvme(machine, slot, "144d:a80a", "NVMe SSD Controller PM9A1/PM9A3/980PRO", drive)
    for number in range(2):
        slot = Slot(f"0000:c1:00.{number}", ("0000:c0:03.1",), group=60 + number, node=1)
        mac = f"b0:26:28:51:62:7{number}"
        devices.port(machine, f"eno{number + 1}2{number}99np{number}", slot, mac, link=10000, **parts.BCM57416)
    for number in range(2):
        slot = Slot(f"0000:e1:00.{number}", ("0000:e0:03.2",), group=70 + number, node=1)
        mac = f"b0:26:28:51:62:8{number}"
        devices.port(machine, f"eno8{number + 3}03", slot, mac, link=1000 if number == 0 else None, **parts.BCM5720)
