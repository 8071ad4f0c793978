"""What a node's whole netplan must be for it to work; each rule gives the problems that it finds. Pure.

A problem's `where` is the argument of the API that it is about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_interface
from typing import Any

from trebol_common.errors import Problem
from trebol_node.system.interfaces import LiveLink, addresses_of, families, gateway_of, version_of
from trebol_node.system.netplan import Members, Netplan


@dataclass(frozen=True)
class _Whole:
    """The netplan and the names of the node's hardware."""

    plan: Netplan
    hardware: frozenset[str]

    def of(self, kind: str) -> Mapping[str, Members]:
        return self.plan.kinds.get(kind, {})

    def exists(self, name: str) -> bool:
        return self.plan.kind_of(name) is not None or name in self.hardware

    def all(self) -> Iterator[tuple[str, Members]]:
        for name in self.plan.names():
            yield name, self.plan.members(name) or {}


def problems_of(plan: Netplan, links: Iterable[LiveLink]) -> Iterator[Problem]:
    """All that is wrong with `plan` on a node with these links."""
    whole = _Whole(plan, frozenset(link.name for link in links if link.physical))
    for rule in _RULES:
        yield from rule(whole)


def _ports(whole: _Whole) -> Iterator[Problem]:
    """Ports exist, are of one interface alone, and have no address of their own."""
    used: dict[str, str] = {}
    for kind, argument in (("bonds", "slaves"), ("bridges", "bridge_ports")):
        for name, members in whole.of(kind).items():
            for port in map(str, members.get("interfaces") or []):
                if not whole.exists(port):
                    yield Problem(f"interface '{port}' does not exist", argument)
                elif port in used:
                    yield Problem(f"interface '{port}' is already used by '{used[port]}'", argument)
                elif any(family.cidr or family.method == "dhcp" for family in _families(whole, port)):
                    yield Problem(f"interface '{port}' has an address of its own", argument)
                used[port] = name


def _families(whole: _Whole, name: str) -> Iterable[Any]:
    members = whole.plan.members(name)
    return families(members) if members is not None else ()


def _bonds(whole: _Whole) -> Iterator[Problem]:
    for name, members in whole.of("bonds").items():
        slaves = [str(slave) for slave in members.get("interfaces") or []]
        parameters = members.get("parameters") or {}
        if not slaves:
            yield Problem(f"bond '{name}' has no slaves", "slaves")
        for slave in slaves:
            if whole.plan.kind_of(slave) not in (None, "ethernets"):
                yield Problem(f"interface '{slave}' is no hardware", "slaves")
        if (primary := parameters.get("primary")) is not None:
            if parameters.get("mode") != "active-backup":
                yield Problem("only with bond_mode active-backup", "bond-primary")
            elif primary not in slaves:
                yield Problem(f"interface '{primary}' is none of the slaves", "bond-primary")
        if "transmit-hash-policy" in parameters and parameters.get("mode") not in (
            "802.3ad",
            "balance-xor",
            "balance-tlb",
            "balance-alb",
        ):
            yield Problem("only with bond_mode 802.3ad or balance-xor", "bond_xmit_hash_policy")


def _vlans(whole: _Whole) -> Iterator[Problem]:
    taken: dict[tuple[Any, Any], str] = {}
    for name, members in whole.of("vlans").items():
        number, link = members.get("id"), members.get("link")
        if number is None:
            yield Problem("property is missing and it is not optional", "vlan-id")
        elif not isinstance(number, int) or not 1 <= number <= 4094:
            yield Problem("value must be from 1 to 4094", "vlan-id")
        if link is None:
            yield Problem("property is missing and it is not optional", "vlan-raw-device")
        elif not whole.exists(str(link)):
            yield Problem(f"interface '{link}' does not exist", "vlan-raw-device")
        if (number, link) in taken:
            yield Problem(f"VLAN {number} of '{link}' is '{taken[number, link]}' already", "vlan-id")
        taken[number, link] = name


def _no_circle(whole: _Whole) -> Iterator[Problem]:
    for start, _members in whole.all():
        seen: set[str] = set()
        below = [start]
        while below:
            members = whole.plan.members(below.pop()) or {}
            for lower in (*members.get("interfaces", ()), *([members["link"]] if members.get("link") else [])):
                if lower == start:
                    yield Problem(f"interface '{start}' would be on top of itself", "iface")
                    return
                if lower not in seen:
                    seen.add(lower)
                    below.append(lower)


def _addresses(whole: _Whole) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for name, members in whole.all():
        for address in addresses_of(members):
            if not version_of(address):
                yield Problem(f"'{address}' of interface '{name}' is no address", "cidr")
                continue
            host = ip_interface(address).ip
            argument = "cidr" if host.version == 4 else "cidr6"
            if host.is_multicast or host.is_unspecified or host.is_loopback:
                yield Problem(f"{host} cannot be the address of an interface", argument)
            if str(host) in owners:
                yield Problem(f"address {host} is already that of interface '{owners[str(host)]}'", argument)
            owners[str(host)] = name


def _gateways(whole: _Whole) -> Iterator[Problem]:
    """One default gateway for each IP version, which the node's address can reach."""
    for version, argument in ((4, "gateway"), (6, "gateway6")):
        owner = ""
        for name, members in whole.all():
            gateway = gateway_of(members, version)
            if not gateway:
                continue
            if owner:
                yield Problem(f"Default gateway already exists on interface '{owner}'.", argument)
            owner = name
            addresses = [ip_interface(each) for each in addresses_of(members) if version_of(each) == version]
            via = ip_address(gateway)
            if not addresses:
                yield Problem(f"interface '{name}' has no static IPv{version} address", argument)
            elif any(via == address.ip for address in addresses):
                yield Problem(f"{gateway} is the node's own address", argument)
            elif not via.is_link_local and not any(via in address.network for address in addresses):
                yield Problem(f"{gateway} is not in {addresses[0].network}", argument)


def _sizes(whole: _Whole) -> Iterator[Problem]:
    """No frame of an interface is larger than what is below it carries."""
    for name, members in whole.all():
        size = members.get("mtu")
        if not isinstance(size, int):
            continue
        lower = (*members.get("interfaces", ()), *([members["link"]] if members.get("link") else []))
        for port in lower:
            below = (whole.plan.members(port) or {}).get("mtu", 1500)
            if isinstance(below, int) and below < size and whole.plan.kind_of(name) != "bonds":
                yield Problem(f"interface '{port}' below '{name}' has an MTU of {below} only", "mtu")


def _names(whole: _Whole) -> Iterator[Problem]:
    for name, times in Counter(whole.plan.names()).items():
        if times > 1:
            yield Problem(f"two interfaces are called '{name}'", "iface")


_RULES: tuple[Callable[[_Whole], Iterator[Problem]], ...] = (
    _names,
    _ports,
    _bonds,
    _vlans,
    _no_circle,
    _addresses,
    _gateways,
    _sizes,
)
