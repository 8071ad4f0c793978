"""Changing corosync's links: a task of any member (`trebol_node.cluster.relink`)."""

from __future__ import annotations

from trebol_node.cluster import relink
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.relink import Relink
from trebol_node.cluster.steps import disk, engine
from trebol_node.tasks import Upid
from trebol_node.tasks.inside import Log
from trebol_node.worker.cluster import stores
from trebol_node.worker.context import Context, Machine
from trebol_node.worker.link_operations import SetLink

TYPE = "clusterlink"


def set_link(operation: SetLink, context: Context, who: str) -> str:
    """See `SetLink`."""
    return str(context.start(TYPE, str(operation.link), who, operation))


def run_set_link(operation: SetLink, machine: Machine, upid: Upid, log: Log) -> None:
    """The task of `set_link`. Raises what stands against it before anything has begun."""
    here = Here(machine.root, machine.runner)
    with stores() as open_store:
        change = Relink(here, open_store)
        engine.start(
            here.at(disk.FOLDER),
            relink.KIND,
            change.steps(),
            arguments=change.prepared(operation.link, operation.addresses, operation.priority),
            secrets={},
            say=log.say,
        )
