"""Checks of the IOMMU: whether one translates for devices, and whether what may be passed through stands alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from trebol_common.i18n import _, counted
from trebol_hardware.checks.extension import State, examine
from trebol_hardware.checks.finding import Detail, Requirement, Severity, Verdict
from trebol_hardware.checks.firmware_menu import Switch, is_amd, menu_path
from trebol_hardware.checks.hypervisor import hypervisor, is_virtual
from trebol_hardware.checks.registry import Check, Role
from trebol_hardware.facts import PciDevice
from trebol_hardware.machine import Machine

#: Linux Documentation/admin-guide/kernel-parameters.txt.
OFF_WORDS = frozenset(("intel_iommu=off", "amd_iommu=off", "iommu=off"))

#: What the kernel says of Intel's IOMMU that firmware describes.
_DESCRIBED = ("ACPI: DMAR", "DMAR: ")

#: PCI base classes (PCI Code and ID Assignment): what people pass to guests.
_PASSED = {"01": "storage controller", "02": "network controller", "03": "display controller"}
_BRIDGE = "06"


def _iommu(machine: Machine) -> Verdict:
    name = "AMD-Vi" if is_amd(machine.processor) else "VT-d"
    if not machine.pci and is_virtual(machine):
        reason = _("{hypervisor} gives this machine no PCI devices: there is nothing that guests could get.")
        return Verdict(Severity.INFO, _("no PCI devices"), reason.format(hypervisor=hypervisor(machine)))
    if not machine.pci:
        return Verdict(
            Severity.UNKNOWN,
            reason=_("The record lists no PCI devices."),
            remedy=_("Record the machine anew: trebol machine probe"),
        )
    groups = {device.iommu_group for device in machine.pci if device.iommu_group is not None}
    if groups:
        return Verdict(Severity.PASS, counted("on: {count} group", "on: {count} groups", len(groups)))
    why = _("Without it no device can be passed to a guest, and devices may write anywhere in memory.")
    if words := [word for word in machine.kernel_words if word in OFF_WORDS]:
        return Verdict(
            Severity.WARN,
            _("off: the kernel was told {words}").format(words=" ".join(words)),
            why,
            _("Take {words} out of the kernel's command line and start anew.").format(words=" ".join(words)),
        )
    if is_virtual(machine):
        reason = _("{hypervisor} gives this machine none; only guests with devices of their own need it.")
        return Verdict(Severity.INFO, _("off"), reason.format(hypervisor=hypervisor(machine)))
    if examine(machine).state is State.LACKING:
        reason = _("Only guests under KVM could get devices, and this processor runs none: see cpu-virtualisation.")
        return Verdict(Severity.INFO, _("off"), reason)
    path = menu_path(machine, Switch.IOMMU)
    remedy = _("Switch {name} on in {path}.").format(name=name, path=path)
    if not is_amd(machine.processor) and "intel_iommu=on" not in machine.kernel_words:
        if any(message.startswith(_DESCRIBED) for message in machine.kvm.messages):
            why = _("Firmware describes one (ACPI table DMAR), but this kernel does not use it.") + " " + why
            remedy = _("Add intel_iommu=on to the kernel's command line and start anew.")
        else:
            remedy += " " + _("If it is on there, add intel_iommu=on to the kernel's command line.")
    return Verdict(Severity.WARN, _("off"), why, remedy)


def _groups(machine: Machine) -> Verdict:
    members: dict[int, list[PciDevice]] = defaultdict(list)
    for device in machine.pci:
        if device.iommu_group is not None and not device.class_code.startswith(_BRIDGE):
            members[device.iommu_group].append(device)
    if not members:
        # Where nothing is wrong with having no IOMMU, nothing is with having no groups.
        severity = Severity.INFO if _iommu(machine).severity is Severity.INFO else Severity.UNKNOWN
        return Verdict(severity, reason=_("There are no IOMMU groups: see iommu."))
    details = tuple(_details(members))
    measured = counted("{count} group", "{count} groups", len(members))
    if not details:
        return Verdict(Severity.PASS, measured)
    return Verdict(
        Severity.INFO,
        measured,
        _("All devices of a group go to the same guest, or none does: between them nothing keeps writes apart."),
        _("To pass one through alone, put it into another slot, or switch ACS on in the firmware where it has it."),
        details,
    )


def _details(members: Mapping[int, list[PciDevice]]) -> list[Detail]:
    """For each device that people pass through and that shares its group with other slots: which."""
    details = []
    for group, devices in sorted(members.items()):
        for device in devices:
            strangers = [other.address for other in devices if _slot(other) != _slot(device)]
            kind = _PASSED.get(device.class_code[:2])
            if kind is not None and strangers:
                measured = _("group {group}, with {others}").format(group=group, others=", ".join(strangers))
                details.append(Detail(device.address, Severity.INFO, measured, reason=device.model or _(kind)))
    return details


def _slot(device: PciDevice) -> str:
    """Domain, bus and device without the function: "0000:03:00"."""
    return device.address.rpartition(".")[0]


CHECKS: tuple[Check, ...] = (
    Check(
        code="iommu",
        title="IOMMU (VT-d, AMD-Vi)",
        role=Role.NODE,
        look=_iommu,
        explanation=(
            "Whether the kernel puts PCI devices into IOMMU groups, which it does once firmware describes an IOMMU "
            "(ACPI tables DMAR, IVRS) and the command line does not forbid it. Passing devices to guests needs it, "
            "and it keeps devices out of memory that is not theirs. Debian's kernel switches VT-d on by itself; "
            "others want intel_iommu=on. Sources: Linux Documentation/driver-api/vfio.rst, "
            "admin-guide/kernel-parameters.txt."
        ),
        requirement=Requirement(recommended="on", source="Linux Documentation/driver-api/vfio.rst"),
    ),
    Check(
        code="iommu-groups",
        title="IOMMU groups",
        role=Role.NODE,
        look=_groups,
        explanation=(
            "Whether network, storage and display controllers share an IOMMU group with devices in other slots. A "
            "group is the smallest thing that can be passed to a guest; bridges in it do not count. Nothing is wrong "
            "with a shared group unless one of its devices shall go to a guest. Source: Linux "
            "Documentation/driver-api/vfio.rst."
        ),
    ),
)
