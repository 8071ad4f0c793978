"""Whether the node reaches its gateway."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from trebol_common.run import Runner
from trebol_node.worker.context import Clock

#: Seconds that a gateway has to answer after a change: a lease by DHCP, ports of a switch that learn.
PATIENCE = 30.0
_PAUSE = 0.5

#: States of a neighbour (ip-neighbour(8)) that did answer, whatever it makes of a ping.
_ANSWERED = frozenset({"REACHABLE", "PERMANENT"})


@dataclass(frozen=True)
class Gateway:
    """A router on the way to everywhere, and the interface to it."""

    address: str
    interface: str


def gateways(runner: Runner) -> tuple[Gateway, ...]:
    """Those of the default routes as they are now, IPv4 first."""
    routes = [
        route
        for family in ("-4", "-6")
        for route in _answer(runner, ["ip", family, "-json", "route", "show", "default"])
    ]
    found = (Gateway(route["gateway"], route["dev"]) for route in routes if {"gateway", "dev"} <= route.keys())
    return tuple(dict.fromkeys(found))


def answers(gateway: Gateway, runner: Runner) -> bool:
    """Whether it answers a ping, or at least says that it is there (ARP, neighbour discovery)."""
    ping = ["ping", "-n", "-q", "-c", "1", "-W", "1", "-I", gateway.interface, gateway.address]
    if runner.run(ping, check=False).status == 0:
        return True
    family = "-6" if ipaddress.ip_address(gateway.address).version == 6 else "-4"
    shown = _answer(runner, ["ip", family, "-json", "neigh", "show", gateway.address, "dev", gateway.interface])
    return any(_ANSWERED & set(neighbour.get("state", ())) for neighbour in shown)


def first_answering(runner: Runner, clock: Clock, patience: float = PATIENCE) -> Gateway | None:
    """The first gateway that answers within `patience` seconds."""
    end = clock.now() + patience
    while True:
        for gateway in gateways(runner):
            if answers(gateway, runner):
                return gateway
        if clock.now() >= end:
            return None
        clock.sleep(_PAUSE)


def _answer(runner: Runner, command: Iterable[str]) -> list[dict[str, Any]]:
    found = json.loads(runner.run([*command], check=False).stdout or "[]")
    return found if isinstance(found, list) else []
