"""Recorded machines from under desks: without BMC, without ECC, with client SSDs."""

from __future__ import annotations

from tests.machines import devices, parts
from tests.machines.devices import Slot
from tests.machines.drives import attributes, sata_hdd, sata_ssd
from tests.machines.processors import CELERON_N5105, CORE_I5_1135G7, CORE_I7_8700, RYZEN_5_3600
from tests.machines.recorder import DDR4, MIB, Recorder

#: What graphics on the processor take.
_GRAPHICS = 512 * MIB


def asus_core_i7(machine: Recorder) -> None:
    """A desktop with an Intel Core i7-8700 on an ASUS board: no ECC, client SSD, one port, VT-d off."""
    machine.label(
        "System manufacturer",
        "System Product Name",
        "System Version",
        "System Serial Number",
        "9b1c8d20-2f3e-11e8-b467-0ed5f89f718b",
        ("American Megatrends Inc.", "3005", "09/30/2021"),
        board=("ASUSTeK COMPUTER INC.", "PRIME H370M-PLUS"),
    )
    machine.uefi()
    machine.processors(CORE_I7_8700)
    machine.register(0x3A, 0x5)
    machine.kvm("kvm_intel", ept="Y", unrestricted_guest="Y", nested="Y", vpid="Y", enable_apicv="N", tdx="N")
    usable = machine.modules(
        ["ChannelA-DIMM1", "ChannelB-DIMM1"],
        16,
        kind=DDR4,
        part="CMK32GX4M2A2666C16",
        speeds=(2133, 2133),
        slots=4,
        ecc=False,
        maker="Corsair",
    )
    machine.memory(usable - _GRAPHICS, ("0-11",))
    machine.watchdog("iTCO_wdt", "iTCO_wdt")
    machine.clock()
    sata = parts.ahci(
        machine, Slot("0000:00:17.0", node=-1), "8086:a282", "200 Series PCH SATA controller [AHCI mode]"
    )
    slot = Slot("0000:01:00.0", ("0000:00:1b.0",), node=-1)
    name = "NVMe SSD Controller SM981/PM981/PM983"
    devices.nvme(machine, slot, "144d:a808", name, parts.samsung_970_evo("S466NX0K123456A"))
    green = sata_hdd("WD-WCC7K0AB1234", model="WDC WD40EZRZ-00GXCB0", wwn="50014ee2b7a1c2d3")
    devices.sata(machine, sata, green)
    devices.port(machine, "enp0s31f6", Slot("0000:00:1f.6", node=-1), "2c:fd:a1:10:20:30", link=1000, **parts.I219_V)


def intel_nuc(machine: Recorder) -> None:
    """An Intel NUC 11 with one port; its client SSD has outlived the endurance that was warranted."""
    machine.label(
        "Intel(R) Client Systems",
        "NUC11TNHi5",
        "M11900-403",
        "BTTN12345678",
        "3a2b1c00-9d8e-11eb-a8b3-1c697a5b4c3d",
        ("Intel Corp.", "TNTGL357.0074.2024.0119.1515", "01/19/2024"),
    )
    machine.uefi(secure_boot=True)
    machine.processors(CORE_I5_1135G7)
    parts.intel_kvm(machine, "INTEL  NUC11TN ")
    usable = machine.modules(
        ["Controller0-ChannelA-DIMM0", "Controller1-ChannelA-DIMM0"],
        16,
        kind=DDR4,
        part="CT16G4SFRA32A.C8FE",
        speeds=(3200, 3200),
        slots=2,
        ecc=False,
        maker="Crucial Technology",
    )
    machine.memory(usable - _GRAPHICS, ("0-7",))
    machine.watchdog("iTCO_wdt", "iTCO_wdt")
    machine.tpm()
    machine.clock()
    slot = Slot("0000:58:00.0", ("0000:00:06.0",), group=14, node=-1)
    worn = parts.samsung_970_evo("S466NX0M654321B", used=104, spare=61)
    devices.nvme(machine, slot, "144d:a808", "NVMe SSD Controller SM981/PM981/PM983", worn)
    slot = Slot("0000:59:00.0", ("0000:00:1d.0",), group=15, node=-1)
    devices.port(machine, "enp89s0", slot, "1c:69:7a:5b:4c:3d", link=1000, **parts.I225_V)


