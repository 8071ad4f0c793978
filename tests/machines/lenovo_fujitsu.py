"""Recorded servers of Lenovo and Fujitsu."""

from __future__ import annotations

from tests.machines import devices, parts
from tests.machines.devices import Slot
from tests.machines.drives import ASK_MEGARAID, sata_hdd, sata_ssd, volume
from tests.machines.processors import (
    GOLD_5118,
    SILVER_4214,
)
from tests.machines.recorder import DDR4, Recorder

#: IANA's numbers of the BMCs' makers.
LENOVO, FUJITSU = 19046, 10368


def lenovo_sr650(machine: Recorder) -> None:
    """A Lenovo ThinkSystem SR650 with a balance-rr bond; its RAID 930-8i passes hard disks through (JBOD)."""
    machine.label(
        "Lenovo",
        "ThinkSystem SR650 -[7X06CTO1WW]-",
        "07",
        "J300ABCD",
        "6b2a1c00-8d1f-11e9-8c5e-7ed30a1b2c3d",
        ("Lenovo", "-[IVE186D-3.41]-", "04/10/2024"),
    )
    machine.uefi()
    machine.processors(SILVER_4214, 2)
    parts.intel_kvm(machine, "LENOVO PURLEY  ")
    usable = machine.modules(
        [f"DIMM {number}" for number in (5, 8, 17, 20)],
        32,
        kind=DDR4,
        part="M393A4K40CB2-CVF",
        speeds=(2933, 2400),
        slots=24,
    )
    machine.memory(usable, ("0-11,24-35", "12-23,36-47"))
    machine.memory_controllers(0, 0, 0, 0)
    machine.bmc(LENOVO, 0x0001, "8.40", "192.0.2.41")
    machine.power_supplies(("PSU1", True), ("PSU2", True), watts=750)
    machine.watchdog("iTCO_wdt", "iTCO_wdt")
    machine.tpm()
    machine.clock()
    sata = parts.c620_sata(machine, 8)
    devices.sata(machine, sata, sata_ssd("BTYS8120001A480G"), sata_ssd("BTYS8120002A480G"))
    raid = devices.function(
        machine,
        Slot("0000:30:00.0", ("0000:2e:00.0",), group=28),
        "010400",
        "1000:0016",
        "MegaRAID Tri-Mode SAS3508 (ThinkSystem RAID 930-8i 2GB Flash PCIe 12Gb Adapter)",
        "megaraid_sas",
    )
    devices.scsi(machine, raid, *(sata_hdd(f"ZC1LEN0{number}") for number in range(1, 5)), channel=0)
    for number in range(2):
        slot = Slot(f"0000:31:00.{number}", ("0000:2e:02.0",), group=29 + number)
        mac = f"7c:d3:0a:51:20:3{number}"
        devices.port(machine, f"ens1f{number}", slot, mac, link=10000, **parts.X710)
    devices.bond(machine, "bond0", "balance-rr 0", ["ens1f0", "ens1f1"])


def fujitsu_rx2540(machine: Recorder) -> None:
    """A Fujitsu PRIMERGY RX2540 M4 whose chrony reaches no server and whose hardware clock is far off."""
    machine.label(
        "FUJITSU",
        "PRIMERGY RX2540 M4",
        "GS01",
        "YMBB001234",
        "8f3c7a00-2b4d-11e8-9a1b-901b0e5a6b7c",
        ("FUJITSU // American Megatrends Inc.", "V5.0.0.12 R1.50.0 for D3384-B1x", "03/22/2023"),
    )
    machine.uefi()
    machine.processors(GOLD_5118, 2)
    parts.intel_kvm(machine, "FUJ    D3384-B1")
    usable = machine.modules(
        [f"DIMM-{channel}1" for channel in "ABDEGHKL"],
        16,
        kind=DDR4,
        part="M393A2K40BB2-CTD",
        speeds=(2666, 2400),
        slots=24,
    )
    machine.memory(usable, ("0-11,24-35", "12-23,36-47"))
    machine.memory_controllers(0, 0, 0, 0)
    machine.bmc(FUJITSU, 0x0383, "2.51", "192.0.2.51")
    machine.power_supplies(("PSU1", True), ("PSU2", True), watts=800)
    machine.watchdog("iTCO_wdt", "iTCO_wdt")
    machine.tpm()
    machine.clock(synchronised=False, hardware=93784)
    raid = devices.function(
        machine,
        Slot("0000:3b:00.0", ("0000:3a:00.0",), group=33),
        "010400",
        "1000:005d",
        "MegaRAID SAS-3 3108 [Invader] (PRAID EP400i)",
        "megaraid_sas",
    )
    disk = volume(
        "0030057a1b2c3d4e5f60718293a4b5c6"[:31],
        vendor="FTS",
        model="PRAID EP400i",
        size=1_199_168_290_816,
        message=ASK_MEGARAID,
    )
    devices.scsi(machine, raid, disk)
    for number in range(2):
        slot = Slot(f"0000:1a:00.{number}", ("0000:17:03.0",), group=34 + number)
        name = f"eno{number + 1}"
        devices.port(machine, name, slot, f"90:1b:0e:5a:6b:7{number}", link=1000, **parts.I350)
