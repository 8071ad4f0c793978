"""`/nodes/{node}/network`: the interfaces of a node, a candidate of them, and having it applied.

POST, PUT and DELETE of an interface change the candidate. PUT of the list applies it as a task, which is undone
unless `POST …/confirm` comes in time; DELETE of the list forgets it, or undoes what was applied.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from trebol_common.errors import BadInput
from trebol_node.access import Identity
from trebol_node.api.context import Context, TheContext
from trebol_node.api.errors import ApiError, wrong
from trebol_node.api.forms import Parameters, arguments, no_arguments
from trebol_node.api.rights import requires
from trebol_node.api.routes.nodes.common import NODE, ask, extended, of_input, subtree
from trebol_node.api.routes.nodes.view import NodeView
from trebol_node.system.interface_arguments import InterfaceArguments
from trebol_node.system.interface_changes import DoesNotExist, created, deleted, updated
from trebol_node.system.interfaces import LiveLink, interfaces, wanted
from trebol_node.system.netplan import NetworkFiles, merged
from trebol_node.worker.operations import (
    ApplyNetwork,
    ConfirmNetwork,
    DropNetworkCandidate,
    RevertNetwork,
    SetNetworkCandidate,
)

_AUDIT = requires(NODE, "Sys.Audit")
Modifier = Annotated[Identity, requires(NODE, "Sys.Modify")]

Change = Callable[[NetworkFiles, tuple[LiveLink, ...]], str]


class Kind(Parameters):
    """Which interfaces to show; all by default."""

    type: Annotated[str | None, Field(max_length=32, pattern=r"\A[A-Za-z_]+\z")] = None


class InterfaceForm(InterfaceArguments, Parameters):
    """An interface; what is not given stays as it is, what `delete` names goes."""


class NewInterface(InterfaceForm):
    """A new interface."""

    iface: Annotated[str, Field(max_length=15)]


class Reload(Parameters):
    """`regenerate-frr` is of Proxmox VE's SDN, and has nothing to do here."""

    regenerate_frr: Literal["0", "1"] | None = None


def router(view: NodeView) -> APIRouter:
    """The routes."""
    made = subtree("/network", "network")

    @made.get("", dependencies=[_AUDIT])
    async def list_interfaces(given: Annotated[Kind, arguments(Kind)]) -> Response:
        """Interfaces as they are to be. `changes`: the candidate as a difference to what is; `trial`: what waits."""
        files = await view.network.get()
        found = interfaces(merged(files), await view.links())
        return extended(wanted(found, given.type or ""), changes=files.changes or None, trial=files.trial)

    @made.get("/{iface}", dependencies=[_AUDIT, no_arguments])
    async def get_interface(iface: str) -> dict[str, Any]:
        """One interface, as it is to be."""
        for each in await view.interfaces():
            if each["iface"] == iface:
                return {key: value for key, value in each.items() if key != "iface"}
        raise _absent()

    @made.post("")
    async def create(
        who: Modifier, context: TheContext, given: Annotated[NewInterface, arguments(NewInterface)]
    ) -> None:
        """Add an interface to the candidate."""
        await _change(view, context, who, lambda files, links: created(files, given, links))

    @made.put("/{iface}")
    async def update(
        iface: str, who: Modifier, context: TheContext, given: Annotated[InterfaceForm, arguments(InterfaceForm)]
    ) -> None:
        """Change an interface of the candidate."""
        if given.iface not in (None, iface):
            raise wrong(iface="an interface cannot get another name")
        await _change(view, context, who, lambda files, links: updated(files, iface, given, links))

    @made.delete("/{iface}", dependencies=[no_arguments])
    async def delete(iface: str, who: Modifier, context: TheContext) -> None:
        """Take an interface out of the candidate."""
        await _change(view, context, who, lambda files, links: deleted(files, iface, links))

    @made.put("")
    async def apply(who: Modifier, context: TheContext, _given: Annotated[Reload, arguments(Reload)]) -> str:
        """Have the candidate applied; it is undone unless confirmed within a minute. The task's UPID."""
        upid: str = await ask(context, ApplyNetwork(), who.user)
        view.network.stale()
        return upid

    @made.post("/confirm", dependencies=[no_arguments])
    async def confirm(who: Modifier, context: TheContext) -> None:
        """Keep what was applied."""
        await ask(context, ConfirmNetwork(), who.user)
        await view.network.refresh()

    @made.delete("", dependencies=[no_arguments])
    async def revert(who: Modifier, context: TheContext) -> str | None:
        """Forget the candidate; of one that is applied and waits to be confirmed, the UPID of what undoes it."""
        await view.network.refresh()
        upid: str | None = None
        if (await view.network.get()).trial is not None:
            upid = await ask(context, RevertNetwork(), who.user)
        else:
            await ask(context, DropNetworkCandidate(), who.user)
        await view.network.refresh()
        return upid

    return made


async def _change(view: NodeView, context: Context, who: Identity, change: Change) -> None:
    """Make a candidate of the newest one, and have the worker keep it if nobody was faster."""
    await view.network.refresh()
    files = await view.network.get()
    try:
        text = change(files, await view.links())
    except DoesNotExist as error:
        raise _absent() from error
    except BadInput as error:
        raise of_input(error) from error
    try:
        await ask(context, SetNetworkCandidate(netplan=text, digest=files.digest), who.user)
    finally:
        await view.network.refresh()


def _absent() -> ApiError:
    return ApiError(404, "interface does not exist", errors={"iface": "interface does not exist"})
