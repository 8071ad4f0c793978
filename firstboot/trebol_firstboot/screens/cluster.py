"""The cluster: making one, joining one, how it is, what lets others join."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import TypeAdapter, ValidationError

from trebol_common.answers.cluster import ClusterMode
from trebol_common.answers.values import ClusterName, NodeName, Peer
from trebol_common.errors import BadInput
from trebol_common.i18n import _
from trebol_common.join_tokens import advice, is_printed, weakness
from trebol_common.tui.page import Choice, Element, Field, Gap, Input, Option, Rows, Text, Tone
from trebol_firstboot.cluster_seen import ClusterSeen, NodeSeen, NodeState, words
from trebol_firstboot.screens.topic import Button, Topic, Typed
from trebol_firstboot.screens.world import ClusterKnown, Task, Unended, World
from trebol_node.cluster.tokens import lifetime
from trebol_node.cluster.tokens.token import Token

MODE = "mode"
NAME = "cluster"
ADDRESS = "address"
PEER = "peer"
#: Before the number of a line of the token: what is pasted over a serial line has line breaks, and Enter goes on to
#: the next field.
TOKEN = "token."
NODE = "node"
TTL = "ttl"

_USUAL = lifetime.render(lifetime.USUAL)


def elements(known: ClusterKnown, typed: Typed) -> tuple[Element, ...]:
    """What there is to see, and to fill in."""
    if known.unended is not None:
        return tuple(_cut_off(known.unended))
    if known.cluster is not None:
        return tuple(_members(known.cluster, known.nodes, typed))
    fields = _joining(known, typed) if _joins(typed) else _creating(known, typed)
    modes = (Option(ClusterMode.CREATE, _("creates a cluster")), Option(ClusterMode.JOIN, _("joins a cluster")))
    return (
        Text(_("This node stands alone."), Tone.STRONG),
        *_wanted(known),
        Gap(),
        Choice(MODE, _("This node"), modes, typed.text(MODE)),
        Gap(),
        *fields,
    )


def _cut_off(unended: Unended) -> Iterator[Element]:
    joins = unended.kind == "join"
    if unended.running:
        yield Text(_("This node is joining a cluster.") if joins else _("This node is creating a cluster."))
        return
    yield Text(_("A join was cut off.") if joins else _("The creation of a cluster was cut off."), Tone.WARN)
    if unended.reason:
        yield Text(unended.reason, Tone.DIM)


def _members(cluster: ClusterSeen, nodes: tuple[NodeSeen, ...], typed: Typed) -> Iterator[Element]:
    states = {
        NodeState.ONLINE: _("online"),
        NodeState.OFFLINE: _("offline"),
        NodeState.JOINING: _("joins"),
    }
    yield Text(words(cluster), Tone.STRONG if cluster.quorate else Tone.BAD)
    yield Gap()
    yield Rows(
        tuple(
            (each.name, each.address, states[each.state] + (_(" (this node)") if each.here else "")) for each in nodes
        )
    )
    yield Gap()
    wrong = _token_problems(typed)
    yield Text(_("A token lets one node join:"))
    yield Input(NODE, _("For the node"), typed.text(NODE), _("Its host name; empty: any."), wrong.get(NODE, ""))
    yield Input(TTL, _("Good for"), typed.text(TTL), _("Such as 15m, 1h or 7d."), wrong.get(TTL, ""))


def _wanted(known: ClusterKnown) -> Iterator[Element]:
    match known.intent.mode:
        case ClusterMode.CREATE:
            yield Text(_("When it was installed, it was to create a cluster."), Tone.DIM)
        case ClusterMode.JOIN:
            yield Text(_("When it was installed, it was to join a cluster."), Tone.DIM)


def _creating(known: ClusterKnown, typed: Typed) -> tuple[Field, ...]:
    hint = _("Letters, digits and -, at most 15, such as clover-1.")
    name = Input(NAME, _("Cluster name"), typed.text(NAME), hint, _shown(known, typed, NAME))
    return (name, _address(known, typed))


def _joining(known: ClusterKnown, typed: Typed) -> tuple[Field, ...]:
    lines = _lines(typed)
    hint = _("Of a member, such as: trebol cluster token create. Line breaks do no harm.")
    wrong = _shown(known, typed, f"{TOKEN}0")
    tokens = (
        Input(
            f"{TOKEN}{number}",
            _("Join token") if number == 0 else "",
            line,
            hint,
            wrong if number == len(lines) - 1 or (number == 0 and not lines) else "",
            secret=True,
        )
        for number, line in enumerate((*lines, *([""] if all(lines) else [])))
    )
    hint = _("Address or name of any node of the cluster; many tokens say it.")
    return (
        Input(PEER, _("Member"), typed.text(PEER), hint, _shown(known, typed, PEER)),
        _address(known, typed),
        *tokens,
    )


def _address(known: ClusterKnown, typed: Typed) -> Field:
    options = tuple(Option(each, each) for each in known.addresses)
    hint = _("At which the other nodes reach this one; better on a network of its own.")
    return Choice(ADDRESS, _("Its address"), options, typed.text(ADDRESS), hint, _shown(known, typed, ADDRESS))


def _joins(typed: Typed) -> bool:
    return typed.text(MODE) == ClusterMode.JOIN


def _lines(typed: Typed) -> tuple[str, ...]:
    """The token's, without those that are empty at its end."""
    count = sum(key.startswith(TOKEN) for key in typed.values)
    lines = [typed.text(f"{TOKEN}{number}") for number in range(count)]
    while lines and not lines[-1]:
        lines.pop()
    return tuple(lines)


