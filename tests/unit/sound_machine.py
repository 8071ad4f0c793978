"""A server with nothing to find fault with, for tests of checks, and ways to say what is different."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from trebol_hardware.checks.finding import Finding
from trebol_hardware.checks.registry import Check
from trebol_hardware.facts import (
    Bmc,
    Clock,
    DiskHealth,
    Memory,
    MemoryErrors,
    MemoryModule,
    NumaNode,
    PciDevice,
    PowerSupply,
    Watchdog,
)
from trebol_hardware.machine import (
    Content,
    Disk,
    Firmware,
    FirmwareMode,
    Machine,
    NetworkInterface,
    Partition,
    Processor,
    Product,
)

GIB = 2**30
TB = 10**12

HEALTHY = DiskHealth(passed=True, temperature=30, power_on_hours=100, used=1)

MODULE = MemoryModule("A1", 32 * GIB, "DDR4", 3200, 3200, 72, 64, "Samsung", "M393A4K40DB3")

MEMORY = Memory(
    error_correction="multi-bit ECC",
    slots=16,
    modules=(MODULE, replace(MODULE, locator="B1")),
    errors=(MemoryErrors("mc0"),),
    huge_pages={"2048kB": 0, "1048576kB": 0},
    ksm_running=False,
)

SSD = Disk(
    "nvme0n1",
    960 * 10**9,
    transport="nvme",
    model="SAMSUNG MZQL2960HCJR-00A07",
    write_cache="write through",
    pci="0000:41:00.0",
    health=HEALTHY,
)

HDD = Disk(
    "sda",
    4 * TB,
    rotational=True,
    transport="sata",
    model="ST4000NM000A-2HZ100",
    write_cache="write through",
    pci="0000:00:17.0",
    health=HEALTHY,
)

#: What an installed node looks like.
SYSTEM = replace(
    SSD,
    content=(Content("gpt"),),
    partitions=(Partition("nvme0n1p2", 2, 2**20, GIB, (Content("vfat"),), ("/boot/efi",)),),
)

PORT = NetworkInterface(
    "eno1", "02:00:00:00:00:01", "ixgbe", True, 10_000, "0000:3b:00.0", duplex="full", fastest=10_000
)

NIC = PciDevice("0000:3b:00.0", "020000", "8086", "1528", "Intel", "X540-AT2", "ixgbe", ("0000:3a:00.0",))

MACHINE = Machine(
    architecture="x86_64",
    firmware=Firmware(FirmwareMode.UEFI, True, "Dell Inc.", "2.1", "2024-01-01"),
    processor=Processor("GenuineIntel", "Intel(R) Xeon(R) Gold 6226R", 2, 32, 64),
    memory=62 * GIB + GIB // 2,
    product=Product("Dell Inc.", "PowerEdge R640", "", "ABC1234", "4c4c4544-0042-3310-8056-b4c04f4e4d32"),
    disks=(SSD, replace(SSD, name="nvme1n1", pci="0000:42:00.0")),
    interfaces=(PORT, replace(PORT, name="ens1", pci="0000:5e:00.0")),
    pci=(NIC, replace(NIC, address="0000:5e:00.0", path=("0000:5d:00.0",))),
    memory_details=MEMORY,
    numa=(NumaNode(0, "0-31", 31 * GIB), NumaNode(1, "32-63", 31 * GIB)),
    clock=Clock("tsc", ("tsc", "hpet", "acpi_pm"), "chronyd", True, 120, 4, 0),
    bmc=Bmc("kcs", "/dev/ipmi0", 674, 256, "5.10", "2.0", "192.0.2.50", redfish=True),
    watchdogs=(Watchdog(0, "iTCO_wdt", "iTCO_wdt", 30),),
    power_supplies=(PowerSupply("PSU1", True, True, 750), PowerSupply("PSU2", True, True, 750)),
    tpm="2.0",
)

#: A virtual one: what a hypervisor does not show is not there.
GUEST = replace(
    MACHINE,
    virtualisation="kvm",
    product=Product("QEMU", "Standard PC (Q35 + ICH9, 2009)", "", "", ""),
    disks=(Disk("vda", 40 * GIB, transport="virtio"),),
    interfaces=(NetworkInterface("ens18", "02:00:00:00:00:02", "virtio_net", True, pci="0000:06:12.0"),),
    pci=(),
    memory_details=Memory(),
    clock=Clock("kvm-clock", ("kvm-clock", "tsc", "acpi_pm"), "chronyd", True, 120, 4),
    bmc=None,
    watchdogs=(),
    power_supplies=(),
    tpm="",
)


def but(**changes: Any) -> Machine:
    """The sound machine with members changed."""
    return replace(MACHINE, **changes)


def with_memory(**changes: Any) -> Machine:
    """The sound machine with members of its memory changed."""
    return but(memory_details=replace(MEMORY, **changes))


def with_clock(**changes: Any) -> Machine:
    """The sound machine with members of its clock changed."""
    return but(clock=replace(MACHINE.clock, **changes))


def run(checks: Iterable[Check], code: str, machine: Machine) -> Finding:
    """What the check called `code` finds on a machine."""
    return next(check for check in checks if check.code == code)(machine)


def told(finding: Finding) -> str:
    """Everything that a finding says, in one text."""
    details = (f"{detail.subject} {detail.measured} {detail.reason} {detail.remedy}" for detail in finding.details)
    return " ".join([finding.measured, finding.reason, finding.remedy, *details])
