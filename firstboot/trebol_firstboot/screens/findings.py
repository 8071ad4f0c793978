"""What the hardware checks found."""

from __future__ import annotations

from trebol_common.i18n import _
from trebol_common.tui.page import Element, Text, Tone
from trebol_firstboot.screens.topic import Topic, Typed
from trebol_hardware.checks.finding import Finding
from trebol_hardware.shown import findings_shown


def elements(known: tuple[Finding, ...], typed: Typed) -> tuple[Element, ...]:
    """All of it."""
    if not known:
        return (Text(_("The checks have not run yet. They do at the end of each boot."), Tone.DIM),)
    return findings_shown(known)


TOPIC: Topic[tuple[Finding, ...]] = Topic(
    "hardware", lambda: _("Hardware"), lambda world: world.findings(), elements, limited=True
)
