"""The time zone, and the servers that the clock follows."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from trebol_common.answers.values import Peer
from trebol_common.i18n import _
from trebol_common.tui.choices import zones
from trebol_common.tui.page import Choice, Element, Gap, Input, Option, Text, Tone
from trebol_firstboot.screens.topic import Button, Topic, Typed
from trebol_firstboot.screens.world import TimeSettings, World

ZONE = "zone"
SERVERS = "servers"


def elements(known: TimeSettings, typed: Typed) -> tuple[Element, ...]:
    """The zone and, where they can be told, the servers."""
    zone = typed.text(ZONE)
    options = zones()
    if zone not in {option.value for option in options}:
        # Such as Etc/UTC, of which the table of places has none.
        options = (Option(zone, zone), *options)
    servers = Input(
        SERVERS,
        _("Time servers"),
        typed.text(SERVERS),
        hint=_("Names or addresses, with blanks between them. Empty: those that the system comes with."),
        problem=problems(known, typed).get(SERVERS, ""),
    )
    return (
        Choice(ZONE, _("Time zone"), options, zone),
        *((servers,) if known.servers is not None else ()),
        Gap(),
        Text(_("Nodes of a cluster must agree on the time: give all of them the same servers."), Tone.DIM),
    )


def problems(known: TimeSettings, typed: Typed) -> dict[str, str]:
    """Each server is the address or name of a machine."""
    for server in typed.text(SERVERS).split():
        try:
            TypeAdapter(Peer).validate_python(server)
        except ValidationError as error:
            return {SERVERS: f"{server[:64]!r} {error.errors()[0]['msg'].removeprefix('Value error, ')}"}
    return {}


def _save(world: World, known: TimeSettings, typed: Typed) -> str:
    servers = None if known.servers is None else tuple(typed.text(SERVERS).split())
    world.set_time(TimeSettings(typed.text(ZONE), servers))
    return _("The clock follows it now.")


TOPIC: Topic[TimeSettings] = Topic(
    "time",
    lambda: _("Time"),
    lambda world: world.time(),
    elements,
    lambda known: {ZONE: known.zone, SERVERS: " ".join(known.servers or ())},
    problems,
    (Button("save", lambda: _("Save"), _save),),
)
