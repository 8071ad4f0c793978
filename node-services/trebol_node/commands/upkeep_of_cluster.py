"""`trebol cluster diagnose|shutdown|start`, `trebol node maintenance`: what is wrong, and nodes out in order."""

from __future__ import annotations

import time
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

import typer

from trebol_common.errors import BadInput, printable
from trebol_common.i18n import _
from trebol_node.client import API_SOCKET, Api, Unreachable, path_of
from trebol_node.commands.shown import AsJson, Socket, show_json

#: Seconds between two looks at what goes on.
_PAUSE = 0.5
#: Seconds without news until it is told what is waited for.
_QUIET = 15.0


class MaintenanceWord(StrEnum):
    """What can be done about a node."""

    ON = "on"
    OFF = "off"
    CHECK = "check"


def register(app: typer.Typer) -> None:
    """Put the commands into `trebol cluster`."""
    app.command("diagnose")(diagnose_command)
    app.command("shutdown")(shutdown_command)
    app.command("start")(start_command)


def diagnose_command(as_json: AsJson = False) -> None:
    """Show what is wrong with the cluster, as this node sees it, and what to do. Needs neither quorum nor the node's
    daemon; what does not answer within two seconds is said to be silent. Exit status 1: something is grave.

    Example: trebol cluster diagnose
    """
    from trebol_node.cluster.diagnosis import findings, report
    from trebol_node.cluster.diagnosis.finding import has_error
    from trebol_node.cluster.diagnosis.reading import read
    from trebol_node.cluster.here.machine import Here

    found = findings.evaluate(read(Here()))
    if as_json:
        show_json(report.to_members(found))
    else:
        typer.echo(report.to_text(found))
    if has_error(found):
        raise typer.Exit(1)


def maintenance_command(
    node: Annotated[str, typer.Argument(help="Its name.")],
    word: Annotated[MaintenanceWord, typer.Argument(metavar="on|off|check", help="What to do.")],
    force: Annotated[bool, typer.Option("--force", help="Although a layer says no.")] = False,
    why: Annotated[str, typer.Option(help="For those who wonder.", metavar="TEXT")] = "",
    as_json: AsJson = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Take a node out for a while (on), back in (off), or ask whether the others do without it (check).

    While it is out nothing is run there. One node at a time. Exit status 1 of check: they do not.

    Example: trebol node maintenance node2 on --why "new memory"
    """
    if (force or why) and word is not MaintenanceWord.ON:
        raise BadInput(_("goes with `on` alone"), where="--force" if force else "--why")
    path = f"/cluster/maintenance{path_of(node, where='NODE').removeprefix('/nodes')}"
    api = Api(socket)
    match word:
        case MaintenanceWord.ON:
            api.set(path, force=str(int(force)), why=why)
        case MaintenanceWord.OFF:
            api.delete(path)
        case MaintenanceWord.CHECK:
            found = api.get(path)
            if as_json:
                show_json(found)
            else:
                _tell_check(found)
            if not found["survives"]:
                raise typer.Exit(1)
            return
    if as_json:
        show_json(api.get("/cluster/maintenance"))


def _tell_check(found: dict[str, Any]) -> None:
    for layer in found["layers"]:
        reasons = "; ".join(layer["reasons"]) or _("does without it")
        typer.echo(printable(f"{'✓' if layer['survives'] else '✗'} {layer['layer']}: {reasons}"))
    if (out := found.get("maintenance")) is not None:
        told = _("{node} is in maintenance since {since}, by {who}").format(
            node=out["node"], since=out["since"], who=out["who"]
        )
        typer.echo(printable(f"{told}: {out['why']}" if out["why"] else told))


def shutdown_command(
    yes: Annotated[bool, typer.Option("--yes", help="Without asking.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Although nodes are missing.")] = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Switch off all nodes in order: what they run is stopped, then those go that do not vote in the store, then the
    voters, this one last. After the next start nothing is run until all are back, or `trebol cluster start`.

    Example: trebol cluster shutdown
    """
    api = Api(socket)
    head = next((each for each in api.get("/cluster/status") if each["type"] == "cluster"), None)
    if head is None:
        raise BadInput(_("this node stands alone"), where="cluster", hint="systemctl poweroff")
    name = str(head["name"])
    if not yes:
        prompt = _("all nodes of {name} are switched off; type its name").format(name=name)
        if typer.prompt(prompt, default="", show_default=False) != name:
            raise BadInput(_("is not {name}: nothing was done").format(name=name), where=_("name"))
    order = api.create("/cluster/shutdown", confirm=name, force=str(int(force)))
    typer.echo(_("they go in this order: {names}").format(names=", ".join(order)))
    _follow(api)


def _follow(api: Api) -> None:
    """Show who is ready and who is gone, until this node goes too; once nothing new comes, what it waits for."""
    said: set[str] = set()
    news = time.monotonic()
    while True:
        try:
            found = api.get("/cluster/shutdown")
        except Unreachable:
            typer.echo(_("this node goes"))
            return
        if not found:
            typer.echo(_("it was taken back: trebol cluster start"), err=True)
            raise typer.Exit(1)
        lines = [*_progress(found), *(_waiting(found) if time.monotonic() - news > _QUIET else ())]
        for text in lines:
            if text not in said:
                said.add(text)
                news = time.monotonic()
                typer.echo(printable(text))
        time.sleep(_PAUSE)


def _progress(found: dict[str, Any]) -> Iterator[str]:
    for each in found["nodes"]:
        if each["ready"]:
            yield _("{node} is ready").format(node=each["node"])
        if not each["online"]:
            yield _("{node} is gone").format(node=each["node"])


def _waiting(found: dict[str, Any]) -> Iterator[str]:
    late = [each["node"] for each in found["nodes"] if each["online"] and not each["ready"]]
    if found["phase"] != "asked":
        return
    if late:
        what = _("{names} is not ready (there: systemctl status trebold)").format(names=", ".join(late))
    else:
        what = _("something still runs (crm_mon)")
    yield _("waiting: {reason}; to take it back: trebol cluster start").format(reason=what)


def start_command(as_json: AsJson = False, socket: Socket = API_SOCKET) -> None:
    """End the hold after an orderly shutdown, whoever is missing, and say who. Pacemaker then fences those that are
    missing, where it can, before it takes over from them.

    Example: trebol cluster start
    """
    missing = Api(socket).create("/cluster/start")
    if as_json:
        show_json({"missing": missing})
        return
    typer.echo(_("the cluster is started"))
    if missing:
        typer.echo(_("missing: {names}").format(names=printable(", ".join(missing))))
