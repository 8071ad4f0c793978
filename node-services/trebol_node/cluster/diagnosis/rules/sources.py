"""Sources that do not answer: what they would have told is not known."""

from __future__ import annotations

from collections.abc import Iterator

from trebol_common.i18n import _
from trebol_node.cluster.diagnosis.facts import Facts, Source
from trebol_node.cluster.diagnosis.finding import Finding
from trebol_node.cluster.preflight.finding import Severity

#: Without these nobody knows how the cluster is; the others are about one node.
_GRAVE = frozenset({Source.RECORDS, Source.COROSYNC, Source.PACEMAKER, Source.UNITS})


def silent(facts: Facts) -> Iterator[Finding]:
    """Each that did not answer. The store's list of members is the voters' to tell of, where they are silent too."""
    for source, reason in facts.silent.items():
        if source is Source.MEMBERS and not any(each.leader for each in facts.voters):
            continue
        yield Finding(
            code=f"{source.value}-silent",
            severity=Severity.ERROR if source in _GRAVE else Severity.WARNING,
            where=facts.node,
            measured=_("{source} says nothing: {reason}").format(source=source.value, reason=reason),
            remedy=_remedy(source),
        )


def _remedy(source: Source) -> str:
    match source:
        case Source.COROSYNC | Source.PACEMAKER:
            return f"systemctl status {source.value}; journalctl -u {source.value}"
        case Source.RECORDS:
            return "systemctl status trebold; journalctl -u trebold"
        case Source.MEMBERS:
            return "trebol node store status"
        case Source.UNITS:
            return "systemctl is-system-running"
        case Source.JOURNAL:
            return "trebol node tasks"
        case Source.CLOCK:
            return "chronyc tracking"
        case Source.CERTIFICATES:
            return "trebol node keys"
