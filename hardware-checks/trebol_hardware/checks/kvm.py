"""Checks of KVM: whether it works, and what of the processor it uses: second-level paging, real mode, nesting."""

from __future__ import annotations

from trebol_common.i18n import _
from trebol_hardware.checks.extension import VT_X, Evidence, State, examine
from trebol_hardware.checks.finding import Requirement, Severity, Verdict
from trebol_hardware.checks.firmware_menu import Switch, menu_path
from trebol_hardware.checks.hypervisor import container, is_virtual, nesting_remedy
from trebol_hardware.checks.registry import Check, Role
from trebol_hardware.checks.sources import BRIEF_NODE
from trebol_hardware.machine import Machine

#: The kernel's documentation of module parameters shows booleans as Y and N, older modules as 1 and 0.
_YES, _NO = frozenset(("Y", "1")), frozenset(("N", "0"))


def _kvm(machine: Machine) -> Verdict:
    kvm = machine.kvm
    if kvm.creates:
        return Verdict(Severity.PASS, _("/dev/kvm opens and creates virtual machines"))
    if kvm.device is None and kvm.opens is None and kvm.creates is None:
        remedy = _("Record the machine anew, as root: trebol machine probe")
        return Verdict(
            Severity.UNKNOWN, reason=_("The record does not say whether there is /dev/kvm."), remedy=remedy
        )
    if kvm.opens and kvm.creates is None:
        reason = _("/dev/kvm opens; whether it creates virtual machines was not tried.")
        return Verdict(
            Severity.UNKNOWN, _("/dev/kvm opens"), reason, _("Run the check on the machine itself, as root.")
        )
    if kvm.error in ("EACCES", "EPERM"):
        return Verdict(
            Severity.UNKNOWN,
            _("/dev/kvm may not be opened"),
            _("Opening it needs root, or membership of the group kvm."),
            _("Run the check as root."),
        )
    return _kvm_fails(machine, examine(machine))


def _kvm_fails(machine: Machine, found: Evidence) -> Verdict:
    kvm = machine.kvm
    error = f" ({kvm.error})" if kvm.error else ""
    measured = _("/dev/kvm does not work{error}").format(error=error)
    if kvm.device is False:
        measured = _("there is no /dev/kvm")
    # systemd makes the node before the module is there (kmod-static-nodes.service): opening it says ENODEV.
    missing = kvm.device is False or kvm.error in ("ENODEV", "ENXIO")
    if found.state is not State.ON:
        reason = _("VT-x or AMD-V, which KVM needs, is off or not known: see cpu-virtualisation.")
        return Verdict(Severity.FAIL, measured, reason, _("First mend what cpu-virtualisation finds."))
    name = found.extension.name if found.extension else _("VT-x or AMD-V")
    module = found.extension.module if found.extension else "kvm"
    if missing and container(machine):
        reason = _("This is a container ({kind}) that was not given the device.").format(kind=container(machine))
        return Verdict(
            Severity.FAIL, measured, reason, _("Run Trebol on the host, or pass /dev/kvm to the container.")
        )
    if missing:
        reason = _("The processor shows {name}, but the kernel's module {module} is not loaded.")
        remedy = _("Load it: modprobe {module}. If that fails, dmesg says why; look into /etc/modprobe.d, too.")
        return Verdict(Severity.FAIL, measured, reason.format(name=name, module=module), remedy.format(module=module))
    if kvm.error == "EBUSY":
        reason = _("Another hypervisor holds {name}: VirtualBox's or VMware's kernel modules do.").format(name=name)
        return Verdict(
            Severity.FAIL, measured, reason, _("Unload vboxdrv or vmmon, and take them out of the system.")
        )
    reason = _("A contradiction: the processor shows {name}, yet KVM cannot create a virtual machine{error}.")
    remedy = _("See what the kernel says: dmesg | grep -i -e kvm -e vmx -e svm. Firmware's switch: {path}").format(
        path=menu_path(machine, Switch.VIRTUALISATION)
    )
    if is_virtual(machine):
        remedy = nesting_remedy(machine)
    return Verdict(Severity.FAIL, measured, reason.format(name=name, error=error), remedy)


def _paging(machine: Machine) -> Verdict:
    found = examine(machine)
    if found.state is not State.ON or found.extension is None:
        return _needs_extension()
    name, flag = ("EPT", "ept") if found.extension is VT_X else ("NPT", "npt")
    parameter = machine.kvm.parameters.get(f"{found.extension.module}.{flag}", "")
    slow = _("Without it KVM keeps shadow page tables: guests that use much memory run several times slower.")
    if parameter in _NO and flag in machine.processor.flags:
        remedy = _("Take {module}.{flag}=0 out of /etc/modprobe.d and the kernel's command line.")
        return Verdict(
            Severity.WARN,
            _("{name}: there, but the module was told not to use it").format(name=name),
            slow,
            remedy.format(module=found.extension.module, flag=flag),
        )
    if parameter in _YES or flag in machine.processor.flags:
        return Verdict(Severity.PASS, name)
    if is_virtual(machine):
        remedy = nesting_remedy(machine)
        return Verdict(Severity.WARN, _("{name}: not passed through").format(name=name), slow, remedy)
    if not machine.processor.flags:
        return Verdict(Severity.UNKNOWN, reason=_("Neither flags nor module parameters are known."))
    remedy = _("Intel has it since Nehalem (2008), AMD since family 10h (2007): a newer processor is needed.")
    return Verdict(Severity.WARN, _("{name}: not there").format(name=name), slow, remedy)


