"""What ports can do, by ethtool(8): its JSON (since 6.10)."""

from __future__ import annotations

import json
import re

from trebol_common.run import Completed
from trebol_hardware.probe.sysfs import to_count

#: "1000baseT/Full", "100000baseKR4/Full".
_MODE = re.compile(r"(\d{1,9})base")


def command(name: str) -> tuple[str, ...]:
    """What to ask of an interface."""
    return ("ethtool", "--json", name)


def fastest(answer: Completed) -> int | None:
    """The fastest link mode that the port supports, in Mbit/s; None where the driver names none."""
    try:
        (report,) = json.loads(answer.stdout)
        speeds = [to_count(match[1]) or 0 for mode in report["supported-link-modes"] if (match := _MODE.match(mode))]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return max(speeds, default=0) or None
