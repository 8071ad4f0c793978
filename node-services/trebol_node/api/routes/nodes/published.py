"""`/nodes/{node}/published`: what a member of a cluster says of itself to the others, which ask it for this."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter

from trebol_node.api.context import TheContext
from trebol_node.api.forms import no_arguments
from trebol_node.api.rights import requires
from trebol_node.api.routes.nodes.common import NODE, subtree
from trebol_node.api.routes.together import TASKS, own_writes

#: Entries of the log that others show.
_LOG = 100


def router() -> APIRouter:
    """The route."""
    made = subtree("", "nodes")
    demands = [requires(NODE, "Sys.Audit"), requires("/", "Sys.Syslog"), no_arguments]

    @made.get("/published", dependencies=demands)
    async def published(context: TheContext) -> dict[str, Any]:
        """`entry` of the list of nodes, the newest `tasks`, the newest entries of the `log`."""
        tasks = await asyncio.to_thread(context.tasks.list, limit=TASKS, source="all")
        return {"entry": dict(await context.entry()), "tasks": tasks, "log": own_writes(context, _LOG)}

    return made
