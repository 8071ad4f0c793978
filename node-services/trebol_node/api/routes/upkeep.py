"""`/cluster/diagnosis`, `/cluster/maintenance/…`, `/cluster/shutdown`, `/cluster/start`: ours alone."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from trebol_common.adapters import adapter
from trebol_common.errors import Refused, TrebolError
from trebol_node.access import Identity
from trebol_node.api.context import Context, TheContext
from trebol_node.api.forms import Parameters, arguments, no_arguments
from trebol_node.api.rights import requires
from trebol_node.api.routes.nodes.common import ask, checked
from trebol_node.api.routing import api_router
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.status import Membership
from trebol_node.cluster.diagnosis.facts import Pacemaker
from trebol_node.cluster.diagnosis.finding import Finding
from trebol_node.cluster.maintenance import records as kept
from trebol_node.cluster.maintenance.layers import Present, Verdict, check
from trebol_node.cluster.power import records as power
from trebol_node.cluster.preflight.finding import Severity
from trebol_node.cluster.under_way import require_none
from trebol_node.cluster.voters.members import Members
from trebol_node.store.errors import Unavailable
from trebol_node.store.records import Records
from trebol_node.worker.cluster_operations import ReadMembership
from trebol_node.worker.errors import WorkerAbsent
from trebol_node.worker.upkeep_operations import Diagnose, HoldCluster, ReadPacemaker, SetStandby

_AUDIT = requires("/", "Sys.Audit")
Reader = Annotated[Identity, _AUDIT]
Modifier = Annotated[Identity, requires("/", "Sys.Modify")]
#: Who may switch everything off.
Ender = Annotated[Identity, requires("/", "Sys.Modify", "Sys.PowerMgmt")]


class On(Parameters):
    """`force`: whatever stands against it. `why` is for people."""

    force: bool = False
    why: Annotated[str, Field(max_length=256)] = ""


class Down(Parameters):
    """`confirm` repeats the cluster's name. `force`: although nodes are missing, which are left as they are."""

    confirm: Annotated[str, Field(max_length=64)]
    force: bool = False


@dataclass(frozen=True)
class Upkeep:
    """What the routes work on. `seen` is what corosync said last: to be shown; a decision asks it (`membership`)."""

    records: Records
    members: Members
    seen: Callable[[], Membership | None]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def since(self) -> str:
        """The moment, ISO 8601."""
        return self.now().isoformat(timespec="seconds")

    async def present(self, context: Context, who: str) -> Present:
        """How the cluster is. What does not answer is None."""
        members, answering = await asyncio.to_thread(self._store)
        seen = await self.membership(context, who)
        return Present(self.records, seen, await self._pacemaker(context, who), members, answering)

    async def membership(self, context: Context, who: str) -> Membership | None:
        """What corosync says now; None where it does not."""
        try:
            return adapter(Membership).validate_python(await context.worker.call(ReadMembership(), who=who))
        except TrebolError:
            return None

    def _store(self) -> tuple[Any, frozenset[int]]:
        try:
            found = self.members.members()
            return found, self.members.answering(found)
        except Unavailable:
            return None, frozenset()

    async def _pacemaker(self, context: Context, who: str) -> Pacemaker | None:
        try:
            told = await context.worker.call(ReadPacemaker(), who=who)
            return adapter(Pacemaker).validate_python(told)
        except TrebolError:
            # What is not known stands against it, and says so.
            return None


def router(upkeep: Upkeep) -> APIRouter:
    """The routes."""
    made = api_router("/cluster", tag="cluster")
    _diagnosis(made)
    _maintenance(made, upkeep)
    _power(made, upkeep)
    return made


def _diagnosis(made: APIRouter) -> None:
    @made.get("/diagnosis", dependencies=[no_arguments])
    async def diagnosis(who: Reader, context: TheContext) -> list[dict[str, str]]:
        """What is wrong with the cluster as this node sees it, the gravest first."""
        try:
            found: list[dict[str, str]] = await context.worker.call(Diagnose(), who=who.user)
            return found
        except WorkerAbsent as error:
            hint = "systemctl status trebol-worker"
            problem = f"trebol-worker says nothing: {error.problems[0].what}"
            return [Finding("worker-silent", Severity.ERROR, context.node, problem, hint).to_members()]


