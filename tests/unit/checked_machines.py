"""Machines for tests of checks: two good servers, and changes to them by a word for each kind of processor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from trebol_hardware.checks.finding import Finding
from trebol_hardware.checks.registry import find
from trebol_hardware.facts import Kvm, PciDevice
from trebol_hardware.machine import Firmware, FirmwareMode, Machine, Processor, Product

V1 = ("fpu", "cx8", "cmov", "mmx", "fxsr", "sse", "sse2", "syscall", "lm")
V2 = (*V1, "pni", "ssse3", "cx16", "sse4_1", "sse4_2", "popcnt", "lahf_lm")
V3 = (*V2, "fma", "movbe", "xsave", "avx", "f16c", "abm", "bmi1", "avx2", "bmi2")
V4 = (*V3, "avx512f", "avx512dq", "avx512cd", "avx512bw", "avx512vl")

GIB = 2**30

#: A Dell server with VT-x on: what the kernel of Debian 13 shows of it.
INTEL = Machine(
    architecture="x86_64",
    firmware=Firmware(FirmwareMode.UEFI, True, "Dell Inc.", "1.15.2", "11/12/2024"),
    processor=Processor(
        vendor="GenuineIntel",
        model="Intel(R) Xeon(R) Silver 4314 CPU @ 2.40GHz",
        sockets=2,
        cores=32,
        threads=64,
        flags=(*V4, "vmx", "ept", "vpid"),
        family=6,
        model_number=106,
        stepping=6,
        microcode="0xd0003f5",
        vulnerabilities={"meltdown": "Not affected", "spectre_v2": "Mitigation: Enhanced / Automatic IBRS"},
    ),
    memory=128 * GIB,
    product=Product("Dell Inc.", "PowerEdge R650"),
    kvm=Kvm(
        device=True,
        opens=True,
        creates=True,
        feature_control=0x5,
        parameters={"kvm_intel.ept": "Y", "kvm_intel.unrestricted_guest": "Y", "kvm_intel.nested": "Y"},
    ),
    pci=(
        PciDevice("0000:00:00.0", "060000", iommu_group=0),
        PciDevice("0000:31:00.0", "020000", model="Ethernet 25G", iommu_group=1),
        PciDevice("0000:31:00.1", "020000", model="Ethernet 25G", iommu_group=1),
    ),
    kernel_words=("quiet",),
)

#: A Supermicro server with AMD-V on.
AMD = replace(
    INTEL,
    firmware=Firmware(FirmwareMode.UEFI, False, "American Megatrends International, LLC.", "2.4", "07/09/2023"),
    processor=replace(
        INTEL.processor,
        vendor="AuthenticAMD",
        model="AMD EPYC 7313P 16-Core Processor",
        flags=(*V3, "svm", "npt", "sev", "sev_es"),
        family=25,
        model_number=1,
    ),
    product=Product("Supermicro", "AS -1014S-WTRT"),
    kvm=Kvm(device=True, opens=True, creates=True, vm_cr=0, parameters={"kvm_amd.npt": "Y", "kvm_amd.nested": "1"}),
)

#: What the probe says where the module is not loaded.
NO_KVM: dict[str, Any] = {"device": False, "opens": False, "creates": False, "error": "ENOENT", "parameters": {}}


def changed(
    machine: Machine,
    *,
    lacks: tuple[str, ...] = (),
    flags: tuple[str, ...] | None = None,
    processor: dict[str, Any] | None = None,
    kvm: dict[str, Any] | None = None,
    **members: Any,
) -> Machine:
    """`machine` without the flags it `lacks`, or with other `flags`, and members of it, its processor and KVM set."""
    kept = tuple(flag for flag in (machine.processor.flags if flags is None else flags) if flag not in lacks)
    return replace(
        machine,
        processor=replace(machine.processor, flags=kept, **(processor or {})),
        kvm=replace(machine.kvm, **(kvm or {})),
        **members,
    )


def finding(machine: Machine, code: str) -> Finding:
    """What the check called `code` finds."""
    return find(code)(machine)


def words(found: Finding) -> str:
    """All that a finding tells, its devices' shares too."""
    details = " ".join(f"{item.subject} {item.measured} {item.reason} {item.remedy}" for item in found.details)
    return f"{found.measured} {found.reason} {found.remedy} {details}"
