"""The gravest of what the hardware checks found, from the file that trebol-checks.service writes. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trebol_hardware.checks.finding import Severity


@dataclass(frozen=True)
class Hardware:
    """The gravest finding, its code and title in the language in which it was written, and how many of its severity
    there are. PASS has neither code nor title."""

    severity: Severity
    code: str = ""
    title: str = ""
    count: int = 0


def gravest(text: str) -> Hardware | None:
    """From the JSON of `trebol check --json`; None where it is not such a text. What is muted does not count."""
    try:
        report = json.loads(text)
        findings = [_read(member) for member in report["findings"] if not member["muted"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    told = [finding for finding in findings if finding.severity is not Severity.PASS]
    if not told:
        return Hardware(Severity.PASS)
    worst = max(told, key=lambda finding: finding.severity.rank)
    count = sum(finding.severity is worst.severity for finding in told)
    return Hardware(worst.severity, worst.code, worst.title, count)


def _read(member: Mapping[str, Any]) -> Hardware:
    return Hardware(Severity(member["severity"]), str(member["code"]), str(member["title"]))
