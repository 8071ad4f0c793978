"""The node's part in the cluster's store: where it is reached, and whether there is one here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trebol_common.errors import BadInput, Refused
from trebol_node.cluster.corosync.parse import describes_cluster, read_back
from trebol_node.cluster.here import store
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.steps import disk
from trebol_node.cluster.witness.record import STORE_NAME
from trebol_node.worker.cluster_operations import LearnStore, LeaveStore, ReachStore
from trebol_node.worker.context import Context, Machine
from trebol_node.worker.corosync import CONFIGURATION


def reach_store(operation: ReachStore, context: Context, who: str) -> None:
    """See `ReachStore`. Raises BadInput for what is no node of the cluster, Refused without one."""
    here = _here(context.machine)
    store.reach_at(here, here.name, _addresses(context.machine, operation.voters))


def learn_store(operation: LearnStore, context: Context, who: str) -> None:
    """See `LearnStore`. Raises as `reach_store` does."""
    here = _here(context.machine)
    voters = _addresses(context.machine, [*operation.voters, here.name])
    if operation.witness:
        voters[STORE_NAME] = operation.witness
    store.learn(here, here.name, voters, operation.member)


def leave_store(operation: LeaveStore, context: Context, who: str) -> None:
    """See `LeaveStore`. Refused for a node that stands alone: its store is all that it has."""
    here = _here(context.machine)
    _addresses(context.machine, [here.name])
    store.abstain(here)


def _here(machine: Machine) -> Here:
    """Raises Refused while the node enters a cluster or leaves one: that does the same, step by step."""
    found = Here(machine.root, machine.runner)
    folder: Path = found.at(disk.FOLDER)
    under_way = disk.look(folder)
    if under_way is not None:
        raise Refused(f"a {under_way.kind} is under way", where="this node", hint="wait for its task to end")
    return found


def _addresses(machine: Machine, names: Sequence[str]) -> dict[str, str]:
    """Addresses of link 0, by name. Whoever asks names nodes of the cluster and nothing else."""
    text = machine.text(CONFIGURATION)
    if not describes_cluster(text):
        raise Refused("is of no cluster", where="this node")
    known = {each.name: each.addresses[0] for each in read_back(text).nodes}
    if strangers := sorted(set(names) - set(known)):
        raise BadInput("is no node of the cluster", where=", ".join(strangers))
    return {name: known[name] for name in names}
