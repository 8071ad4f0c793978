"""What the worker does for the upkeep of a cluster: see `trebol_node.worker.operations`."""

from __future__ import annotations

from trebol_node.worker.operation import NodeName, Operation


class Diagnose(Operation):
    """What is wrong with the cluster; `alone`: with this node, as it tells the others. A list of
    `trebol_node.cluster.diagnosis.finding.Finding` as JSON."""

    name = "diagnose"
    reads = True
    alone: bool = False


class ReadPacemaker(Operation):
    """What pacemaker says of itself: a `trebol_node.cluster.diagnosis.facts.Pacemaker` as JSON."""

    name = "pacemaker-status"
    reads = True


class SetStandby(Operation):
    """Have pacemaker run nothing on a node, or run things there again. Nothing."""

    name = "pacemaker-standby"
    node: NodeName
    standby: bool


class HoldCluster(Operation):
    """Have pacemaker run nothing at all, and fence nobody for not being seen since a start; or as usual. Nothing."""

    name = "pacemaker-hold"
    held: bool
