"""Whether VT-x or AMD-V can be used, and if not, who took it away: weighed from flags, registers, kernel messages.

How Linux shows it. Intel: since 5.6 the kernel clears `vmx` from the flags where IA32_FEATURE_CONTROL (MSR 0x3A) is
locked without VMX, and says "VMX (outside TXT) disabled by BIOS" (arch/x86/kernel/cpu/feat_ctl.c); where the register
is not locked, the kernel switches VMX on itself. AMD: since 6.7 it clears `svm` where VM_CR.SVMDIS is set, and says
"SVM disabled (by BIOS) in MSR_VM_CR" (arch/x86/kernel/cpu/amd.c). Older kernels leave the flags as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from trebol_common.i18n import _
from trebol_hardware.checks.hypervisor import is_virtual
from trebol_hardware.machine import Machine, Processor

#: Intel SDM vol. 4, MSR 0x3A.
LOCKED, VMX_INSIDE_SMX, VMX_OUTSIDE_SMX = 1 << 0, 1 << 1, 1 << 2
#: AMD APM vol. 2, 15.30.1: VM_CR.
VM_CR_LOCK, VM_CR_SVMDIS = 1 << 3, 1 << 4

_DISABLED = re.compile(r"\b(VMX|SVM|kvm)\b.*\b(disabled|not enabled)\b.*\bBIOS\b", re.IGNORECASE)

#: Intel's data sheets: desktop and netbook Atoms of 2008 to 2012 have no VT-x.
_ATOMS_WITHOUT = re.compile(r"Atom\(TM\) CPU\s+(230|330|[ND]\d{3,4})\b")

X86 = frozenset(("x86_64", "amd64", "i386", "i486", "i586", "i686"))


class State(Enum):
    """What became of the extension."""

    ON = auto()
    #: Firmware switched it off.
    OFF = auto()
    #: The hypervisor above does not show it.
    HIDDEN = auto()
    #: The kernel was told to hide it (clearcpuid=).
    MASKED = auto()
    #: This processor was made without.
    LACKING = auto()
    #: Not there; nothing shows whether firmware or the manufacturer left it out.
    ABSENT = auto()
    UNKNOWN = auto()


@dataclass(frozen=True)
class Extension:
    """A vendor's virtualisation: its name for people, the kernel's flag and module."""

    name: str
    flag: str
    module: str


VT_X = Extension("VT-x", "vmx", "kvm_intel")
AMD_V = Extension("AMD-V", "svm", "kvm_amd")

#: Kernels that clear the flag where firmware switched it off.
_CLEARED_FROM = {VT_X: (5, 6), AMD_V: (6, 7)}
_KERNEL = re.compile(r"(\d{1,4})\.(\d{1,4})")

_BY_VENDOR = {
    "GenuineIntel": VT_X,
    "CentaurHauls": VT_X,
    "Shanghai": VT_X,
    "AuthenticAMD": AMD_V,
    "HygonGenuine": AMD_V,
}


@dataclass(frozen=True)
class Evidence:
    """The `state`, `because` of what (in words), and what speaks against it, `doubt`."""

    state: State
    extension: Extension | None
    because: str = ""
    doubt: str = ""


def extension_of(processor: Processor) -> Extension | None:
    """The extension that processors of this vendor have; None for vendors that are not known."""
    by_flag = (extension for extension in (VT_X, AMD_V) if extension.flag in processor.flags)
    return _BY_VENDOR.get(processor.vendor.strip()) or next(by_flag, None)


def examine(machine: Machine) -> Evidence:
    """Weigh what is known. In a virtual machine an extension that is missing is the hypervisor's doing: the registers
    of firmware are emulated there."""
    extension = extension_of(machine.processor)
    if machine.architecture not in X86:
        return Evidence(State.UNKNOWN, None, _("This is no x86 processor."))
    if extension is not None and extension.flag in machine.processor.flags:
        return _with_flag(machine, extension)
    if machine.kvm.creates:
        doubt = _("KVM works, although the processor's flags show neither vmx nor svm.")
        return Evidence(State.ON, extension, doubt=doubt)
    if not machine.processor.flags:
        return Evidence(State.UNKNOWN, extension, _("The processor's flags could not be read."))
    return _without_flag(machine, extension)


def _with_flag(machine: Machine, extension: Extension) -> Evidence:
    off = _switched_off(machine, extension)
    if not off and _proves_nothing(machine, extension):
        because = _("Kernels before {version} show {flag} even where firmware switched it off; nothing else tells.")
        version = ".".join(map(str, _CLEARED_FROM[extension]))
        return Evidence(State.UNKNOWN, extension, because.format(version=version, flag=extension.flag))
    if not off:
        return Evidence(State.ON, extension)
    if machine.kvm.creates:
        doubt = _("KVM works, although: {evidence}").format(evidence=off)
        return Evidence(State.ON, extension, doubt=doubt)
    return Evidence(State.OFF, extension, off)


def _proves_nothing(machine: Machine, extension: Extension) -> bool:
    """Whether the flag is all there is, under a kernel that does not clear it where firmware switched it off."""
    kernel = _KERNEL.match(machine.kernel)
    if kernel is None or (int(kernel[1]), int(kernel[2])) >= _CLEARED_FROM[extension] or is_virtual(machine):
        return False
    # Where it is off, KVM's module does not load.
    loaded = machine.kvm.opens or any(name.startswith(f"{extension.module}.") for name in machine.kvm.parameters)
    return not (machine.kvm.creates or loaded or _switched_on(machine, extension))


def _without_flag(machine: Machine, extension: Extension | None) -> Evidence:
    if is_virtual(machine):
        return Evidence(State.HIDDEN, extension)
    if extension is None:
        return Evidence(State.ABSENT, None, _("Neither vmx nor svm is among the processor's flags."))
    if off := _switched_off(machine, extension):
        return Evidence(State.OFF, extension, off)
    masks = (word for word in machine.kernel_words if word.startswith("clearcpuid="))
    if mask := next((word for word in masks if extension.flag in word.partition("=")[2].split(",")), ""):
        return Evidence(State.MASKED, extension, mask)
    if lacking := _lacking(machine.processor):
        return Evidence(State.LACKING, extension, lacking)
    doubt = ""
    if _switched_on(machine, extension):
        doubt = _("Firmware's register says that it is on, yet the kernel does not show it.")
    return Evidence(State.ABSENT, extension, _likelihood(machine.processor), doubt)


def _switched_off(machine: Machine, extension: Extension) -> str:
    """The evidence that firmware switched it off, empty where there is none."""
    control, vm_cr = machine.kvm.feature_control, machine.kvm.vm_cr
    if extension is VT_X and control is not None and control & LOCKED and not control & VMX_OUTSIDE_SMX:
        text = _("MSR 0x3A is {value:#x}: locked, with VMX off.")
        if control & VMX_INSIDE_SMX:
            text = _("MSR 0x3A is {value:#x}: locked, with VMX on under Intel TXT only.")
        return text.format(value=control)
    if extension is AMD_V and vm_cr is not None and vm_cr & VM_CR_SVMDIS:
        text = _("MSR VM_CR is {value:#x}: SVM is disabled.")
        if vm_cr & VM_CR_LOCK:
            text = _("MSR VM_CR is {value:#x}: SVM is disabled, and locked.")
        return text.format(value=vm_cr)
    if said := next((message for message in machine.kvm.messages if _DISABLED.search(message)), ""):
        return _("The kernel says: “{message}”.").format(message=said)
    return ""


def _switched_on(machine: Machine, extension: Extension) -> bool:
    control, vm_cr = machine.kvm.feature_control, machine.kvm.vm_cr
    if extension is VT_X:
        return control is not None and bool(control & LOCKED and control & VMX_OUTSIDE_SMX)
    return vm_cr is not None and not vm_cr & VM_CR_SVMDIS


def _lacking(processor: Processor) -> str:
    """Why this very processor is known to lack it; empty where that is not known."""
    # AMD's revision guide for family 0Fh: SVM came with revision F, models 40h and up.
    early = processor.family == 15 and processor.model_number is not None and processor.model_number < 0x40
    if processor.vendor == "AuthenticAMD" and early:
        return _("AMD's K8 processors have AMD-V from revision F (2006) on; this one is older.")
    if _ATOMS_WITHOUT.search(processor.model):
        return _("Atom processors of the series 230, 330, N and D of 2008 to 2012 have no VT-x.")
    return ""


def _likelihood(processor: Processor) -> str:
    """What is known of processors of its kind, as a hint at which of the two it is."""
    if processor.vendor == "AuthenticAMD" and (processor.family or 0) >= 16:
        return _("AMD has built it into every processor since 2007 (family 10h), so firmware most likely hides it.")
    if processor.vendor == "GenuineIntel":
        return _("Intel has built it into nearly every processor since 2011; many older ones lack it.")
    return ""
