"""What somebody who helps is to see of the node, in one file."""

from __future__ import annotations

from trebol_common.i18n import _
from trebol_common.tui.page import Element, Gap, Text
from trebol_firstboot.screens.topic import Button, Topic, Typed
from trebol_firstboot.screens.world import Task, World


def elements(known: None, typed: Typed) -> tuple[Element, ...]:
    """What will be in it."""
    return (
        Text(
            _(
                "The support bundle holds the state of the node, its hardware, its configuration and the end of its "
                "log. Passwords, keys and tokens are left out."
            )
        ),
        Gap(),
        Text(_("The last line of its task says where the file is.")),
    )


def _make(world: World, known: None, typed: Typed) -> Task:
    return world.bundle()


TOPIC: Topic[None] = Topic(
    "bundle",
    lambda: _("Support bundle"),
    lambda world: None,
    elements,
    buttons=(Button("make", lambda: _("Make it"), _make),),
)
