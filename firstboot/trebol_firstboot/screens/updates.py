"""What apt would bring up to date, and doing it."""

from __future__ import annotations

from trebol_common.i18n import _, counted
from trebol_common.tui.page import Element, Gap, Rows, Text, Tone
from trebol_firstboot.screens.topic import Button, Topic, Typed
from trebol_firstboot.screens.world import Task, Update, World


def elements(known: tuple[Update, ...], typed: Typed) -> tuple[Element, ...]:
    """How many, and each with its versions."""
    if not known:
        return (Text(_("All is up to date, by what the node knows of the mirrors."), Tone.GOOD),)
    count = counted(
        "{count} package would be brought up to date:", "{count} packages would be brought up to date:", len(known)
    )
    return (
        Text(count, Tone.STRONG),
        Gap(),
        Rows(tuple((each.package, each.old or _("new"), "→", each.new) for each in known)),
    )


def _refresh(world: World, known: tuple[Update, ...], typed: Typed) -> Task:
    return world.refresh_updates()


def _upgrade(world: World, known: tuple[Update, ...], typed: Typed) -> str | Task:
    return world.upgrade() if known else _("There is nothing to do.")


TOPIC: Topic[tuple[Update, ...]] = Topic(
    "updates",
    lambda: _("Updates"),
    lambda world: world.updates(),
    elements,
    buttons=(
        Button("upgrade", lambda: _("Bring up to date"), _upgrade),
        Button("refresh", lambda: _("Ask the mirrors"), _refresh),
    ),
)
