"""`/nodes/…`: this node, what it shows and how it is changed."""

from __future__ import annotations

from fastapi import APIRouter

from trebol_node.api.routes.nodes import apt, disks, guests, logs, names, network, node, published, services, tasks
from trebol_node.api.routes.nodes.view import NodeView

__all__ = ["NodeView", "routers"]


def routers(view: NodeView) -> tuple[APIRouter, ...]:
    """Of each subtree, for `make_app(…, routers=…)`; `view.running()` is to run beside it."""
    return (
        node.router(view),
        names.router(view),
        apt.router(view),
        network.router(view),
        services.router(view),
        disks.router(view),
        logs.router(view),
        tasks.router(),
        published.router(),
        guests.router(),
    )
