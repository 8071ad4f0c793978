"""`trebol api …`: the node's API from the shell, like pvesh."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from trebol_common.errors import BadInput
from trebol_common.i18n import _
from trebol_node.client import API_SOCKET, Api
from trebol_node.commands import completion

app = typer.Typer(
    help="This node's API, whose paths and arguments are those of Proxmox VE's.\n\nExample: trebol api get /nodes",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)

PathOfTree = Annotated[
    str,
    typer.Argument(metavar="PATH", help="A path of the API: /cluster/resources", autocompletion=completion.paths),
]
Given = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...",
        help="Arguments; a value of - is read from standard input.",
        autocompletion=completion.arguments,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Socket = Annotated[Path, typer.Option("--socket", help="The socket of the node's daemon.", hidden=True)]


@app.command("get")
def get_command(path: PathOfTree, given: Given = None, as_json: AsJson = False, socket: Socket = API_SOCKET) -> None:
    """Show what is at a path.

    Example: trebol api get /cluster/resources type=node --json
    """
    _call("GET", path, given, as_json=as_json, socket=socket)


@app.command("create")
def create_command(
    path: PathOfTree, given: Given = None, as_json: AsJson = False, socket: Socket = API_SOCKET
) -> None:
    """Make something at a path (POST).

    Example: trebol api create /access/users userid=ana@trebol password=-
    """
    _call("POST", path, given, as_json=as_json, socket=socket)


@app.command("set")
def set_command(path: PathOfTree, given: Given = None, as_json: AsJson = False, socket: Socket = API_SOCKET) -> None:
    """Change what is at a path (PUT).

    Example: trebol api set /access/acl path=/ users=ana@trebol roles=PVEAdmin
    """
    _call("PUT", path, given, as_json=as_json, socket=socket)


@app.command("delete")
def delete_command(
    path: PathOfTree, given: Given = None, as_json: AsJson = False, socket: Socket = API_SOCKET
) -> None:
    """Delete what is at a path.

    Example: trebol api delete /access/users/ana@trebol
    """
    _call("DELETE", path, given, as_json=as_json, socket=socket)


def _call(method: str, path: str, given: list[str] | None, *, as_json: bool, socket: Path) -> None:
    from trebol_node.table import to_text

    value = Api(socket).call(method, path, arguments_of(given or []))
    if as_json:
        typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
    elif text := to_text(value):
        typer.echo(text)


def arguments_of(words: list[str]) -> dict[str, list[str]]:
    """`key=value` words by key; a value of `-` is the next line of standard input, where secrets belong."""
    found: dict[str, list[str]] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            # Without the word: it may be a secret that lost its name.
            raise BadInput(_("an argument is not KEY=VALUE"), hint=_("example: type=node"))
        found.setdefault(name, []).append(sys.stdin.readline().rstrip("\n") if value == "-" else value)
    return found
