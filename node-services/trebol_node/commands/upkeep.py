"""`trebol node name|ssh-keys|update`: what the node is called, who gets in as its root, its packages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trebol_common.errors import printable
from trebol_node.client import API_SOCKET, LOCALHOST, NODE, Api, path_of
from trebol_node.commands.shown import AsJson, OnNode, Socket, follow, show_json


def register(app: typer.Typer) -> None:
    """Put the commands into `trebol node`."""
    app.command("name")(name_command)
    app.command("ssh-keys")(keys_command)
    app.command("update")(update_command)


def name_command(
    name: Annotated[str | None, typer.Argument(metavar="FQDN", help="Its new full name: node1.example.org")] = None,
    as_json: AsJson = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Show the node's full name, or give it another one.

    Example: trebol node name node1.example.org
    """
    api = Api(socket)
    if name is not None:
        api.set(f"{NODE}/hostname", fqdn=name)
    value = api.get(f"{NODE}/hostname")
    if as_json:
        show_json(value)
    else:
        typer.echo(printable(value["fqdn"]))


def keys_command(
    add: Annotated[list[Path] | None, typer.Option(help="Let in the keys of this .pub file; -: of stdin.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="Take away the key with this comment, or itself.")] = None,
    node: OnNode = LOCALHOST,
    as_json: AsJson = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Show the SSH keys that get root in, or change which do. Comments in the file, and other lines of it, stay.

    Example: trebol node ssh-keys --add ana.pub --remove eva@laptop
    """
    from trebol_node.root_keys import changed

    api, path = Api(socket), path_of(node)
    answer = api.whole("GET", f"{path}/sshkeys", {})
    if add or remove:
        added = [typer.open_file(str(path), encoding="utf-8").read() for path in add or ()]
        keys = changed(answer["data"], added, remove or ())
        api.set(f"{path}/sshkeys", keys="\n".join(keys), digest=answer["digest"])
        answer = api.whole("GET", f"{path}/sshkeys", {})
    if as_json:
        show_json(answer["data"])
        return
    for key in answer["data"]:
        typer.echo(printable(key))


def update_command(
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask the mirrors first.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Bring all of it up to date.")] = False,
    node: OnNode = LOCALHOST,
    as_json: AsJson = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Show the packages that could be brought up to date, or do so. Exit status 1: that failed.

    Configuration files that somebody changed stay as they are; no package is removed.

    Example: trebol node update --refresh --apply
    """
    from trebol_node.commands import text as shown

    api, path = Api(socket), path_of(node)
    if refresh:
        follow(api, api.create(f"{path}/apt/update"), err=as_json, path=path)
    if apply:
        follow(api, api.create(f"{path}/apt/upgrade"), err=as_json, path=path)
    found = api.get(f"{path}/apt/update")
    if as_json:
        show_json(found)
    elif not apply:
        typer.echo(shown.updates(found))
