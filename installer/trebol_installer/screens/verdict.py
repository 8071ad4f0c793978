"""The screen of the hardware: what was found, what it means, and what to change."""

from __future__ import annotations

from collections.abc import Iterator

from trebol_common.i18n import _
from trebol_common.tui.page import Element, Gap, Rows
from trebol_hardware.machine import Machine
from trebol_hardware.shown import findings_shown
from trebol_hardware.sizes import show_size
from trebol_installer.screens.facts import Facts


def page(facts: Facts) -> tuple[Element, ...]:
    """Its elements: the machine in a few lines, then the findings, the gravest first, a line each for what passed."""
    if facts.machine is None:
        return facts.instead(_("Looking at processor, memory, disks and network…"))
    return (Rows(tuple(_machine(facts.machine))), Gap(), *findings_shown(facts.findings))


def _machine(machine: Machine) -> Iterator[tuple[str, ...]]:
    yield _("processor"), machine.processor.model or _("unknown")
    yield _("memory"), show_size(machine.memory)
    yield _("disks"), ", ".join(f"{disk.name} {show_size(disk.size)}" for disk in machine.disks) or _("none")
    yield _("network"), ", ".join(nic.name for nic in machine.interfaces) or _("none")
