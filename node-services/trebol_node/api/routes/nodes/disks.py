"""`/nodes/{node}/disks`: list and SMART."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field

from trebol_node.access import Identity
from trebol_node.api.context import TheContext
from trebol_node.api.errors import wrong
from trebol_node.api.forms import Parameters, arguments
from trebol_node.api.rights import requires
from trebol_node.api.routes.nodes.common import NODE, ask, subtree
from trebol_node.api.routes.nodes.view import NodeView
from trebol_node.system.smart import smart
from trebol_node.worker.operations import ReadSmart

#: A disk by its kernel's name, with or without /dev/.
_DISK = re.compile(r"(?:/dev/)?([a-z][a-z0-9]{1,31})")

Auditor = Annotated[Identity, requires(NODE, "Sys.Audit")]


class Which(Parameters):
    """Which disks; `skipsmart` leaves out what they say of their health."""

    include_partitions: bool = False
    skipsmart: bool = False
    type: Literal["unused", "journal_disks"] | None = None


class One(Parameters):
    """A disk: "/dev/sda"."""

    disk: Annotated[str, Field(max_length=64)]
    healthonly: bool = False


def router(view: NodeView) -> APIRouter:
    """The routes."""
    made = subtree("/disks", "disks")

    @made.get("/list")
    async def list_disks(_who: Auditor, given: Annotated[Which, arguments(Which)]) -> list[dict[str, Any]]:
        """Disks, what they are and what they are used for."""
        return await view.disks(
            partitions=given.include_partitions, kind=given.type or "", health=not given.skipsmart
        )

    @made.get("/smart")
    async def get_smart(who: Auditor, context: TheContext, given: Annotated[One, arguments(One)]) -> dict[str, Any]:
        """What a disk says of its health, now; one that sleeps is not woken."""
        match = _DISK.fullmatch(given.disk)
        if match is None:
            raise wrong(disk="value does not match the regex pattern")
        answer = await ask(context, ReadSmart(disk=match[1]), who.user)
        return smart(answer, health_only=given.healthonly)

    return made