def asus_ryzen_svm_off(machine: Recorder) -> None:
    """A desktop with a Ryzen 5 3600 on an ASUS board, SVM off as ASUS ships it."""
    machine.label(
        "ASUS",
        "PRIME B450M-A",
        "Rev X.0x",
        "190552432101234",
        "d41c2e80-7f6a-11e9-b8a4-244bfe5d6e7f",
        ("American Megatrends Inc.", "4204", "02/21/2024"),
    )
    machine.uefi()
    machine.processors(RYZEN_5_3600.without("svm"))
    machine.register(0xC0010114, 0x18)
    machine.kernel_says("SVM disabled (by BIOS) in MSR_VM_CR", "kvm_amd: SVM not supported by CPU 0", *parts.AMD_VI)
    usable = machine.modules(
        ["DIMM_A2", "DIMM_B2"],
        8,
        kind=DDR4,
        part="F4-3200C16-8GVKB",
        speeds=(2133, 2133),
        slots=4,
        ecc=False,
        maker="G.Skill",
    )
    machine.memory(usable, ("0-11",))
    machine.watchdog("SP5100 TCO timer", "sp5100-tco", 60)
    machine.clock(hardware=7201)
    sata = parts.ahci(
        machine,
        Slot("0000:02:00.1", ("0000:00:01.3",), group=14, node=-1),
        "1022:43c8",
        "400 Series Chipset SATA Controller",
    )
    client = sata_ssd("2013E2A1B2C3", model="CT500MX500SSD1", size=500_107_862_016)
    devices.sata(machine, sata, client, first=5)
    # Behind the chipset: one group with its other functions.
    slot = Slot("0000:03:00.0", ("0000:00:01.3", "0000:02:00.2"), group=14, node=-1)
    devices.port(machine, "enp3s0", slot, "24:4b:fe:5d:6e:7f", link=100, **parts.RTL8111)


def unnamed_n5105(machine: Recorder) -> None:
    """A firewall box without a name from a web shop: DMI was never filled in; four ports."""
    machine.label(
        "Default string",
        "Default string",
        "Default string",
        "To be filled by O.E.M.",
        "03000200-0400-0500-0006-000700080009",
        ("American Megatrends International, LLC.", "5.19", "08/31/2022"),
    )
    machine.uefi()
    machine.processors(CELERON_N5105)
    parts.intel_kvm(machine, "ALASKA A M I   ")
    usable = machine.modules(
        ["Controller0-ChannelA-DIMM0"],
        8,
        kind=DDR4,
        part="8ATF1G64HZ-2G6E1",
        speeds=(2667, 2667),
        slots=2,
        ecc=False,
        maker="Micron",
    )
    machine.memory(usable - _GRAPHICS, ("0-3",))
    machine.watchdog("iTCO_wdt", "iTCO_wdt")
    machine.tpm()
    machine.clock()
    sata = parts.ahci(
        machine, Slot("0000:00:17.0", group=6, node=-1), "8086:4dd3", "Jasper Lake SATA AHCI Controller"
    )
    devices.sata(
        machine,
        sata,
        sata_ssd(
            "AA00000000012345",
            model="KINGSTON SKC600MS256G",
            size=256_060_514_304,
            smart=attributes((231, "SSD_Life_Left", 96, 4)),
        ),
    )
    for number in range(4):
        slot = Slot(f"0000:0{number + 1}:00.0", (f"0000:00:1c.{number}",), group=10 + number, node=-1)
        mac = f"00:e2:69:6a:7b:8{number}"
        devices.port(machine, f"enp{number + 1}s0", slot, mac, link=1000 if number < 1 else None, **parts.I226_V)


def dell_optiplex_rst(machine: Recorder) -> None:
    """A Dell OptiPlex 7060 with its disks in RAID mode (Intel RST), as Dell ships it: the NVMe disk does not show."""
    machine.label(
        "Dell Inc.",
        "OptiPlex 7060",
        "",
        "FJ8KWT2",
        "4c4c4544-004a-3810-804b-c6c04f575432",
        ("Dell Inc.", "1.29.0", "03/14/2024"),
    )
    machine.uefi(secure_boot=True)
    machine.processors(CORE_I7_8700)
    parts.intel_kvm(machine, "DELL   CBX3    ")
    usable = machine.modules(
        ["DIMM1", "DIMM2"],
        8,
        kind=DDR4,
        part="HMA81GU6CJR8N-VK",
        speeds=(2667, 2667),
        slots=4,
        ecc=False,
        maker="SK Hynix",
    )
    machine.memory(usable - _GRAPHICS, ("0-11",))
    machine.watchdog("iTCO_wdt", "iTCO_wdt")
    machine.tpm()
    machine.clock()
    raid = devices.function(
        machine,
        Slot("0000:00:17.0", group=8, node=-1),
        "010400",
        "8086:2822",
        "SATA Controller [RAID mode]",
        "ahci",
    )
    disk = sata_hdd("W9A1OPTI", model="ST1000DM010-2EP102", size=1_000_204_886_016)
    devices.sata(machine, raid, disk)
    slot = Slot("0000:00:1f.6", group=12, node=-1)
    devices.port(machine, "eno1", slot, "8c:ec:4b:20:30:40", link=1000, **parts.I219_LM)