def _unrestricted(machine: Machine) -> Verdict:
    found = examine(machine)
    if found.state is not State.ON or found.extension is None:
        return _needs_extension()
    if found.extension is not VT_X:
        return Verdict(Severity.PASS, _("AMD-V runs real mode as it is"))
    parameter = machine.kvm.parameters.get("kvm_intel.unrestricted_guest", "")
    if parameter in _YES:
        return Verdict(Severity.PASS, _("on"))
    if parameter in _NO:
        return Verdict(
            Severity.WARN,
            _("off"),
            _("KVM emulates guests' real mode: firmware and boot loaders of guests are slow, and some do not run."),
            _(
                "It needs EPT (see cpu-nested-paging) and Westmere (2010) or newer; look for "
                "kvm_intel.unrestricted_guest=0 in /etc/modprobe.d."
            ),
        )
    return _no_parameter(machine, "kvm_intel")


def _nested(machine: Machine) -> Verdict:
    found = examine(machine)
    if found.state is not State.ON or found.extension is None:
        return _needs_extension()
    module = found.extension.module
    parameter = machine.kvm.parameters.get(f"{module}.nested", "")
    if parameter in _YES:
        return Verdict(Severity.INFO, _("on: guests may run guests of their own"))
    if parameter in _NO:
        remedy = _("Where it is wanted: “options {module} nested=1” in /etc/modprobe.d, and load the module anew.")
        return Verdict(Severity.INFO, _("off"), remedy=remedy.format(module=module))
    return _no_parameter(machine, module)


def _no_parameter(machine: Machine, module: str) -> Verdict:
    if machine.kvm.device is None:
        reason = _("The record has nothing of KVM's module {module}.")
        remedy = _("Record the machine anew: trebol machine probe")
    else:
        reason = _("The module {module}, which tells, is not loaded.")
        remedy = _("modprobe {module}, and check again.")
    return Verdict(Severity.UNKNOWN, reason=reason.format(module=module), remedy=remedy.format(module=module))


def _needs_extension() -> Verdict:
    return Verdict(Severity.UNKNOWN, reason=_("It shows only while VT-x or AMD-V is on: see cpu-virtualisation."))


CHECKS: tuple[Check, ...] = (
    Check(
        code="kvm-usable",
        title="KVM",
        role=Role.NODE,
        look=_kvm,
        explanation=(
            "Opens /dev/kvm and asks it for an empty virtual machine (ioctl KVM_CREATE_VM), which is dropped at "
            "once. It is the proof of all the rest: module loaded, extension on, nobody else holding it. Source: "
            "Linux Documentation/virt/kvm/api.rst."
        ),
        requirement=Requirement("KVM creates virtual machines", source=BRIEF_NODE),
    ),
    Check(
        code="cpu-nested-paging",
        title="Second-level paging (EPT, NPT)",
        role=Role.NODE,
        look=_paging,
        explanation=(
            "Looks for the flags ept (Intel) and npt (AMD) and the parameter with which KVM's module may have been "
            "told not to use them. With it the processor translates guests' addresses itself; without, KVM does, and "
            "each change of a guest's page tables costs an exit. Source: Intel SDM vol. 3C, 29.3; AMD APM vol. 2, "
            "15.25."
        ),
        requirement=Requirement(recommended="EPT or NPT", source="Intel SDM vol. 3C, 29.3; AMD APM vol. 2, 15.25"),
    ),
    Check(
        code="cpu-unrestricted-guest",
        title="Unrestricted guest",
        role=Role.NODE,
        look=_unrestricted,
        explanation=(
            "Intel's first generations could not run real mode in a guest, so that KVM emulates it; with "
            "unrestricted guest (Westmere and newer, needs EPT) the processor runs it. Read from the parameter "
            "unrestricted_guest of the module kvm_intel. AMD-V needs no such thing. Source: Intel SDM vol. 3C, 26.6."
        ),
        requirement=Requirement(recommended="on, with Intel processors", source="Intel SDM vol. 3C, 26.6"),
    ),
    Check(
        code="kvm-nested",
        title="Nested virtualisation",
        role=Role.NODE,
        look=_nested,
        explanation=(
            "Whether guests of this machine may run virtual machines of their own, as the parameter nested of KVM's "
            "module says. It is good to know, not needed; whoever tries a cluster inside virtual machines wants it. "
            "Source: Linux Documentation/virt/kvm/x86/running-nested-guests.rst."
        ),
    ),
)
