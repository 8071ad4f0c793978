"""Which switch, and which port of it, is at the other end of each network port: what LLDP (IEEE 802.1AB) tells."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trebol_common.errors import printable
from trebol_common.run import CommandFailed, Runner

#: Seconds that are listened: switches speak every half minute (802.1AB, msgTxInterval), and the first may be missed.
PATIENCE = 65.0
_LOOK_AGAIN = 5.0

#: Of a name, as much as fits a line beside the other.
_LONGEST = 32

LLDPCLI = ("lldpcli", "-f", "json0", "show", "neighbors")


@dataclass(frozen=True)
class Neighbour:
    """A switch by its name, or where it has none its address, and its port; either may be empty."""

    switch: str
    port: str


def neighbours(told: str) -> dict[str, Neighbour]:
    """Name of the interface → its neighbour, by what lldpcli shows as json0 (lldpcli(8)); of several the first."""
    found: dict[str, Neighbour] = {}
    for lldp in json.loads(told or "{}").get("lldp", ()):
        for interface in lldp.get("interface", ()):
            chassis, port = _first(interface, "chassis"), _first(interface, "port")
            identity = _first(port, "id")
            # A port that is known by its address alone is found by its description, where it has one.
            names = (_value(port, "descr"), _value(port, "id"))
            called = names if identity.get("type") == "mac" else reversed(names)
            neighbour = Neighbour(
                _value(chassis, "name") or _value(chassis, "id"), next((name for name in called if name), "")
            )
            found.setdefault(interface["name"], neighbour)
    return found


def listen(
    runner: Runner, *, patience: float = PATIENCE, pause: float = _LOOK_AGAIN
) -> Iterator[Mapping[str, Neighbour]]:
    """What is known of the neighbours, again and again until every one has had time to speak; takes its time."""
    end = time.monotonic() + patience
    while True:
        try:
            yield neighbours(runner.run(LLDPCLI, check=False).stdout)
        except (CommandFailed, ValueError):
            # Nobody can listen where the program is not there, or ended amid its words; the network does without.
            return
        if time.monotonic() >= end:
            return
        time.sleep(pause)


def _first(members: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The first of several, each of which json0 has as a list."""
    several = members.get(key) or [{}]
    first: Mapping[str, Any] = several[0]
    return first


def _value(members: Mapping[str, Any], key: str) -> str:
    # It comes from the wire, and from whoever is on it.
    text = printable(" ".join(str(_first(members, key).get("value", "")).split()))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
