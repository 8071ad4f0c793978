"""The screen of the place: country, time zone, keyboard, and a line to try the keyboard on."""

from __future__ import annotations

from trebol_common.answers.model import Keyboard
from trebol_common.i18n import _
from trebol_common.tui.choices import countries, zone_table, zones
from trebol_common.tui.page import Choice, Element, Gap, Input, Option
from trebol_installer.screens.draft import Draft

COUNTRY = "global.country"
TIMEZONE = "global.timezone"
KEYBOARD = "global.keyboard"
TRIAL = "keyboard-trial"

#: Keyboards of countries whose code is not the keyboard's name, or which have several.
_KEYBOARDS = {
    "us": Keyboard.EN_US,
    "gb": Keyboard.EN_GB,
    "at": Keyboard.DE,
    "ch": Keyboard.DE_CH,
    "be": Keyboard.FR_BE,
    "br": Keyboard.PT_BR,
    "ie": Keyboard.EN_GB,
}


def page(draft: Draft, *, insist: bool) -> tuple[Element, ...]:
    """Its elements; see `node.page` for `insist`."""
    needed = _("is needed") if insist and not draft.text(COUNTRY) else ""
    return (
        Choice(COUNTRY, _("Country"), countries(), draft.text(COUNTRY), problem=needed),
        Choice(TIMEZONE, _("Time zone"), zones(), draft.text(TIMEZONE)),
        Choice(
            KEYBOARD,
            _("Keyboard"),
            tuple(Option(keyboard, keyboard) for keyboard in Keyboard),
            draft.text(KEYBOARD),
            hint=_("Counts for the console from now on. A serial line or SSH has the keyboard of the other end."),
        ),
        Gap(),
        Input(
            TRIAL,
            _("Try it"),
            draft.aside.get(TRIAL, ""),
            hint=_("Type what will be in your password, such as y z @ # - _, and look whether it comes out right."),
        ),
    )


def suggested(country: str) -> dict[str, str]:
    """What a country makes likely: its first time zone, which is that of most of its people, and its keyboard."""
    found: dict[str, str] = {}
    if zone := next((zone for zone, codes in zone_table() if country.upper() in codes), ""):
        found[TIMEZONE] = zone
    if country in _KEYBOARDS:
        found[KEYBOARD] = _KEYBOARDS[country]
    elif country in set(Keyboard):
        found[KEYBOARD] = country
    return found
