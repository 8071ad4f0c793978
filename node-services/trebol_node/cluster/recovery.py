"""Going on alone: a single survivor of a cluster whose store and corosync have lost their quorum for good.

Nothing tells a node whose others are dead from one that is parted from them: whoever asks for this has to know. Those
that are given up must not come back as they are: they would go on as the old cluster.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from secrets import token_hex

from trebol_common.errors import Refused, TrebolError
from trebol_common.files import write_text
from trebol_common.i18n import _
from trebol_node.cluster import records as cluster
from trebol_node.cluster import under_way
from trebol_node.cluster.corosync import configuration, status
from trebol_node.cluster.corosync.parse import describes_cluster, read_back
from trebol_node.cluster.here import corosync, store
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.steps.disk import utc_now
from trebol_node.fencing.records import forget_node
from trebol_node.store.configuration import PATH, Configuration, of_cluster, render
from trebol_node.store.records import Records
from trebol_node.store.restore import restore

#: A start of etcd that makes a cluster of itself alone of what it has (etcd's documentation, --force-new-cluster).
FORCED = "\nforce-new-cluster: true\n"

#: What trebol-store.service starts from once, and has it do so: /run is empty after a crash of the machine, and the
#: unit itself takes the second away at the end of each start and run. So no later start throws the others out again.
ONCE = Path("/run/trebol/store-once.yaml")
ONCE_ENVIRONMENT = Path("/run/trebol/store-once.env")


@dataclass(frozen=True)
class Plan:
    """What is to be done on `node`, at its `address` of link 0. `lost` are given up; `stay` are nodes that corosync
    sees: they go along."""

    cluster: str
    node: str
    address: str
    lost: tuple[str, ...]
    stay: tuple[str, ...]

    @property
    def configuration(self) -> Configuration:
        """Of its store: the only voter."""
        return of_cluster(self.node, {self.node: self.address})

    def lines(self) -> Iterator[str]:
        """As people are to read it before they say yes."""
        yield _("{node} goes on as the only voter of the store of cluster {cluster}.").format(
            node=self.node, cluster=self.cluster
        )
        if self.lost:
            yield _("Given up, and no nodes of the cluster any more: {names}.").format(names=", ".join(self.lost))
            yield _("They have to be off, and must be installed anew before they are connected again.")
        if self.stay:
            yield _("Corosync sees them, they stay: {names}.").format(names=", ".join(self.stay))


def plan(here: Here) -> Plan:
    """What would be done, from this node's corosync.conf and what corosync says. Raises Refused without a cluster."""
    path = here.at(configuration.PATH)
    text = path.read_text("utf-8") if path.exists() else ""
    if not describes_cluster(text):
        raise Refused(_("is of no cluster"), where=here.name)
    totem = read_back(text)
    address = totem.node(here.name).addresses[0]
    try:
        joined = {each.name for each in status.read(here.runner).members if each.joined}
    except status.NotRunning:
        joined = set()
    others = [each.name for each in totem.nodes if each.name != here.name]
    return Plan(
        totem.name,
        here.name,
        address,
        tuple(name for name in others if name not in joined),
        tuple(name for name in others if name in joined),
    )


def require_copy(here: Here) -> None:
    """Raise Refused where this node holds no copy of the records to go on with."""
    if not here.is_there(PATH) or not here.is_there(Configuration("").data):
        raise Refused(
            _("does not vote in the store, and has nothing to go on with"),
            where=here.name,
            hint=_("do it on a node that votes, or: trebol node store restore FILE"),
        )


def require_no_quorum(urls: Sequence[str], leader: Callable[[str], bool]) -> None:
    """Raise Refused where any of the voters at `urls` knows a leader, which `leader` asks."""
    knowing = [url for url in urls if leader(url)]
    if knowing:
        raise Refused(
            _("the store has a quorum: nothing is to be given up"),
            where=", ".join(knowing),
            hint="trebol node store status",
        )


def force(here: Here, plan: Plan, *, now: datetime) -> Iterator[str]:
    """Have this node's store be one of its own voter alone, with what it holds; a line for each thing done.

    Where it does not start so, everything is as before, and CommandFailed is raised.
    """
    data = here.at(Configuration("").data)
    kept, path = data.with_name(f"{data.name}.{now:%Y%m%dT%H%M%SZ}"), here.at(PATH)
    before = path.read_text("utf-8")
    with ExitStack() as undo:
        undo.callback(here.start, store.UNIT)
        here.runner.run(["systemctl", "stop", store.UNIT])
        undo.callback(shutil.rmtree, kept, ignore_errors=True)
        here.runner.run(["cp", "--archive", data, kept])
        undo.callback(_put_back, kept, data)
        undo.callback(write_text, path, before)
        write_text(path, render(plan.configuration))
        undo.callback(here.runner.run, ["systemctl", "stop", store.UNIT])
        _start_forced(here, plan)
        undo.pop_all()
    yield _("the store runs, {node} is its only voter").format(node=plan.node)
    yield _("what it held before is in {folder}").format(folder=kept)


