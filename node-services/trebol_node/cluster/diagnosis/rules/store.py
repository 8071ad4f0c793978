"""The store: its voters, leader, alarms, size, and its list of members against the records."""

from __future__ import annotations

from collections.abc import Iterator

from trebol_common.i18n import _
from trebol_node.cluster import records as cluster
from trebol_node.cluster.diagnosis.facts import Facts
from trebol_node.cluster.diagnosis.finding import Finding
from trebol_node.cluster.preflight.finding import Severity
from trebol_node.cluster.witness.record import witness
from trebol_node.store.configuration import peer_url
from trebol_node.store.limits import MIB, QUOTA

#: Per cent of the quota from which on its size is spoken of: records are bounded far below, and its history is
#: compacted.
_FULL = 80

#: With the node's own certificates.
_ETCDCTL = "trebol node store etcdctl"

#: How etcd words that it takes nothing more.
_NO_SPACE = "NOSPACE"


def leader(facts: Facts) -> Iterator[Finding]:
    """Without one nothing can be written."""
    if facts.voters and not any(each.leader for each in facts.voters):
        there = sum(not each.problem for each in facts.voters)
        measured = _("the store has no leader: of {count} voters {there} answer").format(
            count=len(facts.voters), there=there
        )
        remedy = _("start the voters that are missing; where they are gone for good: trebol node store recover")
        yield Finding("store-no-leader", Severity.ERROR, "", measured, remedy)


def voters(facts: Facts) -> Iterator[Finding]:
    """Those that do not answer; of a node that is lost this is no news."""
    for each in facts.voters:
        if each.problem and each.node not in facts.lost:
            measured = _("its store does not answer: {reason}").format(reason=each.problem)
            remedy = _("there: systemctl status {unit}").format(unit="trebol-store")
            yield Finding("voter-silent", Severity.ERROR, each.node, measured, remedy)


def alarms(facts: Facts) -> Iterator[Finding]:
    """What etcd itself complains of; a missing leader is told of once for all."""
    for each in facts.voters:
        for error in each.errors:
            if "no leader" in error:
                continue
            full = _NO_SPACE in error
            remedy = (
                _("make room there (df -h), then: {command}").format(command=f"{_ETCDCTL} alarm disarm")
                if full
                else "journalctl -u trebol-store"
            )
            measured = _("its store has an alarm: {alarm}").format(alarm=error)
            yield Finding("store-alarm", Severity.ERROR, each.node, measured, remedy)


def size(facts: Facts) -> Iterator[Finding]:
    """At its quota it takes nothing more."""
    for each in facts.voters:
        if each.size * 100 >= QUOTA * _FULL:
            measured = _("its store's file has {size} MiB, and at most {quota} MiB").format(
                size=each.size // MIB, quota=QUOTA // MIB
            )
            yield Finding(
                "store-size",
                Severity.WARNING,
                each.node,
                measured,
                _("on it: {command}").format(command=f"{_ETCDCTL} defrag"),
            )


def members(facts: Facts) -> Iterator[Finding]:
    """The store's own list and the records say the same, or will in some seconds."""
    if facts.members is None:
        return
    by_url = {url: member for member in facts.members for url in member.peer_urls}
    nodes = {peer_url(each.address): each for each in cluster.members(facts.records)}
    third = witness(facts.records)
    known = {*nodes, *((peer_url(third.address),) if third else ())}
    for url, member in by_url.items():
        if url not in known:
            measured = _("{member} is a member of the store, and no node of the cluster").format(member=member)
            remedy = f"{_ETCDCTL} member remove {member.id:x}"
            yield Finding("store-stranger", Severity.WARNING, str(member), measured, remedy)
    for url, node in nodes.items():
        listed = by_url.get(url)
        votes = listed is not None and not listed.learner
        if votes != node.voter and node.state is cluster.State.MEMBER:
            measured = (
                _("it votes in the store, and the records do not say so")
                if votes
                else _("the records say that it votes in the store, and it does not")
            )
            remedy = _("they follow within seconds; else see trebold where the store leads: journalctl -u trebold")
            yield Finding("voter-unlisted", Severity.WARNING, node.name, measured, remedy)


def versions(facts: Facts) -> Iterator[Finding]:
    """Of the store, on its voters."""
    told = {each.node: each.version for each in facts.voters if each.version}
    if len(set(told.values())) > 1:
        measured = _("the store's versions differ: {versions}").format(versions=pairs(told))
        yield Finding(
            "store-versions", Severity.WARNING, "", measured, _("bring the nodes up to date: trebol node update")
        )


def pairs(values: dict[str, str]) -> str:
    """As people read them: "n1 1, n2 2"."""
    return ", ".join(f"{name} {value}" for name, value in sorted(values.items()))
