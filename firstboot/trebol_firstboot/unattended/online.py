"""Waiting for a network that reaches further than this link: network-online.target does not wait for all of it.

Netplan lets that target be reached with a link-local address, and where a router announces itself, with IPv6 alone,
while DHCP is still asking; networkd has an address before it has the routes that came with it.
"""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trebol_common.errors import BadInput
from trebol_common.i18n import _
from trebol_common.run import CommandFailed, Runner
from trebol_firstboot.unattended.log import Log
from trebol_node.system.netplan import NetworkFiles, merged

FOLDER = "etc/netplan"
#: Seconds; afterwards what is due is done all the same: it may need no network.
PATIENCE = 90.0
_EVERY = 0.5

#: Netplan's words for where a default route leads.
_EVERYWHERE = ("default", "0.0.0.0/0", "::/0")


@dataclass(frozen=True)
class Clock:
    """Monotonic seconds, and waiting for some."""

    now: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep


def wait(root: Path, runner: Runner, log: Log, clock: Clock | None = None) -> None:
    """Return once there is a default route of the family that the node is to have, or after PATIENCE."""
    family = wanted(_read(root))
    if family is None:
        return
    clock = clock or Clock()
    end = clock.now() + PATIENCE
    while not _has_route(runner, family):
        if clock.now() > end:
            told = _("no default route of IPv{family} after {seconds:.0f} s: going on")
            log.tell(told.format(family=family, seconds=PATIENCE))
            return
        clock.pause(_EVERY)


def wanted(files: Mapping[str, str]) -> int | None:
    """The family of which netplan's `files` (name → text) give a default route: 4 wherever there is one of IPv4, else
    6; None where there is none at all, or that cannot be told."""
    with suppress(BadInput, ValueError):
        plan = merged(NetworkFiles(others=files))
        interfaces = [members for table in plan.kinds.values() for members in table.values()]
        return min((family for members in interfaces for family in _families(members)), default=None)
    return None


def _families(members: Mapping[str, Any]) -> set[int]:
    routes = [route for route in members.get("routes") or () if route.get("to") in _EVERYWHERE and "via" in route]
    found = {ipaddress.ip_address(route["via"]).version for route in routes}
    found |= {4} if members.get("dhcp4") else set()
    # DHCPv6 knows no routes: they are the routers', which DHCPv6 is asked beside.
    return found | ({6} if members.get("dhcp6") or members.get("accept-ra") else set())


def _has_route(runner: Runner, family: int) -> bool:
    try:
        told = runner.run(["ip", "-json", f"-{family}", "route", "show", "default"]).stdout
    except CommandFailed:
        return False
    return bool(json.loads(told or "[]"))


def _read(root: Path) -> dict[str, str]:
    with suppress(OSError):
        return {path.name: path.read_text("utf-8", "replace") for path in (root / FOLDER).glob("*.yaml")}
    return {}
