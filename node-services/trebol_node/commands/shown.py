"""`trebol node status|network|time|services|tasks|log|report`: what the node's API says, for root on a terminal."""

from __future__ import annotations

import json
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from trebol_common.errors import BadInput, TrebolError, printable
from trebol_common.i18n import _
from trebol_node.client import API_SOCKET, LOCALHOST, NODE, Api, NotAllowed, path_of
from trebol_node.commands import completion

#: Seconds between two looks at what is followed.
_PAUSE = 0.25

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Socket = Annotated[Path, typer.Option("--socket", help="The socket of the node's daemon.", hidden=True)]
OnNode = Annotated[
    str,
    typer.Option("--node", metavar="NAME", help="Of another member of the cluster.", autocompletion=completion.nodes),
]
Wait = Annotated[bool, typer.Option(help="Wait for its end, and show what it says.")]

network = typer.Typer(
    help="The node's network.\n\nExample: trebol node network",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)


class ServiceWord(StrEnum):
    """What can be done with a service."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    RELOAD = "reload"


def register(app: typer.Typer) -> None:
    """Put the commands into `trebol node`."""
    app.command("status")(status_command)
    app.add_typer(network, name="network")
    app.command("time")(time_command)
    app.command("services")(services_command)
    app.command("tasks")(tasks_command)
    app.command("log")(log_command)
    app.command("report")(report_command)


def status_command(node: OnNode = LOCALHOST, as_json: AsJson = False, socket: Socket = API_SOCKET) -> None:
    """Show name, addresses, management page, state and use of this node, or of another one of the cluster.

    Where the node's daemon does not answer, it says so, and shows what the system itself tells.

    Example: trebol node status --json
    Example: trebol node status --node node2
    """
    from trebol_node.status import Status, to_text

    here = node == LOCALHOST
    found = Status.of_members(_status(socket) if here else Api(socket).get(f"{path_of(node)}/status")["trebol"])
    typer.echo(found.to_json() if as_json else printable(to_text(found)))


def _status(socket: Path) -> Any:
    from trebol_common.run import CommandRunner
    from trebol_node import facts
    from trebol_node.status import status

    try:
        return Api(socket).get(f"{NODE}/status")["trebol"]
    except TrebolError as error:
        typer.echo(f"trebol: {error}", err=True)
        return json.loads(status(facts.read(Path("/"), CommandRunner())).to_json())


@network.callback(invoke_without_command=True)
def network_command(context: typer.Context, as_json: AsJson = False, socket: Socket = API_SOCKET) -> None:
    """Show the interfaces of this node, and what is to be changed of them. They are changed by the API.

    Example: trebol node network
    Example: trebol api create /nodes/localhost/network iface=vmbr1 type=bridge bridge_ports=eno2
    """
    from trebol_node.commands import text as shown

    context.obj = socket
    if context.invoked_subcommand is not None:
        return
    answer = Api(socket).whole("GET", f"{NODE}/network", {})
    if as_json:
        show_json({"interfaces": answer["data"], "changes": answer.get("changes", ""), "trial": answer.get("trial")})
    else:
        typer.echo(shown.network(answer["data"], answer.get("changes", ""), answer.get("trial")))


@network.command("apply")
def apply_command(context: typer.Context, as_json: AsJson = False) -> None:
    """Apply what is to be changed. It is undone in a minute unless confirmed: trebol node network confirm.

    Example: trebol node network apply
    """
    upid = Api(context.obj).set(f"{NODE}/network")
    if as_json:
        show_json(upid)
        return
    typer.echo(upid)
    typer.echo(_("Confirm within a minute: trebol node network confirm"))


@network.command("confirm")
def confirm_command(context: typer.Context) -> None:
    """Keep what was applied.

    Example: trebol node network confirm
    """
    Api(context.obj).create(f"{NODE}/network/confirm")


@network.command("revert")
def revert_command(context: typer.Context, as_json: AsJson = False) -> None:
    """Forget what is to be changed; undo what was applied and not confirmed yet.

    Example: trebol node network revert
    """
    upid = Api(context.obj).delete(f"{NODE}/network")
    if as_json:
        show_json(upid)
    elif upid:
        typer.echo(upid)


def time_command(
    zone: Annotated[str | None, typer.Argument(help="Set the time zone: Europe/Madrid")] = None,
    server: Annotated[list[str] | None, typer.Option(help="Follow this time server; as often as needed.")] = None,
    usual: Annotated[bool, typer.Option("--usual-servers", help="Follow those that the system comes with.")] = False,
    node: OnNode = LOCALHOST,
    as_json: AsJson = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Show the node's time, time zone and time servers, or set zone or servers.

    Example: trebol node time Europe/Madrid --server 192.0.2.123 --server ntp.example.org
    """
    from trebol_node.commands import text as shown

    if usual and server:
        raise BadInput(_("does not go with {option}").format(option="--server"), where="--usual-servers")
    api, path = Api(socket), path_of(node)
    wanted = {} if zone is None else {"timezone": zone}
    if usual or server:
        wanted["servers"] = " ".join(server or ())
    if wanted:
        api.set(f"{path}/time", **wanted)
    value = api.get(f"{path}/time")
    if as_json:
        show_json(value)
    else:
        typer.echo(shown.time(value))


