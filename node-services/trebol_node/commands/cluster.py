"""`trebol cluster …`: making nodes one, over the node's own API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from trebol_common.errors import BadInput, printable
from trebol_common.i18n import _
from trebol_node.client import API_SOCKET, Api
from trebol_node.commands.going_on import Abort, Resume, gone_on
from trebol_node.commands.leaving import leave_command, remove_command, state_of, tell_removed
from trebol_node.commands.links import app as links
from trebol_node.commands.rename import rename_command
from trebol_node.commands.shown import ANEW, AsJson, Socket, follow, show_json
from trebol_node.commands.update import update_command
from trebol_node.commands.upkeep_of_cluster import register
from trebol_node.commands.witness import app as witness
from trebol_node.commands.witness import line as witness_line
from trebol_node.table import aligned

app = typer.Typer(
    help="Several nodes as one.\n\nExample: trebol cluster status",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
tokens = typer.Typer(
    help="What lets a node join.\n\nExample: trebol cluster token create --ttl 15m",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(tokens, name="token")
app.add_typer(links, name="link")
app.add_typer(witness, name="witness")

LinkOption = Annotated[
    list[str] | None,
    typer.Option("--link", metavar="NUMBER=ADDRESS", help="This node's address on a link of corosync, 0 to 7."),
]

ForceOption = Annotated[
    list[str] | None,
    typer.Option("--force", metavar="CODE", help="A finding of the preflight that is not to stop it."),
]


@app.command("create")
def create_command(
    name: Annotated[str | None, typer.Argument(help="At most 15 letters, digits and -.", show_default=False)] = None,
    link: LinkOption = None,
    resume: Resume = False,
    abort: Abort = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Make a cluster of this node alone, which others join.

    Example: trebol cluster create clover --link 0=192.0.2.11
    """
    api = Api(socket)
    if gone_on(api, "create", resume=resume, abort=abort, alone=not (name or link)):
        return
    if not name:
        raise BadInput(_("is missing"), where="NAME", hint="trebol cluster create clover")
    follow(api, api.create("/cluster/config", clustername=name, **_links(link)))


