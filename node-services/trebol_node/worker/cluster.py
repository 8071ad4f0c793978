"""Creating a cluster, joining one and leaving it: tasks of this node (`trebol_node.cluster`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from trebol_common.errors import BadInput
from trebol_node.cluster import create, join, leave, relink, rename
from trebol_node.cluster.create import Creation, numbered, require_own
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.join import Join
from trebol_node.cluster.leave import How, Leave
from trebol_node.cluster.preflight.findings import check_force
from trebol_node.cluster.relink import Relink
from trebol_node.cluster.steps import disk, engine
from trebol_node.cluster.steps.engine import Step
from trebol_node.cluster.steps.journal import Journal
from trebol_node.cluster.voters.members import Members
from trebol_node.store import reached
from trebol_node.store.configuration import read
from trebol_node.store.errors import Unavailable
from trebol_node.store.etcd import EtcdRecords
from trebol_node.store.gateway import Gateway, TlsSource
from trebol_node.store.records import Records
from trebol_node.tasks import Upid
from trebol_node.tasks.inside import Log
from trebol_node.worker.cluster_operations import CreateCluster, GoOn, JoinCluster, LeaveCluster
from trebol_node.worker.context import Context, Machine

#: Types of tasks, as in Proxmox VE.
_CREATES, _JOINS, _LEAVES = "clustercreate", "clusterjoin", "clusterleave"
_TYPES = {
    create.KIND: _CREATES,
    join.KIND: _JOINS,
    leave.KIND: _LEAVES,
    relink.KIND: "clusterlink",
    rename.KIND: "clusterrename",
}

_COPY = Path("/run/trebol/cluster-records.json")

#: Seconds until the store of this node answers.
_STORE_WITHIN = 30.0

_RESUME, _ABORT = "resume", "abort"


def create_cluster(operation: CreateCluster, context: Context, who: str) -> str:
    """See `CreateCluster`. What cannot be done is refused at once, by the daemon that has the records too."""
    return str(context.start(_CREATES, operation.cluster, who, operation))


def join_cluster(operation: JoinCluster, context: Context, who: str) -> str:
    """See `JoinCluster`."""
    return str(context.start(_JOINS, "", who, operation))


def leave_cluster(operation: LeaveCluster, context: Context, who: str) -> str:
    """See `LeaveCluster`."""
    return str(context.start(_LEAVES, "", who, operation))


def go_on(operation: GoOn, context: Context, who: str) -> str:
    """See `GoOn`. Raises BadInput where there is nothing to go on with."""
    found = disk.look(context.machine.at(str(disk.FOLDER.relative_to("/"))))
    if found is None:
        raise BadInput("there is nothing to go on with, and nothing to take back", where="this node")
    if operation.kind not in ("", found.kind):
        # In the words themselves: hints do not cross the API.
        command = f"trebol cluster {found.kind} --{operation.how}"
        raise BadInput(f"what was cut off here is another change: {command}", where="this node")
    return str(context.start(_TYPES[found.kind], "", who, operation))


def run_create(operation: CreateCluster, machine: Machine, upid: Upid, log: Log) -> None:
    """The task of `create_cluster`."""
    here = _here(machine)
    with _records() as records:
        creation = Creation(here, records, _members)
        creation.require_possible(operation.cluster, numbered(operation.links))
        engine.start(
            here.at(disk.FOLDER),
            create.KIND,
            creation.steps(),
            arguments={"cluster": operation.cluster, "links": operation.links},
            secrets={},
            say=log.say,
        )


def run_join(operation: JoinCluster, machine: Machine, upid: Upid, log: Log) -> None:
    """The task of `join_cluster`."""
    here = _here(machine)
    token = operation.token.get_secret_value()
    # What is no token is told before anything begins.
    join.credentials(operation.token, operation.peer, node=here.name, machine=here.machine)
    require_own(numbered(operation.links), here.addresses())
    check_force(operation.force)
    engine.start(
        here.at(disk.FOLDER),
        join.KIND,
        Join(here).steps(),
        arguments={
            "links": operation.links,
            "peer": operation.peer,
            "patience": operation.patience,
            "force": operation.force,
            "replaces": operation.replaces,
        },
        secrets={"token": token},
        say=log.say,
    )


def run_leave(operation: LeaveCluster, machine: Machine, upid: Upid, log: Log) -> None:
    """The task of `leave_cluster`."""
    here, how = _here(machine), How(operation.how)
    with stores() as open_store:
        leaving = Leave(here, open_store)
        engine.start(
            here.at(disk.FOLDER),
            leave.KIND,
            leaving.steps(how),
            arguments=leaving.prepared(how),
            secrets={},
            say=log.say,
            # Whoever was removed in the middle of a join or a leave can neither end nor take back what it began.
            supersedes=how is How.FORCED,
        )


def run_go_on(operation: GoOn, machine: Machine, upid: Upid, log: Log) -> None:
    """The task of `go_on`."""
    here = _here(machine)
    folder = here.at(disk.FOLDER)
    found = disk.look(folder)
    with _records() as records, stores() as open_store:
        steps: Sequence[Step] = ()
        match found:
            case Journal(kind=create.KIND):
                steps = Creation(here, records, _members).steps()
            case Journal(kind=leave.KIND, arguments=arguments):
                steps = Leave(here, open_store).steps(leave.how_of(arguments))
            case Journal(kind=rename.KIND):
                # It imports this module.
                from trebol_node.worker.rename import transaction

                steps = transaction(machine, open_store).steps()
            case Journal(kind=relink.KIND):
                steps = Relink(here, open_store).steps()
            case Journal():
                steps = Join(here).steps()
        (engine.resume if operation.how == _RESUME else engine.abort)(folder, steps, say=log.say)


def _here(machine: Machine) -> Here:
    return Here(machine.root, machine.runner)


def _members(url: str) -> Members:
    return Members(Gateway(url, TlsSource()), TlsSource())


def _require_there(records: EtcdRecords) -> None:
    """Raises Unavailable: a copy that nobody has filled is no cluster without nodes."""
    if not records.wait(_STORE_WITHIN):
        raise Unavailable(records.problem, where="store", hint="see: trebol node store status")


@contextmanager
def _records() -> Iterator[Callable[[], Records]]:
    """Opens the records of this node's store anew each time: it moves meanwhile."""
    opened: list[EtcdRecords] = []

    def open_records() -> Records:
        while opened:
            opened.pop().close()
        made = EtcdRecords(Gateway(read().client_url, TlsSource()), _COPY)
        opened.append(made)
        made.start()
        _require_there(made)
        return made

    try:
        yield open_records
    finally:
        while opened:
            opened.pop().close()
        _COPY.unlink(missing_ok=True)


@contextmanager
def stores() -> Iterator[leave.Open]:
    """Opens the cluster's store, by each list of URLs once; without any, where this node reaches it."""
    opened: dict[tuple[str, ...], tuple[EtcdRecords, leave.Store]] = {}

    def open_store(urls: Sequence[str]) -> leave.Store:
        wanted = tuple(urls)
        if wanted not in opened:
            given = wanted or reached.read() or (read().client_url,)
            records = EtcdRecords(Gateway(given, TlsSource()), _COPY)
            opened[wanted] = records, leave.Store(records, Members(Gateway(given, TlsSource()), TlsSource()))
            records.start()
        records, store = opened[wanted]
        _require_there(records)
        return store

    try:
        yield open_store
    finally:
        for records, _store in opened.values():
            records.close()
        _COPY.unlink(missing_ok=True)
