"""A preflight: what a member answers to a node that would join (`/cluster/joins/…`), and asking for one on that node
(`/cluster/config/preflight`). See `trebol_node.cluster.preflight`."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field

from trebol_node.api.context import TheContext
from trebol_node.api.errors import wrong
from trebol_node.api.forms import Parameters, Words, arguments
from trebol_node.api.openapi import BY_TOKEN
from trebol_node.api.rights import requires
from trebol_node.api.routes.cluster_config import CODES, Joined, Modifier, links_of, note_forced, token_of
from trebol_node.api.routes.desk import Desk
from trebol_node.api.routes.joins import Linked, Shown, addresses_of, applicant_of, done
from trebol_node.api.routes.nodes.common import ask
from trebol_node.api.routing import api_router
from trebol_node.cluster.create import require_alone
from trebol_node.cluster.join import credentials
from trebol_node.cluster.preflight.asked import Asked
from trebol_node.cluster.preflight.facts import Facts
from trebol_node.cluster.preflight.findings import check_force, evaluate
from trebol_node.cluster.preflight.questions import Candidate
from trebol_node.cluster.preflight.report import to_members
from trebol_node.cluster.preflight.through_store import by_number
from trebol_node.worker.cluster_operations import Preflight


class Told(Linked):
    """`force` is what its join is to pass over, for this member's log."""

    force: Annotated[Words, Field(max_length=CODES)] = ()


class Ended(Shown):
    """`preflight` is the id of the one that is over."""

    preflight: Annotated[str, Field(max_length=64)]


class Wanted(Parameters):
    """The result of the task `upid`; what of it stops a join that forces `force`."""

    upid: Annotated[str, Field(max_length=400)]
    force: Annotated[Words, Field(max_length=CODES)] = ()


def router(desk: Desk, asked: Asked) -> APIRouter:
    """The routes."""
    made = api_router("/cluster", tag="cluster")
    _answer(made, desk, asked)
    _begin(made, desk)
    return made


def _answer(made: APIRouter, desk: Desk, asked: Asked) -> None:
    @made.post("/joins/members", openapi_extra=BY_TOKEN)
    async def members(request: Request, context: TheContext, given: Annotated[Shown, arguments(Shown)]) -> list[str]:
        """Their names, which the node looks up by itself."""
        mine = applicant_of(request, context, given)
        return list(await done(request, context, lambda: desk.admission.look(mine)))

    @made.post("/joins/preflight", openapi_extra=BY_TOKEN)
    async def preflight(
        request: Request, context: TheContext, given: Annotated[Told, arguments(Told)]
    ) -> dict[str, Any]:
        """Begin to measure, from all members: a `Begun`. The token is looked at, and stays as it is."""
        mine = applicant_of(request, context, given)
        await done(request, context, lambda: desk.admission.look(mine))
        note_forced(request, given.force)
        links = by_number(addresses_of(given.links))
        told = {"name": mine.node, "machine_id": mine.machine, "links": links}
        return (await asked.begin(Candidate.of_members(told, where="links"))).to_members()

    @made.post("/joins/measured", openapi_extra=BY_TOKEN)
    async def measured(
        request: Request, context: TheContext, given: Annotated[Ended, arguments(Ended)]
    ) -> list[dict[str, Any]]:
        """What members measured: `PathFacts`, once they have."""
        mine = applicant_of(request, context, given)
        await done(request, context, lambda: desk.admission.look(mine))
        return [path.to_members() for path in await asked.end(given.preflight)]


def _begin(made: APIRouter, desk: Desk) -> None:
    @made.post("/config/preflight")
    async def begin(who: Modifier, context: TheContext, given: Annotated[Joined, arguments(Joined)]) -> str:
        """Measure what stands against joining the cluster of a token. A task, with a result."""
        links = await links_of(context, given)
        require_alone(desk.records)
        token = await token_of(given, context.node)
        credentials(token, given.hostname, node=context.node, machine="")
        upid: str = await ask(context, Preflight(token=token, peer=given.hostname, links=links), who.user)
        return upid

    @made.get("/config/preflight", dependencies=[requires("/", "Sys.Audit")])
    async def result(context: TheContext, given: Annotated[Wanted, arguments(Wanted)]) -> dict[str, Any]:
        """What it found: the report of `trebol_node.cluster.preflight.report.to_members`, and certificates."""
        force = check_force(given.force)
        text = context.tasks.result(given.upid)
        if text is None:
            raise wrong(upid="the task has no result")
        found = json.loads(text)
        facts = Facts.of_members(found.pop("facts"))
        return {**to_members(facts, evaluate(facts), force), **found}