@app.command("join")
def join_command(
    token: Annotated[
        str | None, typer.Argument(help="What `trebol cluster token create` printed; -: of stdin.")
    ] = None,
    peer: Annotated[str | None, typer.Option(help="A member's address, where the token names none.")] = None,
    link: LinkOption = None,
    force: ForceOption = None,
    resume: Resume = False,
    abort: Abort = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Have this node join the cluster of a token. Its own users, tokens and options give way to the cluster's.

    Example: trebol cluster join trebol1-AbC…
    """
    api = Api(socket)
    if gone_on(api, "join", resume=resume, abort=abort, alone=not (token or peer or link or force)):
        return
    if not token:
        raise BadInput(_("is missing"), where="TOKEN", hint="trebol cluster token create")
    _join(api, token, peer, link, force)


@app.command("preflight")
def preflight_command(
    token: Annotated[str, typer.Argument(help="What `trebol cluster token create` printed; -: of stdin.")],
    peer: Annotated[str | None, typer.Option(help="A member's address, where the token names none.")] = None,
    link: LinkOption = None,
    force: ForceOption = None,
    as_json: AsJson = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Measure what stands against having this node join the cluster of a token. Changes nothing, and does not use the
    token up. Exit status 1: something stops a join.

    Example: trebol cluster preflight trebol1-AbC…
    """
    from trebol_node.cluster.preflight.facts import Facts
    from trebol_node.cluster.preflight.findings import check_force, evaluate, verdict
    from trebol_node.cluster.preflight.report import to_text

    forced = check_force(force or ())
    api = Api(socket)
    upid = api.create("/cluster/config/preflight", token=_token(token), **_peer(peer), **_links(link))
    follow(api, upid, err=True)
    found = api.get("/cluster/config/preflight", upid=upid, force=sorted(forced))
    facts = Facts.of_members(found["facts"])
    findings = evaluate(facts)
    if as_json:
        show_json(found)
    else:
        typer.echo(to_text(facts, findings, forced))
    if verdict(findings, forced):
        raise typer.Exit(1)


@app.command("replace")
def replace_command(
    node: Annotated[str, typer.Argument(help="The dead node's name, which is this machine's too.")],
    token: Annotated[str, typer.Argument(help="What `trebol cluster token create` printed; -: of stdin.")],
    peer: Annotated[str | None, typer.Option(help="A member's address, where the token names none.")] = None,
    link: LinkOption = None,
    force: ForceOption = None,
    socket: Socket = API_SOCKET,
) -> None:
    """Have this node join in the place of a dead one, which is removed first. It is never to start again as it is.

    Example: trebol cluster replace node3 trebol1-AbC…
    """
    _join(Api(socket), token, peer, link, force, replaces=node)


def _join(
    api: Api, token: str, peer: str | None, link: list[str] | None, force: list[str] | None, **replaces: str
) -> None:
    from trebol_node.cluster.preflight.findings import check_force

    forced = {"force": sorted(check_force(force))} if force else {}
    given = {"token": _token(token), **forced, **replaces, **_peer(peer), **_links(link)}
    follow(api, api.create("/cluster/config/join", **given), silent=ANEW)


app.command("leave")(leave_command)
app.command("remove")(remove_command)
app.command("rename")(rename_command)
app.command("update")(update_command)
register(app)


@app.command("status")
def status_command(as_json: AsJson = False, socket: Socket = API_SOCKET) -> None:
    """Show the cluster and its nodes. Exit status 1: it has no quorum, or corosync does not say here.

    Example: trebol cluster status --json
    """
    found = Api(socket).get("/cluster/status")
    head = next((each for each in found if each["type"] == "cluster"), None)
    nodes = [each for each in found if each["type"] == "node"]
    if as_json:
        show_json(found)
    elif head is None:
        typer.echo(_("this node stands alone"))
    else:
        quorum = _quorum(head)
        typer.echo(
            _("cluster {name}: {count} nodes, {quorum}").format(name=head["name"], count=head["nodes"], quorum=quorum)
        )
        typer.echo(aligned([(_("node"), _("number"), _("address"), _("state")), *map(_row, nodes)]))
        for each in (entry for entry in found if entry["type"] == "witness"):
            typer.echo(witness_line(each))
        tell_removed(nodes)
        for reason in head.get("ha-off", ()):
            typer.echo(_("HA is off: {reason}").format(reason=printable(reason)))
    if not as_json:
        for each in (warning for node in nodes for warning in node.get("warnings", ())):
            typer.echo(_warning(each))
    if head is not None and not head["quorate"]:
        raise typer.Exit(1)


@tokens.command("create")
def create_token_command(
    ttl: Annotated[str, typer.Option(help="How long it is good: 15m, 2h, 7d.")] = "1h",
    node: Annotated[str | None, typer.Option(help="For the node of that name alone.")] = None,
    agreed: Annotated[
        bool, typer.Option("--agreed", help="The text on stdin, which answer files have, instead of a new one.")
    ] = False,
    as_json: AsJson = False,
    socket: Socket = API_SOCKET,
) -> None:
    """Make a token, which lets one node join. It is shown this once.

    Example: trebol cluster token create --ttl 15m --node node2
    """
    if agreed:
        _register(Api(socket), ttl, node, as_json=as_json)
        return
    found = Api(socket).create("/cluster/tokens", ttl=ttl, **({} if node is None else {"node": node}))
    if as_json:
        show_json(found)
    else:
        typer.echo(found["token"])
        typer.echo(
            _("good until {time}; on the node that joins: trebol cluster join TOKEN").format(
                time=_moment(found["end"])
            ),
            err=True,
        )


def _register(api: Api, ttl: str, node: str | None, *, as_json: bool) -> None:
    text = typer.get_text_stream("stdin").read().strip()
    if not text:
        raise BadInput(_("is missing"), where="stdin", hint="openssl rand -hex 16")
    found = api.create("/cluster/tokens", ttl=ttl, agreed=text, **({} if node is None else {"node": node}))
    if as_json:
        show_json(found)
    else:
        typer.echo(_("good until {time}").format(time=_moment(found["end"])))


@tokens.command("list")
def list_command(as_json: AsJson = False, socket: Socket = API_SOCKET) -> None:
    """List the tokens, without their secrets.

    Example: trebol cluster token list
    """
    found = Api(socket).get("/cluster/tokens")
    if as_json:
        show_json(found)
        return
    rows = [
        (each["id"], _moment(each["end"]), each["node"] or _("any"), each["made-by"], each["used-by"] or "-")
        for each in found
    ]
    typer.echo(aligned([(_("id"), _("good until"), _("for"), _("made by"), _("used by")), *rows]))


@tokens.command("delete")
def delete_command(ident: Annotated[str, typer.Argument(metavar="ID")], socket: Socket = API_SOCKET) -> None:
    """Delete a token: it lets nobody in any more. A join that it began goes on: one that should not be there is
    stopped by `trebol cluster remove NODE`.

    Example: trebol cluster token delete 0123456789abcdef
    """
    Api(socket).delete(f"/cluster/tokens/{ident}")


def _token(given: str) -> str:
    return typer.get_text_stream("stdin").read() if given == "-" else given


def _peer(given: str | None) -> dict[str, str]:
    return {"hostname": given} if given else {}


def _links(given: list[str] | None) -> dict[str, str]:
    found = {}
    for each in given or ():
        number, equals, address = each.partition("=")
        if not equals or number not in "01234567" or len(number) != 1:
            raise BadInput(_("is not NUMBER=ADDRESS"), where=f"--link {each}")
        if f"link{number}" in found:
            raise BadInput(_("is given twice"), where=f"--link {number}")
        found[f"link{number}"] = address
    return found


def _quorum(head: Mapping[str, Any]) -> str:
    if head.get("silent"):
        return _("corosync does not say here whether there is quorum; see: trebol cluster diagnose")
    return _("quorate") if head["quorate"] else _("without quorum: nothing can be changed")


def _row(node: dict[str, Any]) -> tuple[str, ...]:
    state = state_of(node) or (_("online") if node["online"] else _("offline"))
    if node.get("maintenance"):
        state = _("{state}, in maintenance").format(state=state)
    here = _(" (this node)") if node["local"] else ""
    return printable(node["name"]) + here, str(node["nodeid"] or "-"), printable(node["ip"]), state


def _warning(found: dict[str, Any]) -> str:
    path, day = printable(found["path"]), found["end"][:10]
    if found["days"] < 0:
        return _("{path} has ended, on {day}: clients refuse it").format(path=path, day=day)
    return _("{path} ends on {day}, in {days} days").format(path=path, day=day, days=found["days"])


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
