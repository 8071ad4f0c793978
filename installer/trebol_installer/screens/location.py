"""The screen of the place: country, time zone, keyboard, and a line to try the keyboard on."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from trebol_common.answers.model import Keyboard
from trebol_common.i18n import _
from trebol_common.tui.page import Choice, Element, Gap, Input, Option
from trebol_installer.screens.draft import Draft

COUNTRY = "global.country"
TIMEZONE = "global.timezone"
KEYBOARD = "global.keyboard"
TRIAL = "keyboard-trial"

#: tzdata's tables: country codes and names, and zones with the countries that they are of (zone1970.tab).
ZONEINFO = Path("/usr/share/zoneinfo")

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
    if zone := next((zone for zone, codes in _zone_table() if country.upper() in codes), ""):
        found[TIMEZONE] = zone
    if country in _KEYBOARDS:
        found[KEYBOARD] = _KEYBOARDS[country]
    elif country in set(Keyboard):
        found[KEYBOARD] = country
    return found


@cache
def countries() -> tuple[Option, ...]:
    """All countries, by name."""
    rows = [row for row in _rows("iso3166.tab") if len(row) == 2]
    return tuple(Option(code.lower(), name) for code, name in sorted(rows, key=lambda row: row[1]))


@cache
def zones() -> tuple[Option, ...]:
    """UTC, then all time zones, by name."""
    return (Option("UTC", "UTC"), *(Option(zone, zone) for zone in sorted(zone for zone, _codes in _zone_table())))


@cache
def _zone_table() -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((row[2], tuple(row[0].split(","))) for row in _rows("zone1970.tab") if len(row) >= 3)


def _rows(table: str) -> list[list[str]]:
    lines = (ZONEINFO / table).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]
