"""`/cluster/config/nodes/{node}/name`: another name for this node of a cluster; Proxmox VE has no call for it."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter

from trebol_common.errors import Refused
from trebol_node.api.context import TheContext
from trebol_node.api.forms import Parameters, arguments
from trebol_node.api.routes.cluster_config import Modifier
from trebol_node.api.routes.nodes.common import ask
from trebol_node.api.routing import api_router
from trebol_node.cluster import records as cluster
from trebol_node.cluster.rename import require_name
from trebol_node.store.records import Records
from trebol_node.worker.operation import NodeName
from trebol_node.worker.rename_operations import RenameNode


class NewName(Parameters):
    """Its new host name, without the domain, which stays."""

    name: NodeName


def router(records: Records) -> APIRouter:
    """The routes."""
    made = api_router("/cluster/config/nodes", tag="cluster")

    @made.put("/{node}/name")
    async def rename(
        who: Modifier, context: TheContext, node: str, given: Annotated[NewName, arguments(NewName)]
    ) -> str:
        """Give this node another name. A task of it."""
        totem = cluster.totem(records)
        if totem is None:
            raise cluster.stands_alone()
        mine = context.node if node == "localhost" else node
        totem.node(mine)
        if mine != context.node:
            hint = f"there: trebol node rename {given.name}"
            raise Refused("a node is renamed on itself: its services stop meanwhile", where=mine, hint=hint)
        await asyncio.to_thread(require_name, records, totem, mine, given.name)
        upid: str = await ask(context, RenameNode(new=given.name), who.user)
        return upid

    return made