def _start_forced(here: Here, plan: Plan) -> None:
    once, environment = here.at(ONCE), here.at(ONCE_ENVIRONMENT)
    try:
        write_text(once, render(plan.configuration) + FORCED)
        # The last: from here on the next start is that one.
        write_text(environment, f"CONFIGURATION={ONCE}\n")
        here.start(store.UNIT)
    finally:
        for path in (environment, once):
            path.unlink(missing_ok=True)


def settle(here: Here, plan: Plan, records: Records) -> Iterator[str]:
    """Have records, corosync and pacemaker say so too; a line for each thing done. Raises as `Records.put`."""
    store.reach_at(here, plan.node, {plan.node: plan.address})
    staying = {plan.node, *plan.stay}
    cluster.remove(records, under_way.KEY)
    for member in cluster.members(records):
        if member.name not in staying:
            forget_node(records, member.name)
            for folder in (*cluster.OF_NODE, cluster.NODES):
                cluster.remove(records, f"{folder}{member.name}")
        elif member.name != plan.node:
            # What it was about to do is over, with the change that said so.
            state = member.state if member.state is cluster.State.JOINING else cluster.State.MEMBER
            there = replace(member, state=state, voter=False, learner="")
            cluster.edit(records, f"{cluster.NODES}{member.name}", _as(there))
    own = cluster.Member(plan.node, here.machine, plan.address, cluster.State.MEMBER, voter=True)
    cluster.edit(records, f"{cluster.NODES}{plan.node}", _as(own))
    if cluster.settings(records) is None:
        # A snapshot from before there was a cluster. What was handed out since, for the one of another id, ends.
        since = utc_now().isoformat(timespec="seconds")
        cluster.edit(records, cluster.SETTINGS, _as(cluster.Settings(plan.cluster, token_hex(8), since)))
    yield from _shrink(here, plan, records, staying)


def _shrink(here: Here, plan: Plan, records: Records, staying: Collection[str]) -> Iterator[str]:
    """Corosync without those that are given up: the nodes that stay follow the record. What is on this node's disk is
    what corosync knew last; the record may be an older one, of a snapshot."""
    there, known = read_back(here.at(configuration.PATH).read_text("utf-8")), cluster.totem(records)
    nodes = tuple(each for each in there.nodes if each.name in staying)
    if known == there and nodes == there.nodes:
        return
    version = max(there.version, known.version if known else 0) + 1
    cluster.edit(records, cluster.COROSYNC, _as(configuration.checked(replace(there, nodes=nodes, version=version))))
    yield _("corosync is to know these alone: {names}").format(names=", ".join(each.name for each in nodes))
    try:
        corosync.await_members(here, [plan.node])
    except TrebolError as error:
        yield _("corosync has no quorum yet: {reason}").format(reason=error.problems[0].what)
        yield _("what is missing: systemctl start trebold corosync pacemaker; see journalctl -u trebold -u corosync")
        return
    yield _("corosync has a quorum again")
    for name in plan.lost:
        # Where pacemaker does not run it will not know the node when it starts.
        here.runner.run(["crm_node", "--force", "--remove", name], check=False)


def restore_alone(here: Here, plan: Plan, snapshot: Path, *, now: datetime) -> Iterator[str]:
    """Have this node's store be one of its own voter alone, with what `snapshot` holds; as `restore`, and `settle` is
    to follow. Where it does not start with that, everything is as before."""
    path = here.at(PATH)
    before = path.read_text("utf-8") if path.exists() else None
    with ExitStack() as undo:
        undo.callback(_write_or_remove, path, before)
        write_text(path, render(plan.configuration))
        yield from restore(snapshot, plan.configuration, here.runner, now=now)
        here.start(store.UNIT)
        undo.pop_all()


def _write_or_remove(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink()
    else:
        write_text(path, text)


def _as(after: cluster.Member | cluster.Settings | configuration.Totem) -> cluster.Change:
    return lambda _before: after.to_members()


def _put_back(kept: Path, data: Path) -> None:
    shutil.rmtree(data)
    kept.rename(data)
