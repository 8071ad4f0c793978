"""`trebol node rename` and `trebol cluster rename`, over the node's own API."""

from __future__ import annotations

from typing import Annotated

import typer

from trebol_common.errors import BadInput
from trebol_common.i18n import _
from trebol_node.client import API_SOCKET, Api
from trebol_node.shown_commands import Socket, follow

Resume = Annotated[bool, typer.Option("--resume", help="Go on with a change of name that was cut off.")]
Abort = Annotated[bool, typer.Option("--abort", help="Take back a change of name that was cut off.")]


def rename_node_command(
    name: Annotated[str, typer.Argument(help="Its new host name, without the domain, which stays.")],
    socket: Socket = API_SOCKET,
) -> None:
    """Give this node of a cluster another name, while the others go on. Nothing may run on it. One that stands alone
    is renamed by: trebol node name.

    Example: trebol node rename node7
    """
    api = Api(socket)
    follow(api, api.set("/cluster/config/nodes/localhost/name", name=name))


def rename_command(
    node: Annotated[str | None, typer.Argument(help="This node's name.", show_default=False)] = None,
    name: Annotated[str | None, typer.Argument(help="Its new host name.", show_default=False)] = None,
    resume: Resume = False,
    abort: Abort = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Give this node of a cluster another name, as `trebol node rename`; or go on with that, or take it back.

    Example: trebol cluster rename node3 node7
    """
    api = Api(socket)
    if resume or abort:
        if node or name or (resume and abort):
            raise BadInput(_("goes alone"), where="--resume" if resume else "--abort")
        follow(api, api.create("/cluster/config/go-on", how="resume" if resume else "abort"))
        return
    if not node or not name:
        raise BadInput(_("is missing"), where="NAME" if node else "NODE", hint="trebol cluster rename node3 node7")
    follow(api, api.set(f"/cluster/config/nodes/{node}/name", name=name))
