"""What a node says of itself, as values: facts in, status out. Pure; `trebol_node.facts` reads the facts."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from trebol_common.network import MANAGEMENT_BRIDGE, MANAGEMENT_PORT
from trebol_hardware.checks.finding import Severity
from trebol_node.hardware import Hardware


@dataclass(frozen=True)
class Facts:
    """What was read from the running system.

    `links` is the answer of `ip -json address show`; `physical` names the interfaces of real hardware; `installed` is
    the install report, or None on a system that Trebol did not install. Sizes are bytes, times seconds. `state` is
    systemd's word ("running", "degraded", "starting", …), empty where systemd does not run. `hardware` is the gravest
    finding of the last check, or None where there was none yet. `boot` is the id of this boot (random(4));
    `reboot_due` names packages that count only after the next one, None where none is due.
    """

    host: str
    version: str
    kernel: str
    uptime: float
    load: tuple[float, float, float]
    memory_total: int
    memory_available: int
    root_total: int
    root_free: int
    state: str = ""
    failed_units: tuple[str, ...] = ()
    installed: Mapping[str, Any] | None = None
    links: tuple[Mapping[str, Any], ...] = ()
    physical: frozenset[str] = frozenset()
    hardware: Hardware | None = None
    boot: str = ""
    reboot_due: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Usage:
    """How much of something is used, in bytes."""

    total: int
    used: int


@dataclass(frozen=True)
class Status:
    """A node at one moment. `addresses` have their prefix lengths, IPv4 first; `uptime` is in seconds; `boot` and
    `reboot_due` as `Facts` has them."""

    host: str
    addresses: tuple[str, ...]
    management_url: str | None
    state: str
    failed_units: tuple[str, ...]
    version: str
    kernel: str
    uptime: int
    load: tuple[float, float, float]
    memory: Usage
    root: Usage
    installed: Mapping[str, Any] | None
    hardware: Hardware | None = None
    boot: str = ""
    reboot_due: tuple[str, ...] | None = None

    @classmethod
    def of_members(cls, members: Mapping[str, Any]) -> Self:
        """From what `to_json` writes, read as JSON."""
        hardware, due = members["hardware"], members.get("reboot_due")
        return cls(
            **{
                **members,
                "addresses": tuple(members["addresses"]),
                "failed_units": tuple(members["failed_units"]),
                "load": tuple(members["load"]),
                "memory": Usage(**members["memory"]),
                "root": Usage(**members["root"]),
                "hardware": hardware and Hardware(**{**hardware, "severity": Severity(hardware["severity"])}),
                "reboot_due": None if due is None else tuple(due),
            }
        )

    def to_json(self) -> str:
        """Indented JSON, one member per field."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False)


def status(facts: Facts) -> Status:
    """The status that follows from `facts`."""
    addresses = node_addresses(facts.links, facts.physical)
    return Status(
        host=facts.host,
        addresses=addresses,
        management_url=management_url(addresses),
        state=facts.state or "unknown",
        failed_units=facts.failed_units,
        version=facts.version,
        kernel=facts.kernel,
        uptime=int(facts.uptime),
        load=facts.load,
        memory=Usage(facts.memory_total, facts.memory_total - facts.memory_available),
        root=Usage(facts.root_total, facts.root_total - facts.root_free),
        installed=facts.installed,
        hardware=facts.hardware,
        boot=facts.boot,
        reboot_due=facts.reboot_due,
    )


#: Networks of this node's own guests, which nobody else reaches.
_OF_GUESTS = ("virbr", "lxcbr", "vnet", "veth")


def node_addresses(links: Iterable[Mapping[str, Any]], physical: frozenset[str]) -> tuple[str, ...]:
    """Usable global addresses of the bridge, or of the physical interfaces where there is no bridge; of whatever else
    has one (a VLAN on a bond) where these have none; IPv4 first."""
    by_name = {str(link["ifname"]): link for link in links if "ifname" in link}
    first = (
        [MANAGEMENT_BRIDGE]
        if MANAGEMENT_BRIDGE in by_name
        else [name for name in sorted(by_name) if name in physical]
    )
    others = [name for name in sorted(by_name) if name not in first and not name.startswith(_OF_GUESTS)]
    found = _addresses(by_name[name] for name in first) or _addresses(by_name[name] for name in others)
    return tuple(f"{address['local']}/{address['prefixlen']}" for address in found)


def _addresses(links: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    found = [address for link in links for address in link.get("addr_info", ()) if _usable(address)]
    return sorted(found, key=lambda address: address["family"] != "inet")


def _usable(address: Mapping[str, Any]) -> bool:
    """Whether others can reach the node by it and will still can tomorrow: no temporary (RFC 8981) addresses."""
    unusable = ("tentative", "dadfailed", "temporary", "deprecated")
    return address.get("scope") == "global" and not any(address.get(flag) for flag in unusable)


def management_url(addresses: Iterable[str], port: int = MANAGEMENT_PORT) -> str | None:
    """Where the management page is, or what else is on a `port`, by the first address; None without one."""
    for address in addresses:
        host = ipaddress.ip_interface(address).ip
        shown = f"[{host}]" if host.version == 6 else str(host)
        return f"https://{shown}:{port}/"
    return None


def to_text(status: Status) -> str:
    """The status in a few lines for people."""
    loads = " ".join(f"{load:.2f}" for load in status.load)
    rows = [
        ("host", status.host),
        ("addresses", ", ".join(status.addresses) or "none"),
        ("management", status.management_url or "none: no address"),
        ("state", ", ".join((status.state, *(f"{unit} failed" for unit in status.failed_units)))),
        ("version", f"trebol {status.version}, kernel {status.kernel}"),
        ("uptime", duration(status.uptime)),
        ("load", loads),
        ("memory", _usage(status.memory)),
        ("root", _usage(status.root)),
        ("installed", _installed(status.installed)),
    ]
    if status.reboot_due is not None:
        rows.append(("reboot", f"due{': ' if status.reboot_due else ''}{', '.join(status.reboot_due)}"))
    if status.hardware is not None:
        rows.append(("hardware", _hardware(status.hardware)))
    return "\n".join(f"{name:<12}{value}" for name, value in rows)


def duration(seconds: int) -> str:
    """Days, hours and minutes: "3 d 4 h 05 min"; seconds below a minute."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h {minutes:02} min"
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min" if minutes else f"{rest} s"


def _hardware(found: Hardware) -> str:
    if found.severity.rank < Severity.UNKNOWN.rank:
        return "nothing to mend"
    more = f" (and {found.count - 1} more)" if found.count > 1 else ""
    return f"{found.severity.value}: {found.title}{more}; see: trebol check"


def _usage(usage: Usage) -> str:
    share = 100 * usage.used / usage.total if usage.total else 0.0
    return f"{usage.used / 2**30:.1f} of {usage.total / 2**30:.1f} GiB used ({share:.0f} %)"


def _installed(marker: Mapping[str, Any] | None) -> str:
    if marker is None:
        return "not by Trebol's installer"
    if "unreadable" in marker:
        return f"the install marker is damaged: {marker['unreadable']}"
    return f"{marker.get('installed', 'at an unknown time')} by Trebol {marker.get('version', 'of unknown version')}"
