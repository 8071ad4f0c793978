"""The end of the node's log."""

from __future__ import annotations

from trebol_common.i18n import _
from trebol_common.tui.page import Element, Rows, Text, Tone
from trebol_firstboot.screens.topic import Button, Topic, Typed
from trebol_firstboot.screens.world import World


def elements(known: tuple[str, ...], typed: Typed) -> tuple[Element, ...]:
    """The newest line first: a page begins at its top."""
    if not known:
        return (Text(_("The log is empty."), Tone.DIM),)
    return (Rows(tuple((line,) for line in reversed(known))),)


def _again(world: World, known: tuple[str, ...], typed: Typed) -> str:
    # What is known is asked for anew after each button.
    return ""


TOPIC: Topic[tuple[str, ...]] = Topic(
    "log",
    lambda: _("Log"),
    lambda world: world.journal(),
    elements,
    buttons=(Button("again", lambda: _("Read again"), _again),),
    limited=True,
)
