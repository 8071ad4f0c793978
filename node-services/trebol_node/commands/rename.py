"""`trebol node rename` and `trebol cluster rename`, over the node's own API."""

from __future__ import annotations

from typing import Annotated

import typer

from trebol_common.errors import BadInput
from trebol_common.i18n import _
from trebol_node.client import API_SOCKET, Api, path_of
from trebol_node.commands.going_on import Abort, Resume, gone_on
from trebol_node.commands.shown import ANEW, Socket, follow


def rename_node_command(
    name: Annotated[str, typer.Argument(help="Its new host name, without the domain, which stays.")],
    socket: Socket = API_SOCKET,
) -> None:
    """Give this node of a cluster another name, while the others go on. Nothing may run on it. One that stands alone
    is renamed by: trebol node name.

    Example: trebol node rename node7
    """
    api = Api(socket)
    follow(api, api.set("/cluster/config/nodes/localhost/name", name=name), silent=ANEW)


def rename_command(
    first: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="The cluster's new name; or, before another, this node's.", show_default=False
        ),
    ] = None,
    new: Annotated[
        str | None, typer.Argument(metavar="NEW", help="This node's new host name.", show_default=False)
    ] = None,
    resume: Resume = False,
    abort: Abort = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Give the cluster another name, which corosync takes on each node when it starts next. With two names: give this
    node another one, as `trebol node rename`; --resume and --abort are for that.

    Example: trebol cluster rename clover-2

    Example: trebol cluster rename node3 node7
    """
    api = Api(socket)
    if gone_on(api, "rename", resume=resume, abort=abort, alone=not (first or new)):
        return
    if not first:
        raise BadInput(_("is missing"), where="NAME", hint="trebol cluster rename clover-2")
    if new is None:
        api.set("/cluster/config/name", name=first)
    else:
        path = path_of(first, where="NODE")
        follow(api, api.set(f"/cluster/config{path}/name", name=new), silent=ANEW)
