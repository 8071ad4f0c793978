"""`trebol fence …`: what cuts the power of a node that the others have lost, over the node's own API."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from trebol_common.errors import BadInput, of_system, printable
from trebol_common.i18n import _
from trebol_node.client import API_SOCKET, Api
from trebol_node.commands.shown import AsJson, Socket, follow, show_json
from trebol_node.table import aligned

app = typer.Typer(
    help="What cuts the power of a node that the others have lost.\n\nExample: trebol fence list",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)

_BASE = "/cluster/fencing"

#: The secret that nearly every device has: it is asked for.
_PASSWORD = "password"

Node = Annotated[str, typer.Argument(metavar="NODE", help="Name of a node of the cluster.")]
Device = Annotated[str, typer.Argument(metavar="DEVICE", help="NODE.NAME, as `trebol fence list` shows it.")]


@app.command("add")
def add_command(
    node: Node,
    given: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE", help="What the agent is told: ip=192.0.2.61")
    ] = None,
    agent: Annotated[str, typer.Option(help="The program that speaks with the device: fence_ipmilan.")] = "",
    name: Annotated[str | None, typer.Option(help="What to call it; by default after its agent.")] = None,
    level: Annotated[
        int | None,
        typer.Option(min=1, max=9, help="Its place in the order; devices of one level have to do it together."),
    ] = None,
    secrets: Annotated[
        str | None, typer.Option(metavar="FILE", help="Take secrets from a file, NAME=VALUE a line; -: from stdin.")
    ] = None,
    as_json: AsJson = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Add a fence device of a node. The password is asked for where --secrets does not have it.

    Example: trebol fence add node2 --agent fence_ipmilan ip=192.0.2.62 username=admin
    Example: trebol fence add node2 --agent fence_apc_snmp --level 2 ip=192.0.2.70 plug=4
    """
    api = Api(socket)
    if not agent:
        raise BadInput(_("is missing"), where="--agent", hint="trebol fence agents")
    parameters = {each["name"]: each for each in api.get(f"{_BASE}/agents/{agent}")["parameters"]}
    pairs = [*(given or ()), *(_lines(secrets) if secrets else ())]
    _refuse_shown(given or (), parameters)
    if not secrets and _PASSWORD in parameters and sys.stdin.isatty():
        text = typer.prompt(
            _("Password of the device (none: Enter)"), default="", hide_input=True, show_default=False
        )
        pairs += [f"{_PASSWORD}={text}"] if text else []
    more = {key: str(value) for key, value in (("name", name), ("level", level)) if value is not None}
    made = api.create(f"{_BASE}/devices", node=node, agent=agent, options=pairs, **more)
    if as_json:
        show_json(made)
        return
    typer.echo(made)
    typer.echo(_("Test it on another node: trebol fence test {node}").format(node=node), err=True)


@app.command("list")
def list_command(as_json: AsJson = False, socket: Socket = API_SOCKET) -> None:
    """List the fence devices of all nodes, and when each node was last proved. Exit status 1: one is not.

    Example: trebol fence list --json
    """
    api = Api(socket)
    nodes, devices = api.get(_BASE), api.get(f"{_BASE}/devices")
    if as_json:
        show_json({"nodes": nodes, "devices": devices})
    else:
        rows = [(each["id"], str(each["level"]), each["agent"], _where(each["options"])) for each in devices]
        if rows:
            typer.echo(aligned([(_("device"), _("level"), _("agent"), _("where")), *rows]))
        typer.echo(aligned([(_("node"), _("fencing"), _("last proved"), _("how")), *map(_row, nodes)]))
        for each in nodes:
            for problem in (*each["problems"], *each["warnings"]):
                typer.echo(printable(f"{each['node']}: {problem}"))
    if any(each["state"] != "proven" for each in nodes):
        raise typer.Exit(1)


@app.command("show")
def show_command(device: Device, as_json: AsJson = False, socket: Socket = API_SOCKET) -> None:
    """Show a fence device; of its secrets only that there are some.

    Example: trebol fence show node2.ipmilan
    """
    found = Api(socket).get(f"{_BASE}/devices/{device}")
    if as_json:
        show_json(found)
        return
    rows = [(_("agent"), found["agent"]), (_("level"), str(found["level"])), *sorted(found["options"].items())]
    typer.echo(aligned([(name, printable(value)) for name, value in rows]))


