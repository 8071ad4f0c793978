"""Verdicts on many devices, the gravest first, and on what guests have none of."""

from __future__ import annotations

from collections.abc import Sequence

from trebol_common.i18n import _
from trebol_hardware.checks.finding import Detail, Severity, Verdict, worst
from trebol_hardware.checks.hypervisor import container, guest_kind, is_virtual
from trebol_hardware.machine import Machine


def of_details(details: Sequence[Detail], *, measured: str) -> Verdict:
    """The verdict on devices: the gravest severity, with the words of the first of that severity and the names of
    all devices that they hold for."""
    severity = worst(detail.severity for detail in details)
    first = next((detail for detail in details if detail.severity is severity), Detail("", severity))
    alike = [detail.subject for detail in details if (detail.severity, detail.reason) == (severity, first.reason)]
    reason = f"{', '.join(alike)}: {first.reason}" if first.reason else ""
    return Verdict(severity, measured, reason, first.remedy, tuple(details))


def memory_not_known() -> Verdict:
    """UNKNOWN for a record whose memory is 0, which is what the probe gives where the kernel does not say."""
    return Verdict(
        Severity.UNKNOWN,
        "",
        _("The kernel does not say how much memory it can use."),
        _("See /proc/meminfo, and record the machine anew: trebol machine probe"),
    )


def fitting(machine: Machine, bare: str, *, virtual: str) -> str:
    """The remedy that fits: `bare` for hardware, `virtual` for a virtual machine, the host for a container."""
    if container(machine):
        return _("Run Trebol on the host itself.")
    return virtual if is_virtual(machine) else bare


def on_the_host(machine: Machine, what: str) -> Verdict:
    """INFO for `what`, in the user's language, that a guest (`is_guest`) has none of, or shows none of."""
    return Verdict(
        Severity.INFO,
        guest_kind(machine),
        _("{what}: look at the host.").format(what=what),
    )
