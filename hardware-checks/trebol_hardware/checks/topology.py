"""NUMA, huge pages and KSM: how memory lies, and how guests' memory is handed out."""

from __future__ import annotations

import re

from trebol_common.i18n import _
from trebol_hardware.checks.details import of_details
from trebol_hardware.checks.finding import Detail, Requirement, Severity, Verdict
from trebol_hardware.checks.registry import Check, Role
from trebol_hardware.facts import NumaNode
from trebol_hardware.machine import Machine
from trebol_hardware.sizes import show_size

#: Trebol's own: a node with less than half of the memory of the fullest lacks modules; less difference may come from
#: firmware's share.
_BALANCED = 2

#: "2048kB", as in /sys/kernel/mm/hugepages.
_PAGE_SIZE = re.compile(r"(\d+)kB")


def numa(machine: Machine) -> Verdict:
    """Memory next to each group of processors."""
    nodes = machine.numa
    if not nodes:
        return Verdict(
            Severity.UNKNOWN, "", _("The kernel does not say how memory lies."), _("ls /sys/devices/system/node")
        )
    largest = max(node.memory for node in nodes)
    measured = ", ".join(f"{node.number}: {show_size(node.memory)}" for node in nodes)
    if len(nodes) == 1:
        return Verdict(Severity.PASS, measured)
    return of_details([_numa_node(node, largest) for node in nodes], measured=measured)


def _numa_node(node: NumaNode, largest: int) -> Detail:
    name = _("node {number}").format(number=node.number)
    measured = f"{show_size(node.memory)}, CPU {node.processors or '-'}"
    remedy = _("Spread the modules evenly over the processors.")
    if not node.memory and node.processors:
        reason = _("Processors without memory of their own: all of theirs is fetched from others.")
        return Detail(name, Severity.WARN, measured, reason, remedy)
    if not node.processors:
        return Detail(name, Severity.INFO, measured, _("Memory without processors, as on CXL."))
    if node.memory * _BALANCED < largest:
        return Detail(name, Severity.INFO, measured, _("Less than half of the memory of the fullest node."), remedy)
    return Detail(name, Severity.PASS, measured)


def huge_pages(machine: Machine) -> Verdict:
    """Reserved huge pages: noted."""
    pages = machine.memory_details.huge_pages
    if not pages:
        return Verdict(
            Severity.UNKNOWN, "", _("The kernel does not tell of huge pages."), _("ls /sys/kernel/mm/hugepages")
        )
    reserved = {size: number for size, number in pages.items() if number}
    if not reserved:
        return Verdict(Severity.INFO, _("none reserved"), _("Guests get transparent huge pages, where that is on."))
    measured = ", ".join(f"{number} x {size}" for size, number in reserved.items())
    kept = sum(
        number * int(match[1]) * 1024 for size, number in reserved.items() if (match := _PAGE_SIZE.match(size))
    )
    reason = _("{size} are kept for guests that ask for huge pages; nothing else can use them.")
    return Verdict(Severity.INFO, measured, reason.format(size=show_size(kept)))


def ksm(machine: Machine) -> Verdict:
    """Whether the kernel merges equal pages of guests: noted."""
    match machine.memory_details.ksm_running:
        case None:
            return Verdict(
                Severity.UNKNOWN, "", _("The kernel has no KSM, or does not say."), "cat /sys/kernel/mm/ksm/run"
            )
        case True:
            reason = _("Equal pages of guests are kept once; guests can find out about each other by it.")
            return Verdict(
                Severity.INFO, _("on"), reason, _("Off where guests of strangers run: ksmtuned, or ksm/run 2.")
            )
        case False:
            return Verdict(Severity.INFO, _("off"), _("Equal pages of guests are kept each for itself."))


CHECKS: tuple[Check, ...] = (
    Check(
        "numa",
        "NUMA nodes",
        Role.NODE,
        numa,
        "Each processor has memory of its own and reaches that of others more slowly.",
        Requirement(
            "",
            "the same memory on each node; noted below half of the fullest's",
            "Linux kernel, Documentation/admin-guide/mm/numaperf; the half is Trebol's own",
        ),
    ),
    Check(
        "huge-pages",
        "Huge pages",
        Role.NODE,
        huge_pages,
        "Pages of 2 MiB or 1 GiB that are set aside at boot.",
        Requirement("", "", "Linux kernel, Documentation/admin-guide/mm/hugetlbpage"),
    ),
    Check(
        "ksm",
        "Merging of equal pages (KSM)",
        Role.NODE,
        ksm,
        "Saves memory where many guests run the same system, at the price of processor time and some isolation.",
        Requirement("", "", "Linux kernel, Documentation/admin-guide/mm/ksm"),
    ),
)
