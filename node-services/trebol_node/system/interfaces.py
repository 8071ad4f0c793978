"""A node's network interfaces in the shape of Proxmox VE's: netplan and the kernel's own view in, values out. Pure.

Numbers are text here, as Proxmox VE reads them from its file; flags are 1 or not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_interface
from typing import Any

from trebol_node.system.netplan import Members, Netplan

#: netplan's tables and Proxmox VE's types.
TYPES = {"ethernets": "eth", "bonds": "bond", "bridges": "bridge", "vlans": "vlan"}
TABLES = {kind: table for table, kind in TYPES.items()}

#: What `type` of GET /nodes/{node}/network asks for; there are no guests' or Open vSwitch's interfaces here.
FILTERS = {
    "any_bridge": frozenset({"bridge"}),
    "any_local_bridge": frozenset({"bridge"}),
    "include_sdn": frozenset({"bridge"}),
}

#: The command whose answer `links_of` reads.
LINKS = ("ip", "-json", "-details", "address", "show")


@dataclass(frozen=True)
class LiveLink:
    """An interface that the kernel has; `mac` is the permanent address where it has one, `physical` says that it is
    hardware, `addresses` are those of it that others can reach, with their prefixes."""

    name: str
    mac: str = ""
    up: bool = False
    physical: bool = False
    alternative: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Family:
    """The addresses of one IP version of an interface. `method` is "static", "dhcp", "auto" (IPv6 alone: from router
    advertisements) or "manual": none. `cidr` is the first address with its prefix."""

    method: str = "manual"
    cidr: str = ""
    gateway: str = ""


def links_of(answer: Iterable[Mapping[str, Any]], physical: frozenset[str]) -> tuple[LiveLink, ...]:
    """From the answer of `LINKS`; `physical` names those of hardware."""
    return tuple(
        LiveLink(
            name=str(link["ifname"]),
            mac=str(link.get("permaddr") or link.get("address") or ""),
            up="UP" in link.get("flags", ()),
            physical=str(link["ifname"]) in physical,
            alternative=tuple(map(str, link.get("altnames", ()))),
            addresses=tuple(
                f"{address['local']}/{address['prefixlen']}"
                for address in link.get("addr_info", ())
                if address.get("scope") == "global" and "local" in address
            ),
        )
        for link in answer
        if "ifname" in link
    )


def interfaces(plan: Netplan, links: Iterable[LiveLink]) -> list[dict[str, Any]]:
    """All that netplan knows, and all hardware that it does not; in the order of the names, hardware first."""
    live = {link.name: link for link in links}
    names = sorted({*plan.names(), *(link.name for link in live.values() if link.physical)})
    found = [interface(name, plan, _live(name, plan, live)) for name in names]
    found.sort(key=lambda each: each["type"] != "eth")
    return [{**each, "priority": number} for number, each in enumerate(found, 3)]


def interface(name: str, plan: Netplan, link: LiveLink | None) -> dict[str, Any]:
    """One interface, without its priority."""
    table, members = plan.kind_of(name), plan.members(name) or {}
    four, six = families(members if table else {"dhcp4": False, "link-local": []})
    shown: dict[str, Any] = {
        "iface": name,
        "type": TYPES[table] if table else "eth",
        **_family(four, "", 32),
        **_family(six, "6", 128),
        "families": [version for version, family in (("inet", four), ("inet6", six)) if family.method != "manual"]
        or ["inet"],
    }
    if table and members.get("activation-mode") is None:
        shown["autostart"] = 1
    if "mtu" in members:
        shown["mtu"] = str(members["mtu"])
    if comment := plan.comments.get(name):
        shown["comments"] = comment
    match table:
        case "bridges":
            shown |= _bridge(members)
        case "bonds":
            shown |= _bond(members)
        case "vlans":
            shown |= {"vlan-id": str(members.get("id", "")), "vlan-raw-device": str(members.get("link", ""))}
    return {**shown, **(_of_link(link) if link else {})}


def wanted(found: Iterable[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Those that `type` of the request asks for; all where it is empty."""
    kinds = FILTERS.get(kind, frozenset({kind}))
    return [each for each in found if not kind or each["type"] in kinds]


