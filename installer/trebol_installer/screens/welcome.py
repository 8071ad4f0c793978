"""The first screen: what this is, and in which language to go on. It needs nothing of the machine."""

from __future__ import annotations

from trebol_common import __version__
from trebol_common.i18n import LANGUAGES, _
from trebol_common.tui.page import Choice, Element, Gap, Option, Text, Tone

LANGUAGE = "language"


def page(language: str) -> tuple[Element, ...]:
    """Its elements."""
    return (
        Text("Trebol " + __version__, Tone.STRONG),
        Text(
            _(
                "This makes a node of this machine: it runs virtual machines, alone or in a cluster. It is installed "
                "on the disks that you choose."
            )
        ),
        Gap(),
        Text(_("Nothing is written before the last screen has shown what will be done, and you have agreed to it.")),
        Gap(),
        Choice(LANGUAGE, "Language / Idioma", tuple(Option(*each) for each in LANGUAGES.items()), language),
    )
