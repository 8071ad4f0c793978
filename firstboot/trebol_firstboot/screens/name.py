"""The node's full name."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from trebol_common.answers.values import Fqdn
from trebol_common.i18n import _
from trebol_common.tui.page import Element, Gap, Input, Text, Tone
from trebol_firstboot.screens.topic import Button, Topic, Typed
from trebol_firstboot.screens.world import World

NAME = "name"


def elements(known: str, typed: Typed) -> tuple[Element, ...]:
    """Its field, and what changes with it."""
    return (
        Input(
            NAME,
            _("Full name"),
            typed.text(NAME),
            hint=_("Host name and domain, such as node1.example.org. A cluster tells its nodes apart by it."),
            problem=problems(known, typed).get(NAME, ""),
        ),
        Gap(),
        Text(_("What runs already knows the old name until the node is restarted."), Tone.DIM),
    )


def problems(known: str, typed: Typed) -> dict[str, str]:
    """What the answer file's global.fqdn would be refused for."""
    name = typed.text(NAME).strip()
    if not name:
        return {NAME: _("is needed")}
    try:
        TypeAdapter(Fqdn).validate_python(name)
    except ValidationError as error:
        return {NAME: f"{name[:64]!r} {error.errors()[0]['msg'].removeprefix('Value error, ')}"}
    return {}


def _rename(world: World, known: str, typed: Typed) -> str:
    world.rename(typed.text(NAME).strip().lower())
    return _("The node has its new name.")


TOPIC: Topic[str] = Topic(
    "name",
    lambda: _("Host name"),
    lambda world: world.name(),
    elements,
    lambda known: {NAME: known},
    problems,
    (Button("save", lambda: _("Save"), _rename),),
)
