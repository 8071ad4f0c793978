"""Hardware as elements of screens: what the checks found, and an interface to choose. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from trebol_common.i18n import _, counted
from trebol_common.tui.page import Element, Gap, Rows, Text, Tone
from trebol_hardware.checks.finding import WORD_WIDTH, Finding, Severity
from trebol_hardware.machine import NetworkInterface

TONES = {
    Severity.FAIL: Tone.BAD,
    Severity.WARN: Tone.WARN,
    Severity.UNKNOWN: Tone.WARN,
    Severity.INFO: Tone.DIM,
    Severity.PASS: Tone.GOOD,
}


def findings_shown(findings: Sequence[Finding]) -> tuple[Element, ...]:
    """What the checks say: in a line, then the findings, the gravest first, a line each for what passed."""
    shown = [finding for finding in findings if not finding.muted]
    grave = [finding for finding in shown if finding.severity.rank > Severity.INFO.rank]
    fine = [finding for finding in shown if finding.severity is Severity.PASS]
    return (
        _headline(grave),
        *(element for finding in sorted(grave, key=lambda each: -each.severity.rank) for element in _told(finding)),
        *_passed(fine),
    )


def interface_line(nic: NetworkInterface) -> str:
    """What tells an interface from the others: name, address, link, speed, driver."""
    link = {True: _("link"), False: _("no link"), None: _("link unknown")}[nic.carrier]
    speed = f"{nic.speed} Mbit/s" if nic.speed and nic.carrier else ""
    return "  ".join(filter(None, (nic.name, nic.mac, link, speed, nic.driver)))


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
