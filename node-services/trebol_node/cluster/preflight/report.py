"""Findings before a join as text for people, 80 columns, the gravest first; and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Any

from trebol_common.errors import printable
from trebol_common.i18n import _, counted
from trebol_node.cluster.preflight.facts import Facts
from trebol_node.cluster.preflight.finding import Finding, Severity
from trebol_node.cluster.preflight.findings import stopping

WIDTH = 80

_MARKS = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.INFO: "i"}


def to_text(facts: Facts, findings: Sequence[Finding], forced: Collection[str] = ()) -> str:
    """Findings, the ways as they were measured, and whether the node may join. Ends without a line feed."""
    lines = [line for group in _groups(findings) for line in _group(group, forced)]
    table = list(_table(facts))
    return "\n".join([*lines, *([""] if lines else []), *table, *([""] if table else []), *_end(findings, forced)])


def to_members(facts: Facts, findings: Sequence[Finding], forced: Collection[str] = ()) -> dict[str, Any]:
    """The JSON form: whether it stops, counts, findings, and the facts that they come from."""
    stops = {id(finding) for finding in stopping(findings, forced)}
    return {
        "stops": bool(stops),
        "counts": {severity.value: _count(findings, severity) for severity in Severity},
        "findings": [
            {**finding.to_members(), "stops": id(finding) in stops, "forced": _is_forced(finding, forced)}
            for finding in findings
        ],
        "facts": facts.to_members(),
    }


def _count(findings: Sequence[Finding], severity: Severity) -> int:
    return sum(finding.severity is severity for finding in findings)


def _is_forced(finding: Finding, forced: Collection[str]) -> bool:
    return finding.severity is Severity.ERROR and finding.forceable and finding.code in forced


def _groups(findings: Sequence[Finding]) -> Iterator[list[Finding]]:
    """Those of one code and severity that stand together: what to do is told once where it is the same."""
    for _key, group in groupby(findings, key=lambda finding: (finding.code, finding.severity)):
        yield list(group)


def _group(group: Sequence[Finding], forced: Collection[str]) -> Iterator[str]:
    first = group[0]
    note = f" ({_('forced')})" if _is_forced(first, forced) else ""
    yield from _wrapped(f"{first.code}{note}", f"{_MARKS[first.severity]} ", "    ")
    for finding, following in zip(group, (*group[1:], None), strict=True):
        yield from _wrapped(f"{finding.where}: {finding.what}", "    ", "      ")
        if finding.hint and (following is None or following.hint != finding.hint):
            yield from _wrapped(finding.hint, "      → ", "        ")


def _table(facts: Facts) -> Iterator[str]:
    """A row for each way."""
    rows = [
        (
            f"{path.way.source} → {path.way.target}",
            str(path.way.link),
            f"{path.within(0.5) / 1000:.2f}" if path.round_trips else "–",
            f"{path.within(0.99) / 1000:.2f}" if path.round_trips else "–",
            f"{100 * path.lost / path.sent:.0f}" if path.sent else "–",
            str(path.mtu or "–"),
            "–" if path.offset is None else f"{path.offset / 1000:+.1f}",
        )
        for path in facts.paths
    ]
    if not rows:
        return
    head = (_("way"), _("link"), _("median ms"), _("p99 ms"), _("loss %"), _("MTU"), _("clock ms"))
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = [
            f"{row[0]:<{widths[0]}}",
            *(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        yield printable("  ".join(cells)).rstrip()


def _end(findings: Sequence[Finding], forced: Collection[str]) -> list[str]:
    counts = ", ".join(
        (
            counted("{count} error", "{count} errors", _count(findings, Severity.ERROR)),
            counted("{count} warning", "{count} warnings", _count(findings, Severity.WARNING)),
            counted("{count} note", "{count} notes", _count(findings, Severity.INFO)),
        )
    )
    stops = stopping(findings, forced)
    if not stops:
        return _wrapped(_("The node may join: {counts}.").format(counts=counts), "", "")
    codes = list(dict.fromkeys(finding.code for finding in stops if finding.forceable))
    told = _wrapped(_("The node may not join: {counts}.").format(counts=counts), "", "")
    if codes and all(finding.forceable for finding in stops):
        told += _wrapped(
            _("To join nevertheless: {options}").format(options=" ".join(f"--force {code}" for code in codes)),
            "",
            "  ",
        )
    return told


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    """Long words (addresses, names) stay whole; what other hosts say of themselves does not steer the terminal."""
    return textwrap.wrap(
        printable(text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]