def _maintenance(made: APIRouter, upkeep: Upkeep) -> None:
    records = upkeep.records

    @made.get("/maintenance", dependencies=[_AUDIT, no_arguments])
    async def nodes() -> list[dict[str, Any]]:
        """Nodes that are out."""
        return [_shown(each) for each in kept.all_of(records)]

    @made.get("/maintenance/{node}", dependencies=[no_arguments])
    async def would(who: Reader, context: TheContext, node: str) -> dict[str, Any]:
        """Whether the rest does without a node, by layers; and its maintenance, where it is out already."""
        checked(lambda: kept.require_node(records, node))
        verdicts = check(node, await upkeep.present(context, who.user))
        found = kept.of_node(records, node)
        return {
            "node": node,
            "survives": int(all(each.survives for each in verdicts)),
            "layers": [each.to_members() for each in verdicts],
            **({"maintenance": _shown(found)} if found else {}),
        }

    @made.put("/maintenance/{node}")
    async def begin(who: Modifier, context: TheContext, node: str, given: Annotated[On, arguments(On)]) -> None:
        """Take a node out: pacemaker runs nothing there any more."""
        checked(lambda: kept.require_node(records, node))
        power.require_up(records)
        if kept.of_node(records, node) is None:
            verdicts = check(node, await upkeep.present(context, who.user))
            forced = not all(each.survives for each in verdicts)
            if forced and not given.force:
                raise against(node, verdicts)
            wanted = kept.Maintenance(node, who.user, upkeep.since(), given.why, forced)
            await asyncio.to_thread(kept.begin, records, wanted)
        # Once more where it is out already: the first time may have been cut off.
        await ask(context, SetStandby(node=node, standby=True), who.user)

    @made.delete("/maintenance/{node}", dependencies=[no_arguments])
    async def end(who: Modifier, context: TheContext, node: str) -> None:
        """Take it back."""
        checked(lambda: kept.require_node(records, node))
        _require_quorum(records)
        await ask(context, SetStandby(node=node, standby=False), who.user)
        await asyncio.to_thread(kept.end, records, node)


def _require_quorum(records: Records) -> None:
    """What is written nowhere must not seem done. Raises Unavailable."""
    if not records.quorate:
        raise Unavailable("has no quorum", where="store", hint="trebol cluster diagnose")


def _power(made: APIRouter, upkeep: Upkeep) -> None:
    records = upkeep.records

    @made.get("/shutdown", dependencies=[_AUDIT, no_arguments])
    async def progress() -> dict[str, Any]:
        """The shutdown that is under way, or after which the cluster is held: each node, in the order in which they
        go; nothing of one that runs."""
        found = power.current(records)
        if found is None:
            return {}
        ready, there = power.boots(records, found), _there(upkeep.seen())
        nodes = [{"node": each, "ready": int(each in ready), "online": int(each in there)} for each in found.order]
        missing = sorted(_names(records) - there)
        return {**found.to_members(), "nodes": nodes, "missing": missing}

    @made.post("/shutdown")
    async def down(who: Ender, context: TheContext, given: Annotated[Down, arguments(Down)]) -> list[str]:
        """Have all nodes that are there power off, one after the other. Their names, in that order."""
        _require_name(records, given.confirm)
        seen = await upkeep.membership(context, who.user)
        there = _there(seen)
        _require_calm(records, seen, _names(records) - there, force=given.force)
        found = power.order(cluster.members(records), there, context.node)
        wanted = power.Shutdown(uuid.uuid4().hex, who.user, context.node, upkeep.since(), found)
        await asyncio.to_thread(power.begin, records, wanted)
        return list(found)

    @made.post("/start", dependencies=[no_arguments])
    async def up(who: Ender, context: TheContext) -> list[str]:
        """End the hold after an orderly shutdown. Names of the nodes that are missing."""
        if cluster.totem(records) is None:
            raise cluster.stands_alone()
        _require_quorum(records)
        # In this order: the daemon that holds it meanwhile looks again afterwards. Without a record too: of a store
        # that was restored pacemaker may be held all the same.
        await asyncio.to_thread(power.end, records)
        await ask(context, HoldCluster(held=False), who.user)
        return sorted(_names(records) - _there(await upkeep.membership(context, who.user)))


def against(node: str, verdicts: tuple[Verdict, ...]) -> Refused:
    """All that stands against taking a node out."""
    reasons = [f"{each.layer}: {reason}" for each in verdicts for reason in each.reasons]
    return Refused("; ".join(reasons), where=node, hint="mend that first; --force does it all the same")


def _require_name(records: Records, confirm: str) -> None:
    settings = cluster.settings(records)
    if settings is None:
        raise cluster.stands_alone()
    if confirm != settings.name:
        raise Refused(f"is not the cluster's name: {settings.name}", where="confirm")


def _require_calm(records: Records, seen: Membership | None, missing: set[str], *, force: bool) -> None:
    """Raises Refused where it could not be gone through with in order."""
    if seen is None or not seen.quorate:
        raise Refused("has no quorum: nothing can be written", where="the cluster", hint="trebol cluster diagnose")
    require_none(records)
    leaving = [each.name for each in cluster.members(records) if each.state is cluster.State.LEAVING]
    if leaving:
        raise Refused("leaves at the moment", where=", ".join(leaving), hint="wait until it is gone")
    if missing and not force:
        raise Refused(
            "is not there, and is left as it is",
            where=", ".join(sorted(missing)),
            hint="--force does it all the same",
        )


def _names(records: Records) -> set[str]:
    return {each.name for each in cluster.members(records)}


def _there(seen: Membership | None) -> set[str]:
    return {each.name for each in seen.members if each.joined} if seen else set()


def _shown(found: kept.Maintenance) -> dict[str, Any]:
    return {**found.to_members(), "forced": int(found.forced)}
