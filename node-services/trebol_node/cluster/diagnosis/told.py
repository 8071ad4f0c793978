"""What a node found wrong with itself, for the others: `cluster/told/NAME`, {"findings": [Finding, …]}."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trebol_node.cluster import records as cluster
from trebol_node.cluster.diagnosis.finding import Finding
from trebol_node.store.records import Records

TOLD = "cluster/told/"

_FIGURE = re.compile(r"[0-9.]+")

#: Findings of one node that are kept, the gravest.
_MOST = 16


def by(records: Records, node: str) -> tuple[Finding, ...]:
    """What `node` says of itself; nothing where that cannot be read."""
    record = records.get(f"{TOLD}{node}")
    try:
        return tuple(map(Finding.of_members, record.value.get("findings", ()))) if record else ()
    except (TypeError, ValueError, KeyError):
        # Of another version of Trebol, while the nodes are brought up to date.
        return ()


def say(records: Records, node: str, found: Sequence[Finding]) -> None:
    """Write it, where it is not as it was: figures alone, which change each time, are no news. Raises as `put`."""

    def changed(before: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        if _kinds(found) == _kinds(by(records, node)):
            return before
        return {"findings": [each.to_members() for each in found[:_MOST]]} if found else None

    # A node that was removed has nothing to say in the cluster's records.
    if records.quorate and records.get(f"{cluster.NODES}{node}") is not None:
        cluster.edit(records, f"{TOLD}{node}", changed)


def _kinds(findings: Iterable[Finding]) -> set[tuple[str, ...]]:
    return {(each.code, each.severity.value, each.remedy, _FIGURE.sub("", each.measured)) for each in findings}
