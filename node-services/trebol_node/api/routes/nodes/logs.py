"""`/nodes/{node}/syslog` and `/journal`."""

from __future__ import annotations

import asyncio
from datetime import UTC, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Response
from pydantic import Field

from trebol_common.errors import BadInput
from trebol_node.api.forms import Parameters, arguments
from trebol_node.api.rights import requires
from trebol_node.api.routes.nodes.common import NODE, extended, of_input, subtree
from trebol_node.api.routes.nodes.view import NodeView
from trebol_node.system.clock import timezone
from trebol_node.system.journal import DEEPEST, MOST, Journal, Syslog, read_journal, read_syslog

#: Requests that have journalctl read at the same time: it takes a processor each.
_READERS = 2

_MOMENT = r"\A\d{4}-\d{2}-\d{2}( \d{2}:\d{2}(:\d{2})?)?\z"
_CURSOR = r"\A[A-Za-z0-9=;_-]+\z"
Service = Annotated[str | None, Field(max_length=128, pattern=r"\A[A-Za-z0-9][A-Za-z0-9:_.\\@-]*\z")]


class Lines(Parameters):
    """`limit` lines after the first `start` of those since and until a moment, of one service."""

    limit: Annotated[int, Field(ge=0, le=MOST)] = 50
    start: Annotated[int, Field(ge=0, le=DEEPEST)] = 0
    since: Annotated[str | None, Field(pattern=_MOMENT)] = None
    until: Annotated[str | None, Field(pattern=_MOMENT)] = None
    service: Service = None


class Entries(Parameters):
    """Lines since and until seconds of 1970, or between cursors, or the last ones. `service` is Trebol's own."""

    endcursor: Annotated[str | None, Field(max_length=512, pattern=_CURSOR)] = None
    lastentries: Annotated[int | None, Field(ge=0)] = None
    service: Service = None
    since: Annotated[int | None, Field(ge=0, le=2**40)] = None
    startcursor: Annotated[str | None, Field(max_length=512, pattern=_CURSOR)] = None
    until: Annotated[int | None, Field(ge=0, le=2**40)] = None


def router(view: NodeView) -> APIRouter:
    """The routes."""
    made = subtree("", "logs", requires(NODE, "Sys.Syslog"))
    free = asyncio.Semaphore(_READERS)

    @made.get("/syslog")
    async def syslog(given: Annotated[Lines, arguments(Lines)]) -> Response:
        """Lines of the journal, of this boot where no moment is given; `total`: as far as was looked."""
        wanted = Syslog(given.start, given.limit, given.since or "", given.until or "", given.service or "")
        async with free:
            lines, total = await asyncio.to_thread(read_syslog, view.runner, wanted, _zone(view))
        return extended(lines, total=total)

    @made.get("/journal")
    async def journal(given: Annotated[Entries, arguments(Entries)]) -> list[str]:
        """The cursor of the first line, lines, the cursor of the last."""
        wanted = Journal(
            since=given.since,
            until=given.until,
            entries=given.lastentries,
            start=given.startcursor or "",
            end=given.endcursor or "",
            service=given.service or "",
        )
        async with free:
            try:
                return await asyncio.to_thread(read_journal, view.runner, wanted, _zone(view))
            except BadInput as error:
                raise of_input(error) from error

    return made


def _zone(view: NodeView) -> tzinfo:
    try:
        return ZoneInfo(timezone(view.root))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
