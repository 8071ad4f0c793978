"""Checks of hardware virtualisation: VT-x / AMD-V and who switched it off, and being a virtual machine oneself."""

from __future__ import annotations

from trebol_common.i18n import _
from trebol_hardware.checks.extension import Evidence, State, examine
from trebol_hardware.checks.finding import Requirement, Severity, Verdict
from trebol_hardware.checks.firmware_menu import Switch, menu_path
from trebol_hardware.checks.hypervisor import container, hypervisor, is_virtual, nesting_remedy
from trebol_hardware.checks.registry import Check, Role
from trebol_hardware.checks.sources import BRIEF_NODE
from trebol_hardware.machine import Machine


def _extension(machine: Machine) -> Verdict:
    found = examine(machine)
    name = found.extension.name if found.extension else _("VT-x or AMD-V")
    match found.state:
        case State.ON if found.doubt:
            return Verdict(Severity.INFO, _("{name}: on").format(name=name), reason=found.doubt)
        case State.ON:
            return Verdict(Severity.PASS, _("{name}: on").format(name=name))
        case State.OFF:
            return _off(machine, found, name)
        case State.HIDDEN:
            return Verdict(
                Severity.FAIL,
                _("{name}: not passed through").format(name=name),
                _("This machine runs under {hypervisor}, which does not show it {name}.").format(
                    hypervisor=hypervisor(machine), name=name
                ),
                nesting_remedy(machine),
            )
        case State.MASKED:
            return Verdict(
                Severity.FAIL,
                _("{name}: hidden by the kernel").format(name=name),
                _("The kernel's command line has “{word}”.").format(word=found.because),
                _("Take that word out of the kernel's command line and start anew."),
            )
        case State.LACKING:
            return Verdict(
                Severity.FAIL,
                _("{name}: not in this processor").format(name=name),
                found.because,
                _("Another processor or machine is needed; containers run without."),
            )
        case State.ABSENT:
            return _absent(machine, found, name)
        case State.UNKNOWN:
            remedy = _("Record the machine as root, on the machine itself: trebol machine probe")
            return Verdict(Severity.UNKNOWN, reason=found.because, remedy=remedy)


def _off(machine: Machine, found: Evidence, name: str) -> Verdict:
    locked = _("Firmware sets this before any system starts, and locks it: only its own setup can change it.")
    return Verdict(
        Severity.FAIL,
        _("{name}: switched off by firmware").format(name=name),
        f"{found.because} {locked}",
        _("Switch it on in {path}; then power the machine off and on: some firmware applies it only then.").format(
            path=menu_path(machine, Switch.VIRTUALISATION)
        ),
    )


def _absent(machine: Machine, found: Evidence, name: str) -> Verdict:
    either = _("Either this processor lacks it, or firmware hides it: nothing recorded tells which.")
    return Verdict(
        Severity.FAIL,
        _("{name}: not there").format(name=name),
        " ".join(text for text in (found.doubt, either, found.because) if text),
        _("Look in {path}. If there is no such entry, look “{model}” up at its manufacturer's.").format(
            path=menu_path(machine, Switch.VIRTUALISATION), model=machine.processor.model or _("the processor")
        ),
    )


def _inside(machine: Machine) -> Verdict:
    if kind := container(machine):
        return Verdict(
            Severity.WARN,
            _("in a container: {kind}").format(kind=kind),
            _("What is seen here is a part of the host, which owns disks, modules and watchdog."),
            _("Run Trebol on the host itself."),
        )
    if not is_virtual(machine):
        if not machine.processor.flags:
            return Verdict(Severity.UNKNOWN, reason=_("Neither a hypervisor nor the processor's flags are known."))
        return Verdict(Severity.PASS, _("no: bare metal"))
    measured = _("yes: {hypervisor}").format(hypervisor=hypervisor(machine))
    if examine(machine).state is State.ON:
        reason = _("VT-x or AMD-V is passed through. Guests run nested: good for trials, slower than on bare metal.")
        return Verdict(Severity.INFO, measured, reason)
    reason = _("VT-x or AMD-V is not passed through: guests cannot use KVM here.")
    return Verdict(Severity.WARN, measured, reason, nesting_remedy(machine))


CHECKS: tuple[Check, ...] = (
    Check(
        code="cpu-virtualisation",
        title="Hardware virtualisation (VT-x, AMD-V)",
        role=Role.NODE,
        look=_extension,
        explanation=(
            "Looks at the processor's flags vmx and svm, at the registers with which firmware switches them off "
            "(IA32_FEATURE_CONTROL, MSR 0x3A; VM_CR, MSR 0xC0010114), at what the kernel said of it and at whether "
            "KVM creates a virtual machine. Virtual machines under KVM need it; containers do not. Firmware often "
            "comes with it switched off. A virtual machine has it only where the hypervisor above passes it through. "
            "Sources: Intel SDM vol. 3C, 24.7; AMD APM vol. 2, 15.30; Linux arch/x86/kernel/cpu/feat_ctl.c and amd.c."
        ),
        requirement=Requirement("VT-x or AMD-V, switched on", source=BRIEF_NODE),
    ),
    Check(
        code="virtual-machine",
        title="Inside a virtual machine or container",
        role=Role.NODE,
        look=_inside,
        explanation=(
            "Whether this machine is itself a guest, of which hypervisor, and whether that passes VT-x or AMD-V on: "
            "by systemd-detect-virt and the processor's flag hypervisor. A virtual node is good for trials; its "
            "clock, disks and watchdog are only as good as the host's. Source: systemd-detect-virt(1)."
        ),
        requirement=Requirement(recommended="bare metal", source=BRIEF_NODE),
    ),
)
