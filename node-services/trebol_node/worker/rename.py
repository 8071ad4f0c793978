"""Renaming this node of a cluster: a task (`trebol_node.cluster.rename`); and what pacemaker is told of another."""

from __future__ import annotations

from trebol_node.cluster import rename
from trebol_node.cluster.here import pacemaker_names
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.leave import Open
from trebol_node.cluster.rename import Rename
from trebol_node.cluster.steps import disk, engine
from trebol_node.system.names import full_name
from trebol_node.tasks import Upid
from trebol_node.tasks.inside import Log
from trebol_node.worker import hostname
from trebol_node.worker.cluster import stores
from trebol_node.worker.context import Context, Machine
from trebol_node.worker.node import HOSTS
from trebol_node.worker.rename_operations import RenameNode, TellName

TYPE = "clusterrename"


def rename_node(operation: RenameNode, context: Context, who: str) -> str:
    """See `RenameNode`."""
    return str(context.start(TYPE, operation.new, who, operation))


def tell_name(operation: TellName, context: Context, who: str) -> None:
    """See `TellName`."""
    pacemaker_names.rename(context.machine.runner, operation.old, operation.new)


def run_rename(operation: RenameNode, machine: Machine, upid: Upid, log: Log) -> None:
    """The task of `rename_node`. Raises what stands against it before anything has begun."""
    here = Here(machine.root, machine.runner)
    before = full_name(here.name, machine.text(HOSTS), machine.text(hostname.SETTINGS))
    _label, dot, domain = before.partition(".")
    fqdn = f"{operation.new}{dot}{domain}"
    hostname.changes(machine, fqdn)
    with stores() as open_store:
        change = transaction(machine, open_store)
        engine.start(
            here.at(disk.FOLDER),
            rename.KIND,
            change.steps(),
            arguments=change.prepared(operation.new, fqdn, before),
            secrets={},
            say=log.say,
        )


def transaction(machine: Machine, open_store: Open) -> Rename:
    """Its steps on this node; that nobody else has the name was looked at before the first."""
    here = Here(machine.root, machine.runner)
    return Rename(here, open_store, lambda fqdn: hostname.change(machine, fqdn, begun=True))
