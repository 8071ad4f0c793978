"""What the facts mean. Pure: facts in, findings out, the gravest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from trebol_common.errors import TrebolError
from trebol_common.i18n import _
from trebol_node.cluster.diagnosis.facts import Facts
from trebol_node.cluster.diagnosis.finding import Finding, sorted_by_gravity
from trebol_node.cluster.diagnosis.rules import membership, node, records, resources, sources, store
from trebol_node.cluster.preflight.finding import Severity

Rule = Callable[[Facts], Iterator[Finding]]

#: About one node, by what it knows itself.
OWN: Sequence[Rule] = (node.units, node.clock, node.certificates, node.cut_off)

RULES: Sequence[Rule] = (
    sources.silent,
    membership.quorum,
    membership.nodes,
    membership.links,
    membership.configuration,
    resources.nodes,
    resources.failures,
    store.leader,
    store.voters,
    store.alarms,
    store.size,
    store.members,
    *OWN,
    records.daemons,
    records.others,
    records.on_their_way,
    records.kept_out,
    resources.unproven,
    records.versions,
    store.versions,
    records.old_tokens,
)


def evaluate(facts: Facts) -> tuple[Finding, ...]:
    """All findings."""
    return sorted_by_gravity(finding for rule in RULES for finding in _found(rule, facts))


def of_itself(facts: Facts) -> tuple[Finding, ...]:
    """What a node says of itself to the others."""
    return sorted_by_gravity(finding for rule in OWN for finding in _found(rule, facts))


def _found(rule: Rule, facts: Facts) -> Iterator[Finding]:
    """What a rule finds; a record that it cannot read is a finding, and keeps no other rule from looking."""
    try:
        yield from rule(facts)
    except TrebolError as error:
        problem = error.problems[0]
        remedy = _("of a newer version? then: trebol cluster update")
        yield Finding("record-unreadable", Severity.WARNING, problem.where, problem.what, remedy)
