"""Another password for whoever has logged in."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from trebol_common.answers.values import Password
from trebol_common.i18n import _
from trebol_common.passwords import strength
from trebol_common.tui.page import Element, Gap, Input, Text, Tone
from trebol_firstboot.screens.topic import Button, Topic, Typed
from trebol_firstboot.screens.world import World

OLD = "old password"
NEW = "new password"
AGAIN = "new password again"


def elements(known: None, typed: Typed) -> tuple[Element, ...]:
    """The present one, and the new one twice."""
    wrong = problems(known, typed)

    def field(key: str, label: str) -> Input:
        problem = wrong.get(key, "") if typed.text(key) or typed.insist else ""
        return Input(key, label, typed.text(key), secret=True, problem=problem)

    return (
        field(OLD, _("Password now")),
        Gap(),
        field(NEW, _("New password")),
        field(AGAIN, _("Again")),
        *((Text(strength(typed.text(NEW)), Tone.DIM),) if typed.text(NEW) else ()),
    )


def problems(known: None, typed: Typed) -> dict[str, str]:
    """What the answer file's root-password would be refused for."""
    found = {key: _("is needed") for key in (OLD, NEW) if not typed.text(key)}
    if typed.text(NEW):
        try:
            TypeAdapter(Password).validate_python(typed.text(NEW))
        except ValidationError as error:
            found[NEW] = error.errors()[0]["msg"].removeprefix("Value error, ")
    if typed.text(NEW) != typed.text(AGAIN):
        found[AGAIN] = _("is not the same")
    return found


def _change(world: World, known: None, typed: Typed) -> str:
    world.change_password(typed.text(OLD), typed.text(NEW))
    return _("The password is changed.")


TOPIC: Topic[None] = Topic(
    "password",
    lambda: _("Password"),
    lambda world: None,
    elements,
    problems=problems,
    buttons=(Button("save", lambda: _("Change it"), _change),),
)