def token_of(typed: Typed) -> str:
    """As it was before a terminal broke it."""
    return "".join("".join(_lines(typed)).split())


def _shown(known: ClusterKnown, typed: Typed, key: str) -> str:
    """What is wrong with a field, once something was typed into it, or it was insisted on."""
    given = token_of(typed) if key.startswith(TOKEN) else typed.text(key)
    return problems(known, typed).get(key, "") if given or typed.insist else ""


def problems(known: ClusterKnown, typed: Typed) -> dict[str, str]:
    """What the answer file would be refused for, and a token that cannot be one."""
    if known.unended is not None:
        return {}
    if known.cluster is not None:
        return _token_problems(typed)
    found = {} if typed.text(ADDRESS) else {ADDRESS: _("this node has no address yet")}
    if not _joins(typed):
        return found | _problem(ClusterName, NAME, typed, needed=True)
    token = token_of(typed)
    found |= _problem(Peer, PEER, typed, needed=bool(token) and not is_printed(token))
    if not token:
        return found | {f"{TOKEN}0": _("is needed")}
    if is_printed(token):
        try:
            Token.parse(token)
        except BadInput as error:
            return found | {f"{TOKEN}0": error.problems[0].what}
    elif weak := weakness(token):
        return found | {f"{TOKEN}0": f"{weak}; {advice()}"}
    return found


def _token_problems(typed: Typed) -> dict[str, str]:
    found = _problem(NodeName, NODE, typed, needed=False)
    try:
        lifetime.parse(typed.text(TTL))
    except BadInput as error:
        found[TTL] = error.problems[0].what
    return found


def _problem(kind: object, key: str, typed: Typed, *, needed: bool) -> dict[str, str]:
    text = typed.text(key).strip()
    if not text:
        return {key: _("is needed")} if needed else {}
    try:
        TypeAdapter(kind).validate_python(text)
    except ValidationError as error:
        return {key: error.errors()[0]["msg"].removeprefix("Value error, ")}
    return {}


def fields(known: ClusterKnown) -> dict[str, str]:
    """As the installation wanted it."""
    wanted = known.intent
    token = wanted.token.get_secret_value() if wanted.token and wanted.mode is ClusterMode.JOIN else ""
    return {
        MODE: ClusterMode.JOIN if wanted.mode is ClusterMode.JOIN else ClusterMode.CREATE,
        NAME: wanted.name or "",
        PEER: wanted.peer or "",
        ADDRESS: known.addresses[0] if known.addresses else "",
        f"{TOKEN}0": token,
        TTL: _USUAL,
    }


def _is_alone(known: ClusterKnown, typed: Typed) -> bool:
    return known.cluster is None and known.unended is None


def _create(world: World, known: ClusterKnown, typed: Typed) -> Task:
    return world.create_cluster(typed.text(NAME).strip().lower(), typed.text(ADDRESS))


def _join(world: World, known: ClusterKnown, typed: Typed) -> Task:
    return world.join_cluster(token_of(typed), typed.text(PEER).strip().lower(), typed.text(ADDRESS))


def _make_token(world: World, known: ClusterKnown, typed: Typed) -> str:
    return world.new_token(typed.text(NODE).strip().lower(), typed.text(TTL))


def _may(way: str, known: ClusterKnown) -> bool:
    return known.unended is not None and way in known.unended.ways


TOPIC: Topic[ClusterKnown] = Topic(
    "cluster",
    lambda: _("Cluster"),
    lambda world: world.cluster_known(),
    elements,
    fields,
    problems,
    (
        Button(
            "create",
            lambda: _("Create it"),
            _create,
            when=lambda known, typed: _is_alone(known, typed) and not _joins(typed),
        ),
        Button("join", lambda: _("Join"), _join, when=lambda known, typed: _is_alone(known, typed) and _joins(typed)),
        Button(
            "token",
            lambda: _("Make a token"),
            _make_token,
            when=lambda known, typed: known.cluster is not None and known.unended is None,
        ),
        Button(
            "resume",
            lambda: _("Go on"),
            lambda world, known, typed: world.end_join("resume"),
            when=lambda known, typed: _may("resume", known),
        ),
        Button(
            "abort",
            lambda: _("Take it back"),
            lambda world, known, typed: world.end_join("abort"),
            when=lambda known, typed: _may("abort", known),
        ),
        Button("again", lambda: _("Read again"), lambda world, known, typed: ""),
    ),
)
