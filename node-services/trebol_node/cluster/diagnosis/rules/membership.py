"""Corosync: quorum, nodes, links, and whether all have the same configuration."""

from __future__ import annotations

from collections.abc import Iterator

from trebol_common.i18n import _
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.quorum import margins
from trebol_node.cluster.diagnosis.facts import Facts
from trebol_node.cluster.diagnosis.finding import Finding
from trebol_node.cluster.preflight.finding import Severity


def quorum(facts: Facts) -> Iterator[Finding]:
    """Whether the nodes may run anything, and how many of them may still be lost."""
    seen, totem = facts.membership, cluster.totem(facts.records)
    if seen is None or totem is None:
        return
    if not seen.quorate:
        measured = _("no quorum: {votes} of {expected} votes are there, {needed} are needed").format(
            votes=seen.votes, expected=seen.expected_votes, needed=seen.needed
        )
        if seen.waits:
            measured += _("; all nodes have to be there once after a start")
        remedy = _("start the nodes that are missing; see their network")
        yield Finding("no-quorum", Severity.ERROR, "", measured, remedy)
        return
    there = facts.there & {each.name for each in totem.nodes}
    spare = margins(totem, there, device_online=seen.device_votes is not None).nodes
    if spare == 0 and len(totem.nodes) > 1:
        measured = _("quorate, but without one node more there would be no quorum")
        if facts.lost:
            remedy = _("bring back the nodes that are missing")
        elif totem.device is not None:
            remedy = _("the witness does not vote: see trebol-witness status there")
        else:
            remedy = _("two nodes bear no loss without a third vote: trebol cluster witness add ADDRESS")
        yield Finding("quorum-thin", Severity.WARNING, "", measured, remedy)


def nodes(facts: Facts) -> Iterator[Finding]:
    """Nodes that corosync does not see."""
    for name in sorted(facts.lost):
        yield Finding(
            "node-lost",
            Severity.ERROR,
            name,
            _("corosync does not see it from {node}").format(node=facts.node),
            _(
                "is it on, and its network? there: systemctl status corosync; "
                "dead: trebol cluster remove {name} --dead"
            ).format(name=name),
        )


def links(facts: Facts) -> Iterator[Finding]:
    """Links to nodes that are there: one of several that is down leaves no spare."""
    if facts.membership is None:
        return
    for member in facts.membership.members:
        if not member.joined:
            continue
        down = [link for link, connected in sorted(member.links.items()) if not connected]
        for link in down:
            yield Finding(
                "link-down",
                Severity.ERROR if len(down) == len(member.links) else Severity.WARNING,
                f"{facts.node} - {member.name}",
                _("link {link}: no packets come through").format(link=link),
                _("see cable, switch and MTU of that network: corosync-cfgtool -s"),
            )


def configuration(facts: Facts) -> Iterator[Finding]:
    """One text on all members, loaded by corosync."""
    totem = cluster.totem(facts.records)
    if totem is None:
        return
    having = cluster.having(facts.records, totem.digest)
    there = facts.there or {facts.node}
    remedy = "systemctl status trebold trebol-worker; journalctl -u trebold"
    for node in totem.nodes:
        differs = facts.digest != totem.digest if node.name == facts.node else node.name not in having
        if differs and node.name in there:
            measured = _("its corosync.conf is not the cluster's version {version}").format(version=totem.version)
            yield Finding("configuration-differs", Severity.ERROR, node.name, measured, remedy)
    seen = facts.membership
    if seen is not None and seen.version < totem.version:
        measured = _("corosync runs with version {old} of its configuration, and the cluster has {new}").format(
            old=seen.version, new=totem.version
        )
        yield Finding("configuration-not-loaded", Severity.WARNING, facts.node, measured, "corosync-cfgtool -R")
