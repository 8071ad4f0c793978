"""Pacemaker: its nodes, and what failed; fencing, and whether it is proven."""

from __future__ import annotations

from collections.abc import Iterator

from trebol_common.errors import BadInput
from trebol_common.i18n import _
from trebol_node.cluster import records as cluster
from trebol_node.cluster.diagnosis.facts import Facts
from trebol_node.cluster.diagnosis.finding import Finding
from trebol_node.cluster.maintenance.records import all_of
from trebol_node.cluster.power.records import current
from trebol_node.cluster.preflight.finding import Severity
from trebol_node.fencing.state import Path, states


def nodes(facts: Facts) -> Iterator[Finding]:
    """Nodes that corosync sees, and that pacemaker runs nothing on."""
    if facts.pacemaker is None:
        return
    kept = {each.node for each in all_of(facts.records)}
    if not facts.pacemaker.leads:
        measured = _("no node coordinates the others")
        yield Finding("pacemaker-leaderless", Severity.ERROR, "", measured, "journalctl -u pacemaker")
    if facts.pacemaker.stopped and current(facts.records) is None:
        measured = _("pacemaker is told to run nothing at all, and no shutdown of the cluster says why")
        yield Finding("held", Severity.ERROR, "", measured, "trebol cluster start")
    for node in facts.pacemaker.nodes:
        if node.unclean:
            measured = _("it is to be fenced, and is not yet: nothing of it is taken over until then")
            remedy = f"trebol fence list; trebol fence test {node.name}"
            yield Finding("node-unclean", Severity.ERROR, node.name, measured, remedy)
        elif not node.online and node.name in facts.there:
            measured = _("corosync sees it, and pacemaker does not run there")
            yield Finding("pacemaker-offline", Severity.ERROR, node.name, measured, _there("pacemaker"))
        elif node.pending:
            measured = _("pacemaker has begun there, and is not ready to run anything")
            yield Finding("pacemaker-pending", Severity.ERROR, node.name, measured, _there("pacemaker"))
        elif (node.standby or node.maintenance) and node.name not in kept:
            measured = _("pacemaker runs nothing there (standby), and no maintenance says why")
            remedy = f"trebol node maintenance {node.name} off"
            yield Finding("node-standby", Severity.WARNING, node.name, measured, remedy)


def _there(unit: str) -> str:
    return _("there: systemctl status {unit}").format(unit=unit)


def failures(facts: Facts) -> Iterator[Finding]:
    """Attempts to fence, and other actions, that failed."""
    if facts.pacemaker is None:
        return
    for each in facts.pacemaker.fencing:
        measured = _("its fencing ({action}, from {origin}) failed: {reason}").format(
            action=each.action, origin=each.origin or "?", reason=each.reason or _("no reason is told")
        )
        remedy = f"trebol fence test {each.target}; stonith_admin --cleanup --history={each.target}"
        yield Finding("fencing-failed", Severity.ERROR, each.target, measured, remedy)
    for failed in facts.pacemaker.actions:
        measured = _("{resource} failed: {reason}").format(resource=failed.resource, reason=failed.reason)
        remedy = f"crm_resource --cleanup --resource {failed.resource}"
        yield Finding("resource-failed", Severity.WARNING, failed.node, measured, remedy)


def unproven(facts: Facts) -> Iterator[Finding]:
    """Nodes that cannot be fenced, as far as is known: HA stays off."""
    if len(cluster.members(facts.records)) < 2:
        return
    words = {
        Path.NONE: (_("it has no fence device: HA stays off"), "trebol fence add {node} --agent AGENT …"),
        Path.UNTESTED: (_("its fence devices were never tested: HA stays off"), "trebol fence test {node}"),
        Path.CHANGED: (
            _("its fence devices have changed since their test: HA stays off"),
            "trebol fence test {node}",
        ),
        Path.FAILED: (_("its fence devices failed their last test: HA stays off"), "trebol fence test {node}"),
    }
    try:
        found = states(facts.records)
    except BadInput as error:
        yield Finding("fencing-records", Severity.ERROR, "", str(error.problems[0].what), "trebol fence list")
        return
    for each in found:
        if (told := words.get(each.path)) is not None:
            measured, remedy = told
            yield Finding("fencing-unproven", Severity.WARNING, each.node, measured, remedy.format(node=each.node))
