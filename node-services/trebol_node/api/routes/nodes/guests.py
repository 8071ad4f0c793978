"""`/nodes/{node}/qemu`, `/lxc`, `/replication`: there are no guests of this API's yet, and clients ask for them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from trebol_node.api.forms import Parameters, arguments, no_arguments
from trebol_node.api.identity import SignedIn
from trebol_node.api.routes.nodes.common import subtree
from trebol_node.api.routing import api_router


class Full(Parameters):
    """`full`: with the numbers of running machines."""

    full: bool = False


class Guest(Parameters):
    """Of one guest alone."""

    guest: Annotated[int | None, Field(ge=100, le=999_999_999)] = None


def router() -> APIRouter:
    """The routes."""
    made = api_router(tag="guests")
    one = subtree("", "guests")

    @one.get("/qemu")
    async def machines(_who: SignedIn, _given: Annotated[Full, arguments(Full)]) -> list[dict[str, Any]]:
        """Virtual machines: none is made by this API yet; those of libvirt are its own."""
        return []

    @one.get("/lxc", dependencies=[no_arguments])
    async def containers(_who: SignedIn) -> list[dict[str, Any]]:
        """Containers: none."""
        return []

    @one.get("/replication")
    async def replication(_who: SignedIn, _given: Annotated[Guest, arguments(Guest)]) -> list[dict[str, Any]]:
        """Jobs that copy guests to other nodes: none."""
        return []

    @made.get("/cluster/backup-info/not-backed-up", dependencies=[no_arguments])
    async def not_backed_up(_who: SignedIn) -> list[dict[str, Any]]:
        """Guests that no backup job covers: of no guests, none. Exporters ask."""
        return []

    made.include_router(one)
    return made
