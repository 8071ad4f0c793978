"""Findings as text for people, 80 columns, and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from trebol_common.errors import printable
from trebol_common.i18n import _
from trebol_node.cluster.diagnosis.finding import Finding
from trebol_node.cluster.preflight.finding import Severity

WIDTH = 80

_MARKS = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.INFO: "i"}


def to_text(findings: Sequence[Finding]) -> str:
    """Ends without a line feed."""
    if not findings:
        return _("nothing is wrong")
    return "\n".join(line for finding in findings for line in _lines(finding))


def to_members(findings: Sequence[Finding]) -> dict[str, Any]:
    """The JSON form: `worst` is a severity, "" of none."""
    return {
        "worst": findings[0].severity.value if findings else "",
        "findings": [each.to_members() for each in findings],
    }


def _lines(finding: Finding) -> Iterator[str]:
    where = f"{finding.where}: " if finding.where else ""
    head = f"{_MARKS[finding.severity]} "
    yield from _wrapped(f"{where}{finding.measured} [{finding.code}]", head, "  ")
    if finding.remedy:
        yield from _wrapped(finding.remedy, "  → ", "    ")


def _wrapped(text: str, first: str, other: str) -> list[str]:
    return textwrap.wrap(
        printable(text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=other,
        break_long_words=False,
        break_on_hyphens=False,
    )
