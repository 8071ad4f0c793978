"""What the worker does for a node's other name: see `trebol_node.worker.operations`."""

from __future__ import annotations

from trebol_node.worker.operation import NodeName, Operation


class RenameNode(Operation):
    """Give this node of a cluster another host name; its domain stays. A UPID."""

    name = "cluster-rename"
    new: NodeName


class TellName(Operation):
    """Have pacemaker know a node that is off, known as `old`, by `new`. Nothing."""

    name = "pacemaker-rename"
    old: NodeName
    new: NodeName
