"""Checks of the processor: 64 bits, cores, its x86-64 level, vulnerabilities, microcode, encrypted guests."""

from __future__ import annotations

import re

from trebol_common.i18n import _
from trebol_hardware.checks.extension import X86
from trebol_hardware.checks.finding import Detail, Requirement, Severity, Verdict, worst
from trebol_hardware.checks.firmware_menu import is_amd
from trebol_hardware.checks.hypervisor import container, hypervisor, is_virtual
from trebol_hardware.checks.registry import Check, Role
from trebol_hardware.checks.sources import BRIEF_NODE
from trebol_hardware.machine import Machine

#: x86-64 psABI 1.0, 3.1.1, table "Micro-Architecture Levels", by the kernel's names of the flags (OSFXSR and SCE show
#: as fxsr and syscall; LAHF-SAHF is lahf_lm, SSE3 pni, LZCNT abm; OSXSAVE shows as xsave, which the kernel clears
#: where it does not use it). Each level includes the one before.
LEVELS: tuple[frozenset[str], ...] = (
    frozenset(("cmov", "cx8", "fpu", "fxsr", "lm", "mmx", "sse", "sse2", "syscall")),
    frozenset(("cx16", "lahf_lm", "pni", "popcnt", "sse4_1", "sse4_2", "ssse3")),
    frozenset(("abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave")),
    frozenset(("avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl")),
)

#: Words of the kernel's command line that switch mitigations off (admin-guide/hw-vuln, kernel-parameters.txt).
_UNMITIGATED = ("mitigations=off", "nopti", "nospectre_v1", "nospectre_v2", "spectre_v2=off", "mds=off", "l1tf=off")

#: hw-vuln/processor_mmio_stale_data.rst: the processor is out of its maker's servicing period.
_OUT_OF_SERVICE = "Unknown: No mitigations"

#: A part that stays open below a mitigation of the rest: "PTE Inversion; VMX: vulnerable" (l1tf.rst), "…; BHI:
#: Vulnerable", "…; PBRSB-eIBRS: Vulnerable" (spectre.rst). "SMT vulnerable" is told apart.
_PARTLY_OPEN = re.compile(r"(: |L1D )vulnerable", re.IGNORECASE)

_NO_FLAGS = "The processor's flags could not be read."


def level(flags: frozenset[str]) -> int:
    """The x86-64 level, 1 to 4; 0 where not even the first is complete."""
    reached = 0
    for needed in LEVELS:
        if not needed <= flags:
            break
        reached += 1
    return reached


def _bits(machine: Machine) -> Verdict:
    processor = machine.processor
    if machine.architecture and machine.architecture not in X86:
        reason = _("Trebol runs on x86-64 (Intel and AMD) only.")
        return Verdict(Severity.FAIL, machine.architecture, reason, _("Another machine is needed."))
    if not processor.flags:
        return Verdict(Severity.UNKNOWN, machine.architecture, _(_NO_FLAGS))
    if "lm" in processor.flags:
        return Verdict(Severity.PASS, _("64-bit"))
    reason = _("This processor, or the virtual machine it is shown in, has no long mode (flag lm).")
    return Verdict(
        Severity.FAIL, _("32-bit"), reason, _("Another machine is needed; a virtual one: a 64-bit processor.")
    )


def _cores(machine: Machine) -> Verdict:
    processor = machine.processor
    if processor.cores < 1 or processor.threads < 1:
        return Verdict(Severity.UNKNOWN, reason=_("The record says neither cores nor threads."))
    measured = _("cores: {cores}, threads: {threads}, sockets: {sockets}").format(
        cores=processor.cores, threads=processor.threads, sockets=processor.sockets
    )
    if processor.cores > 1:
        return Verdict(Severity.PASS, measured)
    reason = _("Guests, storage and the cluster's own services share one core: each makes the others wait.")
    return Verdict(
        Severity.WARN, measured, reason, _("Take a machine with several cores, or give the virtual one more.")
    )


