"""The services that may be started and stopped from outside, and which of them not every way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Action = Literal["start", "stop", "restart", "reload"]

_ALL: frozenset[Action] = frozenset({"start", "stop", "restart", "reload"})

#: What the node is reached and run by: whoever stops it from outside locks himself out.
_STAYS: frozenset[Action] = frozenset({"start", "restart", "reload"})

#: Service → what may be done with it. A name without suffix is that of a `.service`.
SERVICES: Mapping[str, frozenset[Action]] = {
    "chrony": _ALL,
    "cockpit.socket": _ALL,
    "corosync": _ALL,
    "cron": _ALL,
    "ksmtuned": _ALL,
    "libvirtd": _ALL,
    "lldpd": _ALL,
    "nftables": _ALL,
    "pacemaker": _ALL,
    "prometheus-node-exporter": _ALL,
    "rasdaemon": _ALL,
    "smartmontools": _ALL,
    "ssh": _STAYS,
    "systemd-journald": _STAYS,
    "systemd-networkd": _STAYS,
    "systemd-resolved": _STAYS,
    "trebol-banner": _ALL,
    "trebol-checks.timer": _ALL,
    "trebol-store": _STAYS,
    "trebol-snapshot.timer": _ALL,
    "trebol-worker": _STAYS,
    "trebold": _STAYS,
}


def unit(service: str) -> str:
    """The unit of a service of SERVICES."""
    return service if service.endswith((".socket", ".timer")) else f"{service}.service"
