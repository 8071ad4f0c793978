"""`trebol cluster update`: all nodes up to date, one after the other."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

import typer

from trebol_common.errors import BadInput, printable
from trebol_common.i18n import _, counted
from trebol_node.client import API_SOCKET, Api
from trebol_node.cluster.updating import SILENT, Update, Wanted
from trebol_node.commands.shown import AsJson, Socket, follow, show_json
from trebol_node.status import duration
from trebol_node.table import aligned


def update_command(
    nodes: Annotated[list[str] | None, typer.Argument(metavar="NODE…", help="These alone.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Show what there is to do, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Without asking.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Although the others do not do without a node.")] = False,
    as_json: AsJson = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Bring all nodes up to date, one after the other: each is taken out (maintenance), upgraded, booted anew where
    that is due, and put back; this one last. What fails ends it, with that node out: the same command goes on.

    Example: trebol cluster update --check
    """
    if as_json and not check:
        raise BadInput(_("goes with --check alone"), where="--json")
    api = Api(socket)
    local = [each["name"] for each in api.get("/cluster/status") if each.get("local")]
    if not api.get("/cluster/config/nodes"):
        raise BadInput(_("this node stands alone"), where="cluster", hint="trebol node update --refresh --apply")

    def say(line: str) -> None:
        typer.echo(printable(line), err=as_json)

    rounds = Update(api, local[0], lambda path, upid: _follow(api, path, upid, err=as_json), say, force=force)
    found = rounds.wanted(nodes or ())
    if as_json:
        show_json([each.to_members() for each in found])
        return
    typer.echo(aligned([(_("node"), _("packages"), _("reboot")), *map(_row, found)]))
    left = [each for each in found if not each.is_done]
    if not left:
        typer.echo(_("all of it is up to date"))
    elif not check and (
        yes or typer.confirm(counted("{count} node?", "{count} nodes, one after the other?", len(left)))
    ):
        _run(rounds, left)


def _run(rounds: Update, wanted: Sequence[Wanted]) -> None:
    begun = time.monotonic()
    for number, each in enumerate(wanted):
        words = _("{node}: {number} of {count}").format(node=each.node, number=number + 1, count=len(wanted))
        if number:
            rest = (time.monotonic() - begun) / number * (len(wanted) - number)
            words += _(", about {time} left").format(time=duration(int(rest)))
        rounds.say(words)
        if not rounds.run(each):
            hint = _("on another node: trebol cluster update {node}").format(node=each.node)
            rounds.say(_("{node} is due for a reboot; {hint}").format(node=each.node, hint=hint))


def _follow(api: Api, path: str, upid: str, *, err: bool) -> None:
    follow(api, upid, err=err, path=path, silent=SILENT)


def _row(wanted: Wanted) -> tuple[str, ...]:
    packages = str(len(wanted.packages)) if wanted.packages else "-"
    return printable(wanted.node), packages, _("due") if wanted.reboot else "-"