def services_command(
    service: Annotated[
        str | None, typer.Argument(help="One of the services.", autocompletion=completion.services)
    ] = None,
    action: Annotated[ServiceWord | None, typer.Argument(help="What to do with it.")] = None,
    node: OnNode = LOCALHOST,
    as_json: AsJson = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Show the node's services, or start, stop, restart or reload one.

    Example: trebol node services chrony restart
    """
    from trebol_node.commands import text as shown

    api, path = Api(socket), path_of(node)
    if service is not None and action is not None:
        follow(api, api.create(f"{path}/services/{service}/{action.value}"), err=as_json, path=path)
        if not as_json:
            return
    one = service is not None
    found = [api.get(f"{path}/services/{service}/state")] if one else api.get(f"{path}/services")
    if as_json:
        show_json(found[0] if one else found)
    else:
        typer.echo(shown.services(found))


def tasks_command(
    upid: Annotated[
        str | None, typer.Argument(help="Show what this one says.", autocompletion=completion.tasks)
    ] = None,
    running: Annotated[bool, typer.Option("--running", help="Those that run.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Those that failed.")] = False,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=1000)] = 20,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end.")] = False,
    end: Annotated[bool, typer.Option("--end", help="End it.")] = False,
    node: OnNode = LOCALHOST,
    as_json: AsJson = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Show the node's tasks, the newest first, or what one of them says. Exit status 1: that one failed.

    Example: trebol node tasks --failed
    Example: trebol node tasks --node node2 --running
    """
    from trebol_node.commands import text as shown

    api, path = Api(socket), path_of(node)
    if upid is None and (wait or end):
        raise BadInput(_("needs a UPID"), where="--wait" if wait else "--end")
    if upid is None:
        source = "active" if running else "all"
        found = api.get(f"{path}/tasks", source=source, limit=str(limit), errors=str(int(failed)))
        if as_json:
            show_json(found)
        else:
            typer.echo(shown.tasks(found))
        return
    if end:
        api.delete(f"{path}/tasks/{upid}")
    if as_json:
        show_json({**api.get(f"{path}/tasks/{upid}/status"), "log": _lines(api, upid, 0, path)})
    else:
        follow(api, upid, wait=wait, path=path)


#: Seconds for which the daemon may be silent where the task has it start anew, on a slow machine.
ANEW = 300.0


def follow(
    api: Api, upid: str, *, wait: bool = True, err: bool = False, path: str = NODE, silent: float = 0.0
) -> None:
    """Show what a task of the node at `path` says, until its end, on stderr with `err`; raises typer.Exit where that
    is no good one. For `silent` seconds nobody has to answer: an upgrade may restart the daemon."""
    try:
        state = _followed(api, upid, wait=wait, err=err, path=path, silent=silent)
    except KeyboardInterrupt:
        # Only who watches is gone.
        typer.echo(_("it goes on: trebol node tasks --wait {upid}").format(upid=upid), err=True)
        raise
    ended = state.get("exitstatus")
    if ended is not None and not ended.startswith(("OK", "WARNINGS")):
        typer.echo(printable(_("failed: {reason}").format(reason=ended)), err=True)
        raise typer.Exit(1)


def _followed(api: Api, upid: str, *, wait: bool, err: bool, path: str, silent: float) -> dict[str, Any]:
    """Its state at last."""
    seen, end = 0, time.monotonic() + silent
    while True:
        try:
            # In this order: what it said last comes before its end.
            state = api.get(f"{path}/tasks/{upid}/status")
            lines = _lines(api, upid, seen, path)
        except TrebolError as error:
            if isinstance(error, BadInput | NotAllowed) or time.monotonic() > end:
                raise
            time.sleep(_PAUSE)
            continue
        end = time.monotonic() + silent
        for line in lines:
            seen += 1
            typer.echo(printable(line), err=err)
        if state["status"] == "stopped" or not wait:
            return dict(state)
        time.sleep(_PAUSE)


def _lines(api: Api, upid: str, start: int, path: str) -> list[str]:
    return [line["t"] for line in api.get(f"{path}/tasks/{upid}/log", start=str(start), limit="0")]


def log_command(
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many.", min=1, max=5000)] = 50,
    service: Annotated[
        str | None, typer.Option(help="Of one service alone: trebold", autocompletion=completion.services)
    ] = None,
    following: Annotated[bool, typer.Option("--follow", "-f", help="Show what comes, until interrupted.")] = False,
    node: OnNode = LOCALHOST,
    as_json: AsJson = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Show the last lines of the node's journal.

    Example: trebol node log --service trebold --follow
    """
    api, path = Api(socket), path_of(node)
    of = {"service": service} if service else {}
    found = api.get(f"{path}/journal", lastentries=str(lines), **of)
    if as_json:
        show_json(found[1:-1])
        return
    _say(found)
    while following:
        time.sleep(_PAUSE)
        # Without a line yet there is no place to go on from.
        since = {"startcursor": found[-1]} if found else {"lastentries": str(lines)}
        found = api.get(f"{path}/journal", **since, **of)
        _say(found)


def _say(found: list[str]) -> None:
    """The lines between the cursors."""
    for line in found[1:-1]:
        typer.echo(printable(line))


def report_command(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Into this file.")] = None,
    node: OnNode = LOCALHOST,
    as_json: AsJson = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Show what to send along with a question: status, hardware, network, tasks, warnings. Secrets are left out.

    Example: trebol node report --output report.txt
    """
    from trebol_common.files import write_output

    if as_json and output is not None:
        raise BadInput(_("does not go with {option}").format(option="--output"), where="--json")
    text = Api(socket).get(f"{path_of(node)}/report")
    if as_json:
        show_json(text)
    elif output is None:
        typer.echo(printable(text))
    else:
        write_output(output, text)


def show_json(value: Any) -> None:
    """As JSON, for programs."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
