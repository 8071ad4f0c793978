"""`/cluster/config/links/…`: corosync's links, which Proxmox VE has no calls to change."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from trebol_node.access.errors import Missing
from trebol_node.api.context import TheContext
from trebol_node.api.errors import wrong
from trebol_node.api.forms import Parameters, Words, arguments, no_arguments
from trebol_node.api.rights import requires
from trebol_node.api.routes.cluster_config import Modifier
from trebol_node.api.routes.nodes.common import ask
from trebol_node.api.routing import api_router
from trebol_node.cluster import linked, relink
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.rules import MAX_LINKS, MAX_NODES
from trebol_node.daemon.applying import Follower
from trebol_node.store.records import Records
from trebol_node.worker.link_operations import SetLink

_AUDIT = requires("/", "Sys.Audit")


class Link(Parameters):
    """`addresses` are NODE=ADDRESS, of those nodes that get another one; a new link needs one of each."""

    addresses: Annotated[Words, Field(max_length=MAX_NODES)] = ()
    priority: Annotated[int, Field(ge=0, le=255)] | None = None


def router(records: Records, follower: Follower) -> APIRouter:
    """The routes."""
    made = api_router("/cluster/config/links", tag="cluster")

    @made.get("", dependencies=[_AUDIT, no_arguments])
    async def links() -> list[dict[str, Any]]:
        """What should be, and which nodes reach each other; empty without a cluster."""
        totem = cluster.totem(records)
        return [] if totem is None else linked.links(totem, linked.said(records), follower.there())

    @made.put("/{link}")
    async def set_link(who: Modifier, context: TheContext, link: str, given: Annotated[Link, arguments(Link)]) -> str:
        """Add a link, give nodes other addresses on it, or give it another priority. A task."""
        number, addresses = number_of(link), addresses_of(given.addresses)
        if not addresses and given.priority is None:
            raise wrong(addresses="property is missing, or priority")
        await asyncio.to_thread(relink.wanted, records, number, addresses, given.priority)
        operation = SetLink(link=number, addresses=addresses, priority=given.priority)
        upid: str = await ask(context, operation, who.user)
        return upid

    @made.delete("/{link}", dependencies=[no_arguments])
    async def remove_link(who: Modifier, context: TheContext, link: str) -> str:
        """Remove a link. A task."""
        number = number_of(link)
        await asyncio.to_thread(relink.wanted, records, number, None, None)
        upid: str = await ask(context, SetLink(link=number), who.user)
        return upid

    return made


def number_of(text: str) -> int:
    """The number in a path. Raises Missing for what is none."""
    if not (text.isascii() and text.isdigit()) or len(text) > 1 or int(text) >= MAX_LINKS:
        raise Missing(f"links are 0 to {MAX_LINKS - 1}", where="link")
    return int(text)


def addresses_of(given: Words) -> dict[str, str]:
    """`NODE=ADDRESS` by name. 400 for what is no such thing."""
    found: dict[str, str] = {}
    for each in given:
        name, equals, address = each.partition("=")
        if not (equals and name and address):
            raise wrong(addresses="is not NODE=ADDRESS,…")
        if name in found:
            raise wrong(addresses=f"{name} is given twice")
        found[name] = address
    return found
