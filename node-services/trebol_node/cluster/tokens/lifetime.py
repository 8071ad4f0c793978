"""How long a token is good, as people type it: "90s", "15m", "1h", "7d". Pure."""

from __future__ import annotations

import re

from trebol_common.errors import BadInput
from trebol_common.i18n import _

#: Seconds of each unit, the largest first.
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}

_LIFETIME = re.compile(r"([1-9][0-9]{0,9})([dhms])", re.ASCII)

#: Seconds: an hour is long enough to walk to the other node, a month for one that is still on its way.
USUAL = 3600
SHORTEST = 60
LONGEST = 30 * 86400


def parse(text: str, *, where: str = "") -> int:
    """Seconds. Raises BadInput for what is no such text, and for less than a minute or more than 30 days."""
    found = _LIFETIME.fullmatch(text.strip().lower())
    hint = _("a number with its unit: 90s, 15m, 1h or 7d; from 60s to 30d")
    if found is None:
        raise BadInput(
            _("{text!r} is no time that a token can be good for").format(text=text), where=where, hint=hint
        )
    return require_possible(int(found[1]) * _UNITS[found[2]], where=where)


def require_possible(seconds: int, *, where: str = "") -> int:
    """`seconds`. Raises BadInput where no token can be good for that."""
    hint = _("a number with its unit: 90s, 15m, 1h or 7d; from 60s to 30d")
    if seconds < SHORTEST:
        raise BadInput(_("a token is good for a minute at least"), where=where, hint=hint)
    if seconds > LONGEST:
        raise BadInput(_("a token is good for 30 days at most"), where=where, hint=hint)
    return seconds


def render(seconds: int) -> str:
    """As `parse` takes it, in the largest unit that tells it without a rest: "90s", "1h"."""
    return next(f"{seconds // size}{unit}" for unit, size in _UNITS.items() if seconds % size == 0)
