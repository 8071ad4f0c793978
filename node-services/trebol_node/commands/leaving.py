"""`trebol cluster leave` and `remove`, over the node's own API; and what is shown of a node on its way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from trebol_common.errors import BadInput
from trebol_common.i18n import _
from trebol_node.client import API_SOCKET, Api, path_of
from trebol_node.commands.going_on import Abort, Resume, gone_on
from trebol_node.commands.shown import ANEW, Socket, follow


def leave_command(
    last: Annotated[bool, typer.Option("--last", help="It is the last node: the cluster ends.")] = False,
    forced: Annotated[bool, typer.Option("--forced", help="It was removed: ask nobody.")] = False,
    resume: Resume = False,
    abort: Abort = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Have this node leave its cluster, and stand alone with an empty store. The old one is kept beside it.

    Example: trebol cluster leave
    """
    api = Api(socket)
    if gone_on(api, "leave", resume=resume, abort=abort, alone=not (last or forced)):
        return
    if last and forced:
        raise BadInput(_("goes alone"), where="--last")
    how = "last" if last else "forced" if forced else "leave"
    follow(api, api.create("/cluster/config/leave", how=how), silent=ANEW)


def remove_command(
    node: Annotated[str, typer.Argument(help="Its name.")],
    dead: Annotated[
        bool, typer.Option("--dead", help="You have seen that it is off, and it never starts as it is.")
    ] = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Remove a node that is dead, or one that has joined by halves. One that works leaves by itself.

    Example: trebol cluster remove node3 --dead
    """
    Api(socket).delete(f"/cluster/config{path_of(node, where='NODE')}", dead=str(int(dead)))


def state_of(node: Mapping[str, Any]) -> str:
    """How a node of GET /cluster/status is on its way; empty for a member that stays."""
    states = {
        "joining": _("joins"),
        "leaving": _("leaves"),
        "renaming": _("gets another name"),
        "removed": _("removed"),
    }
    return next((text for name, text in states.items() if node.get(name)), "")


def tell_removed(nodes: Iterable[Mapping[str, Any]]) -> None:
    """Say what to do, where this node is none of the cluster any more."""
    if any(node.get("removed") for node in nodes):
        typer.echo(_("this node was removed from the cluster; to have it stand alone: trebol cluster leave --forced"))
