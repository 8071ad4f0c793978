"""Measurements as text and JSON: figures, then findings in the form of all checks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trebol_common.i18n import _
from trebol_hardware.checks.finding import WORD_WIDTH, Finding, Severity, worst

FORMAT = 1


def to_json(figures: Mapping[str, Any], findings: Sequence[Finding]) -> str:
    """{"format", "figures": {…}, "findings": […]}."""
    members = {
        "format": FORMAT,
        "figures": dict(figures),
        "findings": [finding.to_members() for finding in findings],
    }
    return json.dumps(members, indent=2, ensure_ascii=False) + "\n"


def to_text(figures: Sequence[tuple[str, str]], findings: Sequence[Finding]) -> str:
    """A table of titles and values, then each finding with what is asked for."""
    return "\n".join(_lines(figures, findings)) + "\n"


def status(findings: Sequence[Finding]) -> int:
    """The exit status of `trebol check`: 1 when a finding is FAIL."""
    return int(worst(finding.severity for finding in findings if not finding.muted) is Severity.FAIL)


def _lines(figures: Sequence[tuple[str, str]], findings: Sequence[Finding]) -> Iterator[str]:
    width = max((len(title) for title, _value in figures), default=0)
    for title, value in figures:
        yield f"{title:<{width}}  {value}"
    for finding in findings:
        yield ""
        measured = f": {finding.measured}" if finding.measured else ""
        yield f"{finding.severity.word:<{WORD_WIDTH}} {finding.title}{measured}"
        asked = finding.requirement
        if asked.minimum:
            yield "        " + _("required: {what}").format(what=asked.minimum)
        if asked.recommended:
            yield "        " + _("recommended: {what}").format(what=asked.recommended)
        if asked.source:
            yield "        " + _("source: {what}").format(what=asked.source)
        if finding.reason:
            yield f"        {finding.reason}"
        if finding.remedy:
            yield f"        → {finding.remedy}"
