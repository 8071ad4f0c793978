"""How many votes may be lost."""

from __future__ import annotations

from trebol_common.i18n import _, counted
from trebol_hardware.sizing import sources
from trebol_hardware.sizing.cluster import Cluster
from trebol_hardware.sizing.figure import Figure, Unit


def majority(votes: int) -> int:
    """Votes that decide: more than half."""
    return votes // 2 + 1


def tolerance(votes: int) -> int:
    """Votes that may be lost while the rest still decides."""
    return votes - majority(votes)


def figures(cluster: Cluster) -> list[Figure]:
    """Of monitors, and of nodes: without and, where their number is even, with a QDevice."""
    nodes = len(cluster.servers)
    found = [
        _figure("quorum-monitors", _("Monitors that may fail"), cluster.monitors, sources.CEPH_MONITORS),
        _figure("quorum-nodes", _("Nodes that may fail"), nodes, sources.COROSYNC),
    ]
    if nodes % 2 == 0:
        # The algorithm ffsplit gives one vote to exactly one half.
        title = _("Nodes that may fail, with a QDevice")
        found.append(_figure("quorum-nodes-qdevice", title, nodes + 1, sources.COROSYNC))
    return found


def _figure(code: str, title: str, votes: int, source: str) -> Figure:
    most = majority(votes)
    formula = counted(
        "{count} vote − majority of {majority}", "{count} votes − majority of {majority}", votes, majority=most
    )
    return Figure(code, title, tolerance(votes), Unit.NUMBER, formula, source)