def _level(machine: Machine) -> Verdict:
    flags = frozenset(machine.processor.flags)
    if machine.architecture not in X86:
        return Verdict(Severity.UNKNOWN, reason=_("This is no x86 processor."))
    if not flags:
        return Verdict(Severity.UNKNOWN, reason=_(_NO_FLAGS))
    reached = level(flags)
    if reached == 0:
        missing = ", ".join(sorted(LEVELS[0] - flags))
        return Verdict(
            Severity.FAIL, _("none: lacks {flags}").format(flags=missing), _("64-bit Debian needs x86-64-v1.")
        )
    measured = f"x86-64-v{reached}"
    lacking = ", ".join(sorted(LEVELS[reached] - flags)) if reached < len(LEVELS) else ""
    if reached > 1:
        reason = _("For x86-64-v{next} it lacks {flags}.").format(next=reached + 1, flags=lacking) if lacking else ""
        return Verdict(Severity.INFO, measured, reason)
    reason = _(
        "Newer guests need x86-64-v2 (RHEL 9, SLES 16 and their kin) or v3 (RHEL 10): they do not start here. It "
        "lacks {flags}."
    ).format(flags=lacking)
    remedy = _("Run such guests on other nodes.")
    if is_virtual(machine) and not container(machine):
        remedy = _(
            "Give this virtual machine the host's processor (QEMU, Proxmox VE: cpu “host”, or “x86-64-v2-AES”)."
        )
    return Verdict(Severity.WARN, measured, reason, remedy)


def _vulnerabilities(machine: Machine) -> Verdict:
    known = machine.processor.vulnerabilities
    if not known:
        return Verdict(
            Severity.UNKNOWN,
            reason=_("The record has nothing of /sys/devices/system/cpu/vulnerabilities."),
            remedy=_("Record the machine anew: trebol machine probe"),
        )
    details = tuple(
        Detail(name, severity, verdict)
        for name, verdict in sorted(known.items())
        if (severity := _judge(verdict)) is not Severity.PASS
    )
    gravest = worst(detail.severity for detail in details)
    open_ones = sum(detail.severity is Severity.WARN for detail in details)
    measured = _("{open} of {count} open").format(open=open_ones, count=len(known))
    match gravest:
        case Severity.PASS:
            return Verdict(gravest, measured)
        case Severity.WARN:
            reason = _("Through these, one guest can read what another, or the host, holds in memory.")
            return Verdict(gravest, measured, reason, _closing(machine), details)
        case Severity.UNKNOWN:
            return _untold(machine, measured, details)
        case _:
            reason = _("Mitigated; but threads of one core still leak to each other (SMT).")
            remedy = _("Where guests do not trust each other: switch hyper-threading off, or mitigations=auto,nosmt.")
            return Verdict(gravest, measured, reason, remedy, details)


def _untold(machine: Machine, measured: str, details: tuple[Detail, ...]) -> Verdict:
    untold = [detail for detail in details if detail.severity is Severity.UNKNOWN]
    if is_virtual(machine):
        reason = _("The kernel cannot tell for some; in a virtual machine that depends on the host.")
    elif all(detail.measured.startswith(_OUT_OF_SERVICE) for detail in untold):
        reason = _("This processor is so old that its maker no longer says whether it has these: {names}.").format(
            names=", ".join(detail.subject for detail in untold)
        )
        remedy = _("Nothing mends them: keep guests that do not trust each other on newer machines.")
        return Verdict(Severity.UNKNOWN, measured, reason, remedy, details)
    else:
        reason = _("The kernel cannot tell for some.")
    return Verdict(Severity.UNKNOWN, measured, reason, _closing(machine), details)


def _judge(verdict: str) -> Severity:
    """By the forms of Documentation/ABI/testing/sysfs-devices-system-cpu: "Not affected", "Vulnerable…",
    "Mitigation: …", and of hw-vuln/: "KVM: …", "Processor vulnerable", "Unknown…", "…; SMT vulnerable", "…; SMT Host
    state unknown"."""
    text = verdict.removeprefix("KVM: ")
    if text.startswith(("Vulnerable", "Processor vulnerable")) or _PARTLY_OPEN.search(text):
        return Severity.WARN
    if "SMT Host state unknown" in text:
        return Severity.UNKNOWN
    if text.startswith(("Mitigation", "Not affected")):
        return Severity.INFO if "SMT vulnerable" in text else Severity.PASS
    return Severity.UNKNOWN


def _closing(machine: Machine) -> str:
    if words := [word for word in machine.kernel_words if word in _UNMITIGATED]:
        return _("Take {words} out of the kernel's command line and start anew.").format(words=" ".join(words))
    if is_virtual(machine) or container(machine):
        return _("Bring host and microcode up to date, and give this machine the host's processor (cpu “host”).")
    return _("Install {package} and newer firmware, and start anew; old processors get no more microcode.").format(
        package=_package(machine)
    )


def _package(machine: Machine) -> str:
    return "amd64-microcode" if is_amd(machine.processor) else "intel-microcode"


