"""The screen of the hardware: what was found, what it means, and what to change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from trebol_common.i18n import _, counted
from trebol_common.tui.page import Element, Gap, Rows, Text, Tone
from trebol_hardware.checks.finding import WORD_WIDTH, Finding, Severity
from trebol_hardware.machine import Machine
from trebol_hardware.sizes import show_size
from trebol_installer.screens.facts import Facts

TONES = {
    Severity.FAIL: Tone.BAD,
    Severity.WARN: Tone.WARN,
    Severity.UNKNOWN: Tone.WARN,
    Severity.INFO: Tone.DIM,
    Severity.PASS: Tone.GOOD,
}


def page(facts: Facts) -> tuple[Element, ...]:
    """Its elements: the machine in a few lines, then the findings, the gravest first, a line each for what passed."""
    if facts.machine is None:
        return facts.instead(_("Looking at processor, memory, disks and network…"))
    shown = [finding for finding in facts.findings if not finding.muted]
    grave = [finding for finding in shown if finding.severity.rank > Severity.INFO.rank]
    fine = [finding for finding in shown if finding.severity is Severity.PASS]
    return (
        Rows(tuple(_machine(facts.machine))),
        Gap(),
        _headline(grave),
        *(element for finding in sorted(grave, key=lambda each: -each.severity.rank) for element in _told(finding)),
        *_passed(fine),
    )


def _machine(machine: Machine) -> Iterator[tuple[str, ...]]:
    yield _("processor"), machine.processor.model or _("unknown")
    yield _("memory"), show_size(machine.memory)
    yield _("disks"), ", ".join(f"{disk.name} {show_size(disk.size)}" for disk in machine.disks) or _("none")
    yield _("network"), ", ".join(nic.name for nic in machine.interfaces) or _("none")


def _headline(grave: Sequence[Finding]) -> Text:
    failed = sum(finding.severity is Severity.FAIL for finding in grave)
    if failed:
        text = counted("{count} thing does not do for a node:", "{count} things do not do for a node:", failed)
        return Text(text, Tone.BAD)
    if grave:
        return Text(_("This machine can be a node. What to know of it:"), Tone.WARN)
    return Text(_("This machine can be a node."), Tone.GOOD)


def _told(finding: Finding) -> Iterator[Element]:
    measured = f": {finding.measured}" if finding.measured else ""
    yield Gap()
    yield Text(f"{finding.title}{measured}", TONES[finding.severity], finding.severity.word.ljust(WORD_WIDTH))
    for text in filter(None, (finding.reason, finding.remedy)):
        yield Text(text, mark=" " * WORD_WIDTH)


def _passed(fine: Iterable[Finding]) -> Iterator[Element]:
    rows = [(f"{finding.title}", finding.measured) for finding in fine]
    if rows:
        yield Gap()
        yield Text(counted("{count} check passed:", "{count} checks passed:", len(rows)), Tone.GOOD)
        yield Rows(tuple(rows), Tone.DIM)
