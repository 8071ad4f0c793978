"""`/nodes/{node}/services`: systemd's services that a node is run by."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from fastapi import APIRouter

from trebol_node.access import Identity
from trebol_node.api.context import TheContext
from trebol_node.api.errors import ApiError
from trebol_node.api.forms import no_arguments
from trebol_node.api.rights import requires
from trebol_node.api.routes.nodes.common import NODE, ask, subtree
from trebol_node.api.routes.nodes.view import NodeView
from trebol_node.worker.operations import ServiceAction
from trebol_node.worker.services import SERVICES, Action

_AUDIT = requires(NODE, "Sys.Audit")
Modifier = Annotated[Identity, requires(NODE, "Sys.Modify")]


def router(view: NodeView) -> APIRouter:
    """The routes."""
    made = subtree("/services", "services")

    @made.get("", dependencies=[_AUDIT, no_arguments])
    async def list_services() -> list[dict[str, str]]:
        """Every service, running or not."""
        return await view.services.get()

    @made.get("/{service}", dependencies=[_AUDIT, no_arguments])
    async def index(service: str) -> list[dict[str, str]]:
        """What can be had of it and done with it."""
        _known(service)
        return [{"subdir": name} for name in ("state", *get_args(Action))]

    @made.get("/{service}/state", dependencies=[_AUDIT, no_arguments])
    async def state(service: str) -> dict[str, str]:
        """One service."""
        _known(service)
        found: dict[str, str] = next(each for each in await view.services.get() if each["service"] == service)
        return found

    for action in get_args(Action):
        made.add_api_route(
            f"/{{service}}/{action}",
            _doing(view, action),
            methods=["POST"],
            dependencies=[no_arguments],
            name=f"{action} service",
        )
    return made


def _doing(view: NodeView, action: Action) -> Any:
    async def act(service: str, who: Modifier, context: TheContext) -> str:
        """Do it; the task's UPID."""
        _known(service)
        upid: str = await ask(context, ServiceAction(service=service, action=action), who.user)
        view.acted()
        return upid

    return act


def _known(service: str) -> None:
    if service not in SERVICES:
        raise ApiError(404, "service does not exist", errors={"service": "service does not exist"})
