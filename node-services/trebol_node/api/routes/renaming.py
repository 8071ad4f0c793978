"""`/cluster/config/…/name`: another name for this node of a cluster, or for the cluster. Proxmox VE has no calls for
it."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter

from trebol_common.answers.values import ClusterName
from trebol_common.errors import Refused
from trebol_node.api.context import TheContext
from trebol_node.api.forms import Parameters, arguments
from trebol_node.api.routes.cluster_config import Modifier
from trebol_node.api.routes.desk import Desk
from trebol_node.api.routes.nodes.common import ask
from trebol_node.api.routing import api_router
from trebol_node.cluster import records as cluster
from trebol_node.cluster.called import call
from trebol_node.cluster.rename import require_name
from trebol_node.worker.operation import NodeName
from trebol_node.worker.rename_operations import RenameNode


class NewName(Parameters):
    """Its new host name, without the domain, which stays."""

    name: NodeName


class ClusterCalled(Parameters):
    """The cluster's new name."""

    name: ClusterName


def router(desk: Desk) -> APIRouter:
    """The routes."""
    made = api_router("/cluster/config", tag="cluster")
    records = desk.records

    @made.put("/name")
    async def rename_cluster(_who: Modifier, given: Annotated[ClusterCalled, arguments(ClusterCalled)]) -> None:
        """Give the cluster another name. Corosync takes it on each node when that starts it next."""
        await desk.loaded(await asyncio.to_thread(call, records, given.name))

    @made.put("/nodes/{node}/name")
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