def families(members: Mapping[str, Any]) -> tuple[Family, Family]:
    """IPv4 and IPv6 of an interface, by netplan's members."""
    addresses = addresses_of(members)
    fours = [address for address in addresses if version_of(address) == 4]
    sixes = [address for address in addresses if version_of(address) == 6]
    four = "static" if fours else "dhcp" if members.get("dhcp4") else "manual"
    # Without a word in netplan networkd takes router advertisements, if the interface has a link-local address.
    advertised = members.get("accept-ra", "ipv6" in members.get("link-local", ["ipv6"]))
    six = "static" if sixes else "dhcp" if members.get("dhcp6") else "auto" if advertised else "manual"
    return (
        Family(four, fours[0] if fours else "", gateway_of(members, 4)),
        Family(six, sixes[0] if sixes else "", gateway_of(members, 6)),
    )


def addresses_of(members: Mapping[str, Any]) -> list[str]:
    """With their prefixes; netplan may have one as a table with its options."""
    given = members.get("addresses") or []
    return [str(next(iter(each)) if isinstance(each, dict) else each) for each in given]


def version_of(address: object) -> int:
    """4 or 6; 0 of what is no address."""
    try:
        return ip_interface(str(address)).version
    except ValueError:
        return 0


def is_default(route: Mapping[str, Any], version: int) -> bool:
    """Whether a route is the default one of an IP version."""
    to = str(route.get("to", ""))
    return to in {4: ("0.0.0.0/0",), 6: ("::/0",)}[version] or (
        to == "default" and version_of(route.get("via")) == version
    )


def gateway_of(members: Mapping[str, Any], version: int) -> str:
    """Of the default route; empty where there is none."""
    routes = [route for route in members.get("routes") or [] if is_default(route, version)]
    return str(routes[0].get("via", "")) if routes else str(members.get(f"gateway{version}", "") or "")


def _family(family: Family, suffix: str, longest: int) -> dict[str, str]:
    shown = {f"method{suffix}": family.method}
    if family.cidr:
        address, _slash, prefix = family.cidr.partition("/")
        prefix = prefix or str(longest)
        shown |= {
            f"address{suffix}": address,
            f"cidr{suffix}": f"{address}/{prefix}",
            f"netmask{suffix}": prefix,
        }
    return {**shown, f"gateway{suffix}": family.gateway} if family.gateway else shown


def _bridge(members: Members) -> dict[str, str]:
    parameters = members.get("parameters") or {}
    return {
        "bridge_ports": " ".join(map(str, members.get("interfaces") or [])),
        # netplan(5): on where nothing is said.
        "bridge_stp": "on" if parameters.get("stp", True) else "off",
        "bridge_fd": str(parameters.get("forward-delay", 15)),
    }


def _bond(members: Members) -> dict[str, str]:
    parameters = members.get("parameters") or {}
    shown = {
        "slaves": " ".join(map(str, members.get("interfaces") or [])),
        "bond_mode": str(parameters.get("mode", "balance-rr")),
        "bond_miimon": str(parameters.get("mii-monitor-interval", 0)),
    }
    if "primary" in parameters:
        shown["bond-primary"] = str(parameters["primary"])
    if "transmit-hash-policy" in parameters:
        shown["bond_xmit_hash_policy"] = str(parameters["transmit-hash-policy"])
    return shown


def _of_link(link: LiveLink) -> dict[str, Any]:
    shown: dict[str, Any] = {"hwaddr": link.mac} if link.mac else {}
    if link.up:
        shown["active"] = 1
    if link.physical:
        shown["exists"] = 1
    if link.alternative:
        shown["altnames"] = list(link.alternative)
    if link.addresses:
        shown["live-addresses"] = list(link.addresses)
    return shown


def _live(name: str, plan: Netplan, live: Mapping[str, LiveLink]) -> LiveLink | None:
    """The kernel's interface of that name, or the one that netplan matches by its address."""
    if name in live:
        return live[name]
    match = (plan.members(name) or {}).get("match") or {}
    mac = str(match.get("macaddress", "")).lower()
    return next((link for link in live.values() if mac and link.physical and link.mac == mac), None)
