"""Recorded servers of HPE."""

from __future__ import annotations

from tests.machines import devices, parts
from tests.machines.devices import Slot
from tests.machines.drives import sas_hdd, volume
from tests.machines.processors import (
    E5_2640_V4,
    EPYC_7302P,
    GOLD_5218,
)
from tests.machines.recorder import DDR4, Recorder

#: IANA's number of the BMC's maker.
ILO = 11


def hpe_dl380_gen9(machine: Recorder) -> None:
    """An HPE ProLiant DL380 Gen9 with a RAID 10 on its Smart Array P440ar; one memory module makes errors."""
    machine.label(
        "HP",
        "ProLiant DL380 Gen9",
        "",
        "CZJ6210ABC",
        "30343536-3132-5a43-4a36-323130414243",
        ("HP", "P89", "10/16/2020"),
    )
    machine.uefi()
    machine.processors(E5_2640_V4, 2)
    parts.intel_kvm(machine, "HPE    Server  ")
    usable = machine.modules(
        [f"PROC {side} DIMM {number}" for side in (1, 2) for number in (1, 4, 9, 12)],
        16,
        kind=DDR4,
        part="809082-091",
        speeds=(2400, 2133),
        slots=24,
        maker="HP",
    )
    machine.memory(usable, ("0-9,20-29", "10-19,30-39"))
    machine.memory_controllers(14, 0)
    machine.bmc(ILO, 0x2000, "2.82", "192.0.2.31")
    machine.power_supplies(("Power Supply 1", True), ("Power Supply 2", True), watts=500)
    machine.watchdog("HPE iLO2+ HW Watchdog Timer", "hpwdt")
    machine.clock()
    array = devices.function(
        machine,
        Slot("0000:03:00.0", ("0000:00:02.0",), group=30),
        "010400",
        "103c:3239",
        "Smart Array Gen9 Controllers (P440ar)",
        "hpsa",
    )
    disk = volume("00508b1001c5a2b3c4d5e6f7a8b9c0d", vendor="HP", model="LOGICAL VOLUME", size=2_400_407_764_992)
    devices.scsi(machine, array, disk, channel=1)
    for number in range(4):
        slot = Slot(f"0000:02:00.{number}", ("0000:00:1c.0",), group=31)
        link = 1000 if number < 2 else None
        devices.port(machine, f"eno{number + 1}", slot, f"94:18:82:7a:10:2{number}", link=link, **parts.BCM5719)


def hpe_dl360_gen10(machine: Recorder) -> None:
    """An HPE ProLiant DL360 Gen10 in the rack, but with no cable in any port; its P408i-a shows disks as they are."""
    machine.label(
        "HPE",
        "ProLiant DL360 Gen10",
        "",
        "CZ29310XYZ",
        "31393736-3839-5a43-3239-33313058595a",
        ("HPE", "U32", "03/07/2024"),
    )
    machine.uefi()
    machine.processors(GOLD_5218)
    parts.intel_kvm(machine, "HPE    Server  ")
    usable = machine.modules(
        [f"PROC 1 DIMM {number}" for number in (3, 5, 8, 10)],
        16,
        kind=DDR4,
        part="P00920-B21",
        speeds=(2933, 2666),
        slots=24,
        maker="HPE",
    )
    machine.memory(usable, ("0-31",))
    machine.memory_controllers(0, 0)
    machine.bmc(ILO, 0x2001, "2.99", "192.0.2.32")
    machine.power_supplies(("Power Supply 1", True), watts=800)
    machine.watchdog("HPE iLO2+ HW Watchdog Timer", "hpwdt")
    machine.tpm()
    machine.clock()
    array = devices.function(
        machine,
        Slot("0000:5c:00.0", ("0000:5b:00.0",), group=44),
        "010700",
        "9005:028f",
        "Smart Storage PQI SAS (Smart Array P408i-a SR Gen10)",
        "smartpqi",
    )
    drives = [
        sas_hdd(
            f"WFK1HPE{number}", model="EG001200JWJNQ", size=1_200_243_695_616, vendor="HPE", cache="write through"
        )
        for number in range(1, 5)
    ]
    devices.sas(machine, array, *drives)
    for number in range(4):
        slot = Slot(f"0000:02:00.{number}", ("0000:00:1c.0",), group=45)
        devices.port(machine, f"eno{number + 1}", slot, f"b4:7a:f1:30:40:5{number}", **parts.BCM5719)


def hpe_dl325_svm_off(machine: Recorder) -> None:
    """An HPE ProLiant DL325 Gen10 with an EPYC 7302P whose SVM is switched off: VM_CR has SVMDIS and LOCK."""
    machine.label(
        "HPE",
        "ProLiant DL325 Gen10",
        "",
        "CZJ0420DEF",
        "39363050-3230-5a43-4a30-343230444546",
        ("HPE", "A41", "11/27/2023"),
    )
    machine.uefi()
    machine.processors(EPYC_7302P.without("svm"))
    machine.register(0xC0010114, 0x18)
    machine.kernel_says("SVM disabled (by BIOS) in MSR_VM_CR", "kvm_amd: SVM not supported by CPU 0")
    usable = machine.modules(
        [f"PROC 1 DIMM {number}" for number in (1, 3, 5, 7, 10, 12, 14, 16)],
        16,
        kind=DDR4,
        part="P03050-091",
        speeds=(2933, 2933),
        slots=16,
        maker="HPE",
    )
    machine.memory(usable, ("0-31",))
    machine.memory_controllers(0)
    machine.bmc(ILO, 0x2001, "2.99", "192.0.2.33")
    machine.power_supplies(("Power Supply 1", True), ("Power Supply 2", True), watts=500)
    machine.watchdog("HPE iLO2+ HW Watchdog Timer", "hpwdt")
    machine.clock()
    for number in range(2):
        slot = Slot(f"0000:{0x41 + number:02x}:00.0", (f"0000:40:01.{number + 1}",))
        drive = parts.pm9a3(f"S6S3NE0T5023{number}2", model="MZWLJ1T9HBJR-000H3")
        devices.nvme(machine, slot, "144d:a824", "NVMe SSD Controller PM173X", drive)
    for number in range(4):
        slot = Slot(f"0000:c3:00.{number}", ("0000:c0:03.1",))
        link = 1000 if number < 2 else None
        devices.port(machine, f"eno{number + 1}", slot, f"b4:7a:f1:60:70:8{number}", link=link, **parts.BCM5719)
