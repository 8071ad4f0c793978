"""`trebol cluster witness …`: the third vote of two nodes, over the node's own API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from trebol_common.errors import BadInput, printable
from trebol_common.i18n import _
from trebol_node.client import API_SOCKET, Api
from trebol_node.commands.shown import AsJson, Socket, show_json

app = typer.Typer(
    help="The third vote of two nodes, on a machine beside them.\n\nExample: trebol cluster witness add 192.0.2.9",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)

_PATH = "/cluster/config/qdevice"


@app.command("add")
def add_command(
    host: Annotated[str, typer.Argument(help="Name or address of a Debian machine that is no node.")],
    ttl: Annotated[str, typer.Option(help="How long its token is good: 15m, 2h, 7d.")] = "1h",
    as_json: AsJson = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Invite a machine to be the witness. Its token is shown this once.

    Example: trebol cluster witness add 192.0.2.9
    """
    found = Api(socket).create(_PATH, host=host, ttl=ttl)
    if as_json:
        show_json(found)
        return
    typer.echo(found["token"])
    end = datetime.fromtimestamp(found["end"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    typer.echo(
        _("good until {time}; on {host}, which has the package trebol-witness: trebol-witness join TOKEN").format(
            time=end, host=printable(host)
        ),
        err=True,
    )
    if found["waits"]:
        typer.echo(_("an odd number of nodes needs no witness: its vote waits until the number is even"), err=True)


@app.command("show")
def show_command(as_json: AsJson = False, socket: Socket = API_SOCKET) -> None:
    """Show the witness. Exit status 1: it should vote, and does not.

    Example: trebol cluster witness show --json
    """
    found = Api(socket).get(_PATH).get("witness")
    if as_json:
        show_json(found)
    elif found is None:
        typer.echo(_("the cluster has no witness"))
    else:
        typer.echo(line(found))
    if found is not None and found["state"] == "silent":
        raise typer.Exit(1)


@app.command("remove")
def remove_command(socket: Socket = API_SOCKET) -> None:
    """Do without the witness, or take its invitation back.

    Example: trebol cluster witness remove
    """
    api = Api(socket)
    if api.get(_PATH).get("witness") is None:
        raise BadInput(_("the cluster has none"), where=_("witness"), hint="trebol cluster witness add HOST")
    api.delete(_PATH)


def line(found: dict[str, Any]) -> str:
    """The witness in one line, for people."""
    said = {
        "invited": _("invited, its token is not used yet"),
        "comes": _("has used its token, and does not vote yet"),
        "waits": _("waits: an odd number of nodes needs no witness"),
        "votes": _("votes"),
        "silent": _("does not answer"),
    }[found["state"]]
    store = {
        "voter": _("votes in the store"),
        "learner": _("learns what the store holds"),
        "waits": _("no vote in the store yet"),
        "none": _("no vote in the store"),
    }[found["store"]]
    address = printable(found["address"])
    host = printable(found["host"])
    name = host if host == address else f"{host} ({address})"
    return _("witness {name}: {state}; {store}").format(name=name, state=said, store=store)
