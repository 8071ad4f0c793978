"""What the records say: nodes on their way, maintenance, tokens, versions; and what others say of themselves."""

from __future__ import annotations

from collections.abc import Iterator

from trebol_common.i18n import _
from trebol_node.cluster import records as cluster
from trebol_node.cluster.diagnosis import told
from trebol_node.cluster.diagnosis.facts import Facts
from trebol_node.cluster.diagnosis.finding import Finding
from trebol_node.cluster.diagnosis.rules.store import pairs
from trebol_node.cluster.maintenance.records import all_of
from trebol_node.cluster.power.records import current
from trebol_node.cluster.preflight.finding import Severity
from trebol_node.cluster.tokens.keeping import tokens

#: Seconds after which a token that still lets somebody in was most likely forgotten.
OLD = 7 * 86_400

#: Days before its end from which on a certificate is spoken of, and from which on it is grave.
_SOON, _GRAVE = 30, 7


def on_their_way(facts: Facts) -> Iterator[Finding]:
    """Nodes that have joined or left by halves."""
    for member in cluster.members(facts.records):
        name = member.name
        if member.state is cluster.State.JOINING:
            remedy = _(
                "wait; cut off, there: trebol cluster join --resume or --abort; gone: trebol cluster remove {name}"
            )
            measured = _("it joins, and is no whole member yet")
            yield Finding("node-joining", Severity.WARNING, name, measured, remedy.format(name=name))
        elif member.state is cluster.State.LEAVING:
            remedy = _(
                "cut off? there: trebol cluster leave --resume or --abort; else: trebol cluster remove {name} --dead"
            )
            measured = _("it leaves, and is not gone yet")
            yield Finding("node-leaving", Severity.WARNING, name, measured, remedy.format(name=name))
    if cluster.is_foreign(facts.records, facts.node):
        measured = _("this node was removed from the cluster")
        yield Finding("removed", Severity.ERROR, facts.node, measured, "trebol cluster leave --forced")


def kept_out(facts: Facts) -> Iterator[Finding]:
    """Nodes in maintenance, and a cluster that was shut down and is not started yet."""
    for each in all_of(facts.records):
        measured = _("in maintenance since {since}, by {who}").format(since=each.since, who=each.who)
        if each.why:
            measured += f": {each.why}"
        remedy = f"trebol node maintenance {each.node} off"
        yield Finding("maintenance", Severity.INFO, each.node, measured, remedy)
    held = current(facts.records)
    if held is not None:
        measured = _("shut down in order by {who}, at {since}; nothing is run until it is started").format(
            who=held.who, since=held.since
        )
        yield Finding("held", Severity.WARNING, "", measured, "trebol cluster start")


def old_tokens(facts: Facts) -> Iterator[Finding]:
    """Tokens that let somebody in since long."""
    for ident, token in sorted(tokens(facts.records).items()):
        days = (facts.now - token.when) / 86_400
        if token.used_by is None and not token.is_over(int(facts.now)) and facts.now - token.when > OLD:
            measured = _("the token {id} is {days:.0f} days old, and still lets a node in").format(
                id=ident, days=days
            )
            yield Finding(
                "token-old", Severity.WARNING, token.made_by, measured, f"trebol cluster token delete {ident}"
            )


def versions(facts: Facts) -> Iterator[Finding]:
    """Of Trebol, on all nodes."""
    names = {each.name for each in cluster.members(facts.records)}
    found = {
        each.key.removeprefix("nodes/"): str(each.value.get("version", "?")) for each in facts.records.below("nodes/")
    }
    told_of = {name: version for name, version in found.items() if name in names}
    if len(set(told_of.values())) > 1:
        measured = _("versions of Trebol differ: {versions}").format(versions=pairs(told_of))
        yield Finding(
            "versions-differ", Severity.WARNING, "", measured, _("bring the nodes up to date: trebol node update")
        )


def daemons(facts: Facts) -> Iterator[Finding]:
    """The APIs of the other nodes, as this one reaches them; of a node that is lost it is no news."""
    for each in facts.daemons:
        if each.node in facts.lost:
            continue
        if each.problem:
            measured = _("its API does not answer {node}: {reason}").format(node=facts.node, reason=each.problem)
            remedy = _("there: systemctl status {unit}").format(unit="trebold")
            yield Finding("api-silent", Severity.ERROR, each.node, measured, remedy)
        elif each.days is not None and each.days < _SOON:
            measured = _("the certificate of its API ends in {days} days").format(days=each.days)
            severity = Severity.ERROR if each.days < _GRAVE else Severity.WARNING
            yield Finding("certificate-ends", severity, each.node, measured, _("put a new one in its place"))


def others(facts: Facts) -> Iterator[Finding]:
    """What nodes that are there found wrong with themselves."""
    for name in sorted(facts.there - {facts.node}):
        yield from told.by(facts.records, name)
