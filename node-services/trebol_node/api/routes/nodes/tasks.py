"""`/nodes/{node}/tasks`: what was done on a node, and is done."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from trebol_node.access import Identity
from trebol_node.access.errors import Denied
from trebol_node.api.context import Context, TheContext
from trebol_node.api.forms import Parameters, arguments, no_arguments
from trebol_node.api.identity import SignedIn, is_of
from trebol_node.api.routes.nodes.common import ask, extended, subtree
from trebol_node.worker.operations import EndTask

#: Tasks that one answer holds at most, and lines of a log.
_MOST = 1000
_LINES = 50_000


class Wanted(Parameters):
    """Which tasks, the newest first. `source`: those that run, ended ones, all."""

    errors: bool = False
    limit: Annotated[int, Field(ge=0)] = 50
    since: Annotated[int | None, Field(ge=0)] = None
    source: Literal["archive", "active", "all"] = "archive"
    start: Annotated[int, Field(ge=0)] = 0
    typefilter: Annotated[str | None, Field(max_length=64)] = None
    until: Annotated[int | None, Field(ge=0)] = None
    userfilter: Annotated[str | None, Field(max_length=64)] = None
    vmid: Annotated[str | None, Field(max_length=64)] = None


class Lines(Parameters):
    """`limit` lines of a log after the first `start`; 0: all."""

    limit: Annotated[int, Field(ge=0)] = 50
    start: Annotated[int, Field(ge=0)] = 0
    download: bool = False


def router() -> APIRouter:
    """The routes."""
    made = subtree("/tasks", "tasks")

    @made.get("")
    async def list_tasks(who: SignedIn, context: TheContext, given: Annotated[Wanted, arguments(Wanted)]) -> Response:
        """Tasks: all for those who may see the node's, else one's own. `total`: as far as was looked."""
        may = _may(context, who, "Sys.Audit")
        most = min(given.limit, _MOST)

        def look() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = context.tasks.list(
                start=given.start if may else 0,
                # One more says whether there are more.
                limit=most + 1 if may else _MOST,
                source=given.source,
                errors=given.errors,
                kind=given.typefilter,
                id=given.vmid,
                user=given.userfilter,
                since=given.since,
                until=given.until,
            )
            return found

        found = await asyncio.to_thread(look)
        if not may:
            found = [each for each in found if is_of(each["user"], who)][given.start :]
        return extended(found[:most], total=given.start + len(found))

    @made.get("/{upid}", dependencies=[no_arguments])
    async def index(upid: str, who: SignedIn, context: TheContext) -> list[dict[str, str]]:
        """What there is of a task."""
        await _see(context, who, upid, "Sys.Audit")
        return [{"name": name} for name in ("log", "status")]

    @made.get("/{upid}/status", dependencies=[no_arguments])
    async def status(upid: str, who: SignedIn, context: TheContext) -> dict[str, Any]:
        """`status` "running" or "stopped", and how it ended."""
        return await _see(context, who, upid, "Sys.Audit")

    @made.get("/{upid}/log")
    async def log(
        upid: str, who: SignedIn, context: TheContext, given: Annotated[Lines, arguments(Lines)]
    ) -> Response:
        """Its lines, and how many there are; with `download` all of them, as text."""
        await _see(context, who, upid, "Sys.Audit")
        if given.download:
            everything = await asyncio.to_thread(context.tasks.log, upid, 0, _LINES)
            return Response("".join(f"{line['t']}\n" for line in everything), media_type="text/plain;charset=UTF-8")
        limit = min(given.limit, _LINES) or _LINES
        lines = await asyncio.to_thread(context.tasks.log, upid, given.start, limit)
        return extended(lines, total=await asyncio.to_thread(context.tasks.lines, upid))

    @made.delete("/{upid}", dependencies=[no_arguments])
    async def end(upid: str, who: SignedIn, context: TheContext) -> None:
        """End it, if it runs: one's own, or with Sys.Modify anybody's."""
        await _see(context, who, upid, "Sys.Modify")
        await ask(context, EndTask(upid=upid), who.user)

    return made


async def _see(context: Context, who: Identity, upid: str, privilege: str) -> dict[str, Any]:
    """The state of a task of one's own, or, with the privilege, of anybody. Raises Denied, NoSuchTask."""
    state: dict[str, Any] = await asyncio.to_thread(context.tasks.status, upid)
    if not is_of(state["user"], who) and not _may(context, who, privilege):
        raise Denied.of_check(f"/nodes/{context.node}", privilege)
    return state


def _may(context: Context, who: Identity, privilege: str) -> bool:
    return context.accounts.read().may(who, f"/nodes/{context.node}", (privilege,))
