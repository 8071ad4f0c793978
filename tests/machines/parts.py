"""Parts that more than one recorded machine has: network ports, controllers, KVM's modules, disks by their model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.machines import devices
from tests.machines.devices import Slot
from tests.machines.drives import Drive, nvme, nvme_log
from tests.machines.recorder import Recorder

I350: dict[str, Any] = {"ids": "8086:1521", "model": "I350 Gigabit Network Connection", "driver": "igb"}
I219_LM: dict[str, Any] = {"ids": "8086:15bb", "model": "Ethernet Connection (7) I219-LM", "driver": "e1000e"}
I219_V: dict[str, Any] = {"ids": "8086:15b8", "model": "Ethernet Connection (2) I219-V", "driver": "e1000e"}
I225_V: dict[str, Any] = {"ids": "8086:15f3", "model": "Ethernet Controller I225-V", "driver": "igc", "can": 2500}
I226_V: dict[str, Any] = {"ids": "8086:125c", "model": "Ethernet Controller I226-V", "driver": "igc", "can": 2500}
INTEL_82574L: dict[str, Any] = {"ids": "8086:10d3", "model": "82574L Gigabit Network Connection", "driver": "e1000e"}
RTL8111: dict[str, Any] = {
    "ids": "10ec:8168",
    "model": "RTL8111/8168/8211/8411 PCI Express Gigabit Ethernet Controller",
    "driver": "r8169",
}
X710: dict[str, Any] = {
    "ids": "8086:1572",
    "model": "Ethernet Controller X710 for 10GbE SFP+",
    "driver": "i40e",
    "can": 10000,
}
BCM5719: dict[str, Any] = {"ids": "14e4:1657", "model": "NetXtreme BCM5719 Gigabit Ethernet PCIe", "driver": "tg3"}
BCM5720: dict[str, Any] = {"ids": "14e4:165f", "model": "NetXtreme BCM5720 Gigabit Ethernet PCIe", "driver": "tg3"}
BCM57416: dict[str, Any] = {
    "ids": "14e4:16d8",
    "model": "BCM57416 NetXtreme-E Dual-Media 10G RDMA Ethernet Controller",
    "driver": "bnxt_en",
    "can": 10000,
}
CONNECTX_4_LX: dict[str, Any] = {
    "ids": "15b3:1015",
    "model": "MT27710 Family [ConnectX-4 Lx]",
    "driver": "mlx5_core",
    "can": 25000,
}

#: What the kernel says as it finds VT-d described by firmware, and AMD's IOMMU.
DMAR = (
    "ACPI: DMAR 0x000000006F7F6000 0001D0 (v01 {oem} 00000001 INTL 20091013)",
    "DMAR: Host address width 46",
    "DMAR: Intel(R) Virtualization Technology for Directed I/O",
)
AMD_VI = (
    "AMD-Vi: Extended features (0x841f77e022094ace, 0x0): PPR X2APIC NX IA GA PC GA_vAPIC",
    "AMD-Vi: X2APIC enabled",
)


def intel_kvm(machine: Recorder, oem: str) -> None:
    """VT-x on, with all that Debian's kvm_intel makes of it; VT-d described by firmware, in a table signed `oem`."""
    machine.register(0x3A, 0x5)
    machine.kvm("kvm_intel", ept="Y", unrestricted_guest="Y", nested="Y", vpid="Y", enable_apicv="Y", tdx="N")
    machine.kernel_says(*(message.format(oem=oem) for message in DMAR))


def amd_kvm(machine: Recorder, *, sev: bool = False) -> None:
    """AMD-V on, with all that Debian's kvm_amd makes of it."""
    machine.register(0xC0010114, 0)
    used = "Y" if sev else "N"
    machine.kvm("kvm_amd", npt="Y", nested="1", avic="N", sev=used, sev_es=used, sev_snp="N")
    machine.kernel_says(*AMD_VI)


def ahci(machine: Recorder, slot: Slot, ids: str, name: str) -> Slot:
    """A SATA controller in AHCI mode."""
    return devices.function(machine, slot, "010601", ids, name, "ahci")


def c620_sata(machine: Recorder, group: int | None) -> Slot:
    """The first SATA controller of Intel's server chipset of 2017 to 2020."""
    name = "C620 Series Chipset Family SATA Controller [AHCI mode]"
    return ahci(machine, Slot("0000:00:17.0", group=group), "8086:a182", name)


def pm9a3(serial: str, *, model: str = "SAMSUNG MZQL21T9HCJR-00A07", used: int = 2) -> Drive:
    """A Samsung PM9A3 of 1.92 TB."""
    return nvme(serial, model=model, size=1_920_383_410_176, used=used)


def samsung_970_evo(serial: str, *, used: int = 3, spare: int = 100) -> Drive:
    """A client SSD, with a volatile write cache."""
    drive = nvme(serial, model="Samsung SSD 970 EVO 500GB", size=500_107_862_016, cache="write back")
    return replace(drive, smart=nvme_log(used=used, spare=spare, degrees=52))
