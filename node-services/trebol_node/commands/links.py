"""`trebol cluster link …`: corosync's links, over the node's own API."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from trebol_common.errors import BadInput, printable
from trebol_common.i18n import _
from trebol_node.client import API_SOCKET, Api
from trebol_node.commands.going_on import Abort, Resume, gone_on
from trebol_node.commands.shown import AsJson, Socket, follow, show_json
from trebol_node.table import aligned

app = typer.Typer(
    help="The networks by which the nodes see each other (links of corosync).\n\nExample: trebol cluster link list",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Number = Annotated[int, typer.Argument(metavar="LINK", help="Its number, 0 to 7.", min=0, max=7)]


@app.command("set")
def set_command(
    link: Annotated[
        int | None, typer.Argument(metavar="LINK", help="Its number, 0 to 7.", min=0, max=7, show_default=False)
    ] = None,
    addresses: Annotated[
        list[str] | None, typer.Argument(metavar="NODE=ADDRESS…", help="Of a new link, for each node.")
    ] = None,
    priority: Annotated[
        int | None, typer.Option(help="Of the links that work, that of the highest is used.", min=0, max=255)
    ] = None,
    resume: Resume = False,
    abort: Abort = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Add a link for all nodes, or change addresses on one, or its priority, while the cluster runs. A link by which
    the nodes then do not reach each other is taken back.

    Example: trebol cluster link set 1 n1=10.1.0.1 n2=10.1.0.2 n3=10.1.0.3
    """
    api = Api(socket)
    alone = link is None and not addresses and priority is None
    if gone_on(api, "link set", resume=resume, abort=abort, alone=alone):
        return
    if link is None:
        raise BadInput(_("is missing"), where="LINK", hint="trebol cluster link list")
    if not addresses and priority is None:
        raise BadInput(_("is missing"), where="NODE=ADDRESS", hint="--priority NUMBER")
    given: dict[str, str] = {}
    if addresses:
        for each in addresses:
            name, equals, address = each.partition("=")
            if not (equals and name and address):
                raise BadInput(_("is not NODE=ADDRESS"), where=each)
        given["addresses"] = ",".join(addresses)
    if priority is not None:
        given["priority"] = str(priority)
    follow(api, api.set(f"/cluster/config/links/{link}", **given))


@app.command("remove")
def remove_command(link: Number, socket: Socket = API_SOCKET) -> None:
    """Remove a link from all nodes, while the cluster runs. Refused where nodes reach each other by no other.

    Example: trebol cluster link remove 1
    """
    api = Api(socket)
    follow(api, api.delete(f"/cluster/config/links/{link}"))


@app.command("list")
def list_command(as_json: AsJson = False, socket: Socket = API_SOCKET) -> None:
    """Show the links, and which nodes reach each other by them. Exit status 1: some that are online do not.

    Example: trebol cluster link list --json
    """
    found = Api(socket).get("/cluster/config/links")
    nodes = [(link, node) for link in found for node in link["nodes"]]
    if as_json:
        show_json(found)
    elif not found:
        typer.echo(_("this node stands alone"))
    else:
        head = (_("link"), _("priority"), _("node"), _("address"), _("state"))
        typer.echo(aligned([head, *(_row(link, node) for link, node in nodes)]))
    if any(node["missing"] for _link, node in nodes):
        raise typer.Exit(1)


def _row(link: dict[str, Any], node: dict[str, Any]) -> tuple[str, ...]:
    number, priority = str(link["link"]), str(link["priority"])
    return number, priority, printable(node["node"]), printable(node["address"]), _state(node)


def _state(node: dict[str, Any]) -> str:
    if not node["online"]:
        return _("offline")
    if node["missing"]:
        return _("does not reach {nodes}").format(nodes=printable(", ".join(node["missing"])))
    return _("connected") if node["connected"] else "-"
