"""Findings as text for people: 80 columns, the gravest first, with reason and remedy; and as JSON."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trebol_common.errors import printable
from trebol_common.i18n import _, counted
from trebol_hardware.checks.finding import Detail, Finding, Requirement, Severity
from trebol_hardware.checks.registry import Check, Role, gravest

WIDTH = 80

#: Marks that each severity is known by, the gravest first, and those for terminals that have ASCII only.
MARKS: Mapping[Severity, tuple[str, str]] = {
    Severity.FAIL: ("✗", "X"),
    Severity.WARN: ("!", "!"),
    Severity.UNKNOWN: ("?", "?"),
    Severity.INFO: ("i", "i"),
    Severity.PASS: ("✓", "+"),
}

_TO_ASCII = str.maketrans(
    {"→": "->", "…": "...", "“": '"', "”": '"', "’": "'", "–": "-", "—": "-", "×": "x", "≥": ">=", "°": ""}
)

#: The web address of a document, in brackets after its name; `trebol check explain` shows it.
_ADDRESS = re.compile(r" \((?:[a-z0-9-]+\.)+[a-z]+(?:/[^()\s]*)?\)")


def render(findings: Sequence[Finding], *, ascii_only: bool = False) -> str:
    """The findings, the gravest first and muted ones last, and a line that counts them. Ends without a line feed."""
    layout = _Layout(ascii_only)
    ordered = sorted(findings, key=lambda finding: (finding.muted, -finding.severity.rank))
    lines = [line for finding in ordered for line in layout.finding(finding)]
    return "\n".join([*lines, "", *layout.wrapped(_counts(findings), "")])


def render_check(check: Check, *, ascii_only: bool = False) -> str:
    """What a check looks at, and why."""
    layout = _Layout(ascii_only)
    requirement = check.requirement.localised()
    pairs = (
        (_("applies to"), check.role.value),
        (_("required"), requirement.minimum),
        (_("recommended"), requirement.recommended),
        (_("source"), requirement.source),
    )
    known = [line for name, text in pairs if text for line in layout.labelled(name, text, "")]
    title = layout.wrapped(f"{check.code}: {_(check.title)}", "")
    return "\n".join([*title, "", *layout.wrapped(_(check.explanation), ""), "", *known])


def to_members(findings: Sequence[Finding], role: Role) -> dict[str, Any]:
    """The JSON form: role, gravest severity that is not muted, how many there are of each, and the findings."""
    return {
        "role": role.value,
        "gravest": gravest(findings).value,
        "counts": {severity.value: count for severity, count in count_severities(findings).items()},
        "muted": sum(finding.muted for finding in findings),
        "findings": [finding.to_members() for finding in findings],
    }


def count_severities(findings: Sequence[Finding]) -> dict[Severity, int]:
    """How many findings that are not muted there are of each severity, the gravest first."""
    return {
        severity: sum(finding.severity is severity and not finding.muted for finding in findings)
        for severity in MARKS
    }


def _who_says_so(requirement: Requirement) -> str:
    """Where what is asked for comes from, without addresses; empty where nothing is asked for."""
    asked = requirement.minimum or requirement.recommended
    return _ADDRESS.sub("", requirement.source) if asked else ""


def _counts(findings: Sequence[Finding]) -> str:
    of = count_severities(findings)
    parts = [
        counted("{count} failed", "{count} failed", of[Severity.FAIL]),
        counted("{count} warning", "{count} warnings", of[Severity.WARN]),
        counted("{count} unknown", "{count} unknown", of[Severity.UNKNOWN]),
        counted("{count} note", "{count} notes", of[Severity.INFO]),
        counted("{count} passed", "{count} passed", of[Severity.PASS]),
    ]
    if muted := sum(finding.muted for finding in findings):
        parts.append(counted("{count} muted", "{count} muted", muted))
    return counted("{count} check: {parts}", "{count} checks: {parts}", len(findings), parts=", ".join(parts))


@dataclass(frozen=True)
class _Layout:
    """Lines of at most WIDTH for a terminal that may have ASCII only."""

    ascii_only: bool

    def finding(self, finding: Finding) -> Iterator[str]:
        """A line for what passes or is muted, else a paragraph."""
        mark = MARKS[finding.severity][self.ascii_only]
        head = f"{finding.code}  {finding.title}"
        if finding.muted:
            yield from self.wrapped(f"{head} ({_('muted')})", f"{mark} ", "    ")
            return
        if finding.severity is Severity.PASS:
            yield from self.wrapped(f"{head}: {finding.measured}" if finding.measured else head, f"{mark} ", "    ")
            return
        yield from self.wrapped(head, f"{mark} ", "    ")
        for name, text in (
            (_("measured"), finding.measured),
            (_("required"), finding.requirement.minimum),
            (_("recommended"), finding.requirement.recommended),
            (_("source"), _who_says_so(finding.requirement)),
            (_("why"), finding.reason),
            (_("remedy"), finding.remedy),
        ):
            if text:
                yield from self.labelled(name, text, "    ")
        for detail in finding.details:
            yield from self.detail(detail, finding)

    def detail(self, detail: Detail, finding: Finding) -> Iterator[str]:
        """A device's share, without the words that the finding has said already."""
        if detail.severity is Severity.PASS:
            return
        said = (finding.reason, finding.remedy)
        words = [text for text in (detail.measured, detail.reason, detail.remedy) if text]
        rest = [text for text in words if not any(text in sentence for sentence in said)]
        if detail.subject in finding.reason and all(text in finding.measured for text in rest):
            return
        text = f"{detail.subject}: {'; '.join(rest)}" if rest else detail.subject
        yield from self.wrapped(text, f"      {MARKS[detail.severity][self.ascii_only]} ", "        ")

    def labelled(self, name: str, text: str, indent: str) -> list[str]:
        """`text` beside its `name`."""
        return self.wrapped(text, f"{indent}{name:<12} ", f"{indent}{'':<12} ")

    def wrapped(self, text: str, first: str, rest: str = "") -> list[str]:
        """Long words (paths, by-id names) stay whole, so that they can be copied. Firmware's control characters are
        shown, never sent."""
        shown = printable(text)
        if self.ascii_only:
            shown = shown.translate(_TO_ASCII)
        lines = textwrap.wrap(
            shown, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
        )
        return lines or [first.rstrip()]
