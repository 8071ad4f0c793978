"""Processors of recorded machines: what /proc/cpuinfo and sysfs show of each under Debian 13's kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tests.machines.processor_flags import (
    BONNELL,
    BROADWELL,
    BUFFERS,
    CASCADE_LAKE,
    CASCADE_LAKE_FLAWS,
    COFFEE_LAKE,
    ENHANCED,
    GENOA,
    HEAD,
    IBPB_ON_EXIT,
    IVY_BRIDGE,
    IVY_BRIDGE_FLAWS,
    JASPER_LAKE,
    MILAN,
    MILAN_FLAWS,
    NOT_AFFECTED,
    ROME,
    SKYLAKE_FLAWS,
    SKYLAKE_SP,
    SPECTRE,
    TIGER_LAKE,
    ZEN_2,
    ZEN_FLAWS,
)

#: What the kernel takes out of the flags where VT-x is off: the feature and what hangs on it.
VMX = ("vmx", "tpr_shadow", "flexpriority", "ept", "vpid", "ept_ad", "vnmi")

#: What hypervisors keep for themselves.
_OF_THE_HOST = (
    *(*VMX, "svm", "npt", "lbrv", "svm_lock", "nrip_save", "tsc_scale", "vmcb_clean", "flushbyasid"),
    *(
        "decodeassists",
        "pausefilter",
        "pfthreshold",
        "avic",
        "v_vmsave_vmload",
        "vgif",
        "v_spec_ctrl",
        "sev",
        "sev_es",
    ),
    *("dts", "acpi", "tm", "pbe", "dtes64", "monitor", "ds_cpl", "smx", "est", "tm2", "xtpr", "pdcm", "dca", "bts"),
    *("sdbg", "epb", "intel_ppin", "cat_l3", "cdp_l3", "mba", "cqm", "rdt_a", "intel_pt", "cqm_llc", "cqm_occup_llc"),
    *("cqm_mbm_total", "cqm_mbm_local", "dtherm", "ida", "pln", "pts", "aperfmperf", "pebs", "mpx", "debug_swap"),
    *("sev_snp", "extapic", "ibs", "skinit", "wdt", "tce", "mwaitx", "cpb", "hw_pstate", "rapl", "sme"),
)

#: The kernel's names of the flaws that it tells of,
_FLAWS = (
    *("gather_data_sampling", "indirect_target_selection", "itlb_multihit", "l1tf", "mds", "meltdown"),
    *("mmio_stale_data", "reg_file_data_sampling", "retbleed", "spec_rstack_overflow", "spec_store_bypass"),
    *("spectre_v1", "spectre_v2", "srbds", "tsa", "tsx_async_abort", "vmscape"),
)


@dataclass(frozen=True)
class Cpu:
    """One processor. `cores` and `threads` per socket; `flaws` only where the kernel does not say "Not affected"."""

    vendor: str
    model: str
    family: int
    model_number: int
    stepping: int
    microcode: str
    cores: int
    threads: int
    flags: tuple[str, ...]
    flaws: Mapping[str, str] = field(default_factory=dict)

    def cpuinfo(self, sockets: int) -> str:
        """/proc/cpuinfo of so many of them: first threads of all cores, then second ones, as the kernel counts."""
        blocks = []
        for second in range(self.threads // self.cores):
            for socket in range(sockets):
                for core in range(self.cores):
                    number = second * sockets * self.cores + socket * self.cores + core
                    blocks.append(self._block(number, socket, core))
        return "".join(blocks)

    def _block(self, number: int, socket: int, core: int) -> str:
        return (
            f"processor\t: {number}\nvendor_id\t: {self.vendor}\ncpu family\t: {self.family}\n"
            f"model\t\t: {self.model_number}\nmodel name\t: {self.model}\nstepping\t: {self.stepping}\n"
            f"microcode\t: {self.microcode}\ncpu MHz\t\t: 2100.000\nphysical id\t: {socket}\n"
            f"siblings\t: {self.threads}\ncore id\t\t: {core}\ncpu cores\t: {self.cores}\nfpu\t\t: yes\n"
            f"flags\t\t: {' '.join(self.flags)}\naddress sizes\t: 46 bits physical, 48 bits virtual\n\n"
        )

    def vulnerabilities(self) -> dict[str, str]:
        """The files of /sys/devices/system/cpu/vulnerabilities."""
        return {name: self.flaws.get(name, NOT_AFFECTED) for name in _FLAWS}

    def without(self, *flags: str) -> Cpu:
        """The same, with `flags` hidden."""
        return replace(self, flags=tuple(flag for flag in self.flags if flag not in flags))

    def in_guest(self, cores: int, *keeps: str, flaws: Mapping[str, str] | None = None) -> Cpu:
        """What a virtual machine of so many single-thread cores is shown of it; `keeps` is passed through."""
        hidden = set(_OF_THE_HOST) - set(keeps)
        flags = tuple(flag for flag in self.flags if flag not in hidden)
        unknown = {
            name: text.replace("SMT vulnerable", "SMT Host state unknown") for name, text in self.flaws.items()
        }
        shown = {**unknown, **(flaws or {})}
        return replace(self, cores=cores, threads=cores, flags=(*flags, "hypervisor"), flaws=shown)


def _cpu(
    model: str,
    signature: tuple[int, int, int],
    microcode: str,
    cores: tuple[int, int],
    flags: str,
    flaws: Mapping[str, str],
) -> Cpu:
    """`signature` is family, model and stepping; `cores` is cores and threads of one socket."""
    vendor = "AuthenticAMD" if model.startswith("AMD") else "GenuineIntel"
    return Cpu(vendor, model, *signature, microcode, *cores, tuple(flags.split()), flaws)


E5_2620_V2 = _cpu(
    "Intel(R) Xeon(R) CPU E5-2620 v2 @ 2.10GHz", (6, 62, 4), "0x42e", (6, 12), IVY_BRIDGE, IVY_BRIDGE_FLAWS
)
E5_2640_V4 = _cpu(
    "Intel(R) Xeon(R) CPU E5-2640 v4 @ 2.40GHz",
    (6, 79, 1),
    "0xb000040",
    (10, 20),
    BROADWELL,
    {
        **IVY_BRIDGE_FLAWS,
        "mmio_stale_data": BUFFERS,
        "tsx_async_abort": BUFFERS,
    },
)
GOLD_5118 = _cpu(
    "Intel(R) Xeon(R) Gold 5118 CPU @ 2.30GHz", (6, 85, 4), "0x2007006", (12, 24), SKYLAKE_SP, SKYLAKE_FLAWS
)
SILVER_4214 = _cpu(
    "Intel(R) Xeon(R) Silver 4214 CPU @ 2.20GHz",
    (6, 85, 7),
    "0x5003707",
    (12, 24),
    CASCADE_LAKE,
    CASCADE_LAKE_FLAWS,
)
GOLD_5218 = replace(SILVER_4214, model="Intel(R) Xeon(R) Gold 5218 CPU @ 2.30GHz", cores=16, threads=32)
CORE_I7_8700 = _cpu(
    "Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz",
    (6, 158, 10),
    "0xf8",
    (6, 12),
    COFFEE_LAKE,
    {**SKYLAKE_FLAWS, "srbds": "Mitigation: Microcode"},
)
CORE_I5_1135G7 = _cpu(
    "11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz",
    (6, 140, 1),
    "0xbc",
    (4, 8),
    TIGER_LAKE,
    {
        **SPECTRE,
        "gather_data_sampling": "Mitigation: Microcode",
        "indirect_target_selection": "Mitigation: Aligned branch/return thunks",
        "spectre_v2": f"{ENHANCED}PBRSB-eIBRS: Not affected; BHI: SW loop, KVM: SW loop",
        "vmscape": IBPB_ON_EXIT,
    },
)
CELERON_N5105 = _cpu(
    "Intel(R) Celeron(R) N5105 @ 2.00GHz",
    (6, 156, 0),
    "0x24000026",
    (4, 4),
    JASPER_LAKE,
    {
        **SPECTRE,
        "mmio_stale_data": "Mitigation: Clear CPU buffers; SMT disabled",
        "spectre_v2": f"{ENHANCED}PBRSB-eIBRS: Not affected; BHI: SW loop, KVM: SW loop",
        "srbds": "Vulnerable: No microcode",
    },
)
ATOM_D525 = _cpu("Intel(R) Atom(TM) CPU D525   @ 1.80GHz", (6, 28, 10), "0x107", (2, 4), BONNELL, {})
RYZEN_5_3600 = _cpu("AMD Ryzen 5 3600 6-Core Processor", (23, 113, 0), "0x8701034", (6, 12), ZEN_2, ZEN_FLAWS)
EPYC_7302P = _cpu("AMD EPYC 7302P 16-Core Processor", (23, 49, 0), "0x830107c", (16, 32), ROME, ZEN_FLAWS)
EPYC_7313 = _cpu("AMD EPYC 7313 16-Core Processor", (25, 1, 1), "0xa0011d7", (16, 32), MILAN, MILAN_FLAWS)
EPYC_9354P = _cpu(
    "AMD EPYC 9354P 32-Core Processor",
    (25, 17, 1),
    "0xa101154",
    (32, 64),
    GENOA,
    {**MILAN_FLAWS, "spectre_v2": f"{ENHANCED}STIBP: always-on; PBRSB-eIBRS: Not affected; BHI: Not affected"},
)
#: QEMU's model kvm64 with Proxmox VE's additions: what its virtual machines are given unless told otherwise.
COMMON_KVM = _cpu(
    "Common KVM processor",
    (15, 6, 1),
    "0x1",
    (4, 4),
    f"{HEAD} mmx fxsr sse sse2 ht syscall nx lm constant_tsc nopl xtopology cpuid tsc_known_freq pni cx16 x2apic "
    "hypervisor lahf_lm cpuid_fault pti",
    {
        "itlb_multihit": "KVM: Mitigation: VMX unsupported",
        "l1tf": "Mitigation: PTE Inversion",
        "mds": "Vulnerable: Clear CPU buffers attempted, no microcode; SMT Host state unknown",
        "meltdown": "Mitigation: PTI",
        "mmio_stale_data": "Unknown: No mitigations",
        "spec_store_bypass": "Vulnerable",
        "spectre_v1": "Mitigation: usercopy/swapgs barriers and __user pointer sanitization",
        "spectre_v2": "Mitigation: Retpolines; STIBP: disabled; RSB filling; PBRSB-eIBRS: Not affected; "
        "BHI: Retpoline",
    },
)