@app.command("remove")
def remove_command(device: Device, socket: Socket = API_SOCKET) -> None:
    """Remove a fence device. Without one that was proved for each node HA is off.

    Example: trebol fence remove node2.ipmilan
    """
    Api(socket).delete(f"{_BASE}/devices/{device}")


@app.command("test")
def test_command(
    node: Node,
    power_cycle: Annotated[
        bool, typer.Option("--power-cycle", help="Really cut its power, and give it again.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before.")] = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Prove that a node can be fenced: ask its devices. Run it on another node.

    Example: trebol fence test node2
    Example: trebol fence test node2 --power-cycle
    """
    more = {}
    if power_cycle:
        if not yes:
            asked = _("This cuts the power of {node}, whatever runs there. Its name, to go on").format(node=node)
            if typer.prompt(asked, default="", show_default=False) != node:
                raise BadInput(_("is not what was typed: nothing was done"), where=node)
        more = {"power-cycle": "1", "confirm": node}
    api = Api(socket)
    follow(api, api.create(f"{_BASE}/test", node=node, **more))


@app.command("agents")
def agents_command(as_json: AsJson = False, socket: Socket = API_SOCKET) -> None:
    """List the fence agents that a node has.

    Example: trebol fence agents
    """
    found = Api(socket).get(f"{_BASE}/agents")
    if as_json:
        show_json(found)
    else:
        typer.echo("\n".join(each["agent"] for each in found))


@app.command("parameters")
def parameters_command(
    agent: Annotated[str, typer.Argument(metavar="AGENT")], as_json: AsJson = False, socket: Socket = API_SOCKET
) -> None:
    """Show what a fence agent is to be told.

    Example: trebol fence parameters fence_ipmilan
    """
    found = Api(socket).get(f"{_BASE}/agents/{agent}")
    if as_json:
        show_json(found)
        return
    typer.echo(printable(found["description"]))
    rows = [
        (each["name"], "|".join(each["choices"]) or each["type"], _marks(each), each["description"])
        for each in found["parameters"]
    ]
    typer.echo(printable(aligned(rows)))


def _lines(source: str) -> list[str]:
    """NAME=VALUE of each line that is not empty. Raises BadInput."""
    try:
        text = typer.get_text_stream("stdin").read() if source == "-" else Path(source).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(_("is no UTF-8 text"), where=source) from error
    except OSError as error:
        raise BadInput.of(of_system(error).problems) from error
    return [line for line in text.splitlines() if line.strip()]


def _refuse_shown(given: Iterable[str], parameters: dict[str, Any]) -> None:
    """No secret on the command line."""
    for each in given:
        name, equals, _value = each.partition("=")
        if not equals:
            raise BadInput(_("is not NAME=VALUE"), where=printable(each))
        if parameters.get(name, {}).get("secret") or name.endswith(("passwd", "password")):
            hint = _("leave it out, and it is asked for; or: --secrets FILE")
            raise BadInput(_("would be seen by all in `ps`"), where=printable(name), hint=hint)


def _where(options: dict[str, str]) -> str:
    place = options.get("ip") or options.get("devices") or options.get("plug") or "-"
    plug = options.get("plug")
    return printable(f"{place} {plug}" if plug and plug != place else place)


def _row(node: dict[str, Any]) -> tuple[str, ...]:
    words = {
        "none": _("no device"),
        "untested": _("not tested"),
        "changed": _("changed since its test"),
        "failed": _("test failed"),
        "proven": _("proven"),
    }
    last = datetime.fromtimestamp(node["proven"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if node["proven"] else "-"
    return printable(node["node"]), words[node["state"]], last, node["how"] or "-"


def _marks(parameter: dict[str, Any]) -> str:
    marks = [_("required")] if parameter["required"] else []
    marks += [_("secret")] if parameter["secret"] else []
    return ", ".join([*marks, *([f"= {parameter['default']}"] if parameter["default"] else [])])