def _microcode(machine: Machine) -> Verdict:
    revision = machine.processor.microcode
    if is_virtual(machine):
        reason = _("{hypervisor} shows this number; the microcode is the host's to update.")
        return Verdict(Severity.INFO, revision, reason.format(hypervisor=hypervisor(machine)))
    package = _package(machine)
    update = _("It comes with firmware updates and with Debian's {package} (non-free-firmware), loaded at start.")
    if not revision:
        return Verdict(
            Severity.UNKNOWN, reason=_("The record does not say the revision."), remedy=update.format(package=package)
        )
    reason = _("Whether there is a newer one, this record cannot tell.")
    return Verdict(Severity.INFO, revision, reason, update.format(package=package))


def _confidential(machine: Machine) -> Verdict:
    flags, parameters = machine.processor.flags, machine.kvm.parameters
    if not flags:
        return Verdict(Severity.UNKNOWN, reason=_(_NO_FLAGS))
    names = {"sev": "SEV", "sev_es": "SEV-ES", "sev_snp": "SEV-SNP", "tdx_host_platform": "TDX"}
    there = [name for flag, name in names.items() if flag in flags]
    if not there:
        reason = _("Processors that have it show it only where firmware has it on (AMD: SMEE, SEV; Intel: TME, TDX).")
        return Verdict(Severity.INFO, _("none"), reason)
    given = {f"kvm_amd.{flag}": name for flag, name in names.items()} | {"kvm_intel.tdx": "TDX"}
    used = [name for parameter, name in given.items() if parameters.get(parameter) in ("Y", "1")]
    usable = ", ".join(used) or _("none, or not known")
    return Verdict(Severity.INFO, ", ".join(there), _("KVM's module has switched on: {names}.").format(names=usable))


CHECKS: tuple[Check, ...] = (
    Check(
        code="cpu-64-bit",
        title="64-bit processor",
        role=Role.NODE,
        look=_bits,
        explanation=(
            "Whether the processor has long mode (flag lm) and the system runs on x86. Trebol, as Debian's amd64, is "
            "made for x86-64 only. Source: the project's brief; Debian Installation Guide, 2.1."
        ),
        requirement=Requirement("x86-64", source=BRIEF_NODE),
    ),
    Check(
        code="cpu-cores",
        title="Processor cores",
        role=Role.NODE,
        look=_cores,
        explanation=(
            "Counts cores (not threads). One is enough to start; each Ceph daemon and each guest wants its own "
            "share, so that several are recommended. What Ceph's roles need is checked with those roles. Source: the "
            "project's brief."
        ),
        requirement=Requirement("1 core", "several processors or cores", BRIEF_NODE),
    ),
    Check(
        code="cpu-level",
        title="x86-64 level",
        role=Role.NODE,
        look=_level,
        explanation=(
            "Which of the levels x86-64-v1 to v4 the processor's flags add up to. Distributions are built for a "
            "level: guests that need a higher one do not start; a guest that shall migrate may use only what all "
            "nodes have. Source: x86-64 psABI, Micro-Architecture Levels."
        ),
        requirement=Requirement("x86-64-v1", "x86-64-v2", "x86-64 psABI; Red Hat, Building RHEL 9 for x86-64-v2"),
    ),
    Check(
        code="cpu-vulnerabilities",
        title="Processor vulnerabilities",
        role=Role.NODE,
        look=_vulnerabilities,
        explanation=(
            "Reads the kernel's verdicts on the processor's known flaws (Meltdown, Spectre, L1TF, MDS …): which are "
            "open, and which leave threads of one core leaking to each other. On a host of many guests they let one "
            "read another's memory. Source: Linux Documentation/admin-guide/hw-vuln."
        ),
        requirement=Requirement(recommended="none open", source="Linux Documentation/admin-guide/hw-vuln"),
    ),
    Check(
        code="cpu-microcode",
        title="Microcode",
        role=Role.NODE,
        look=_microcode,
        explanation=(
            "Shows the revision of the processor's microcode. Updates mend flaws, those of cpu-vulnerabilities too; "
            "they come with the machine's firmware or are loaded by the kernel at each start. Source: Linux "
            "Documentation/arch/x86/microcode.rst."
        ),
    ),
    Check(
        code="cpu-confidential",
        title="Encrypted guests (SEV, TDX)",
        role=Role.NODE,
        look=_confidential,
        explanation=(
            "Whether guests' memory can be encrypted against the host: SEV, SEV-ES and SEV-SNP of AMD, TDX of Intel, "
            "as the processor's flags and KVM's module tell. Good to know; nothing needs it. Sources: Linux "
            "Documentation/virt/kvm/x86/amd-memory-encryption.rst and intel-tdx.rst."
        ),
    ),
)
