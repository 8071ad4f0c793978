"""The host network as values, and its rendering to netplan (systemd-networkd) and to systemd `.link` files.

Links are matched by their permanent MAC address, never by a name that may change with the hardware. A bridge takes
its first port's MAC address, so that the address a DHCP server reserved for the NIC stays the node's.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Any

#: The bridge that carries the node's own address, and guests by default.
MANAGEMENT_BRIDGE = "vmbr0"


@dataclass(frozen=True)
class Link:
    """A physical interface: `name` as it is called on the node, `mac` permanent, lower case with colons."""

    name: str
    mac: str


@dataclass(frozen=True)
class Dhcp:
    """The address comes from a DHCPv4 server (and from IPv6 router advertisements where there are any).

    With `domains`, the server's domain is tried for short names: networkd ignores it otherwise.
    """

    domains: bool = False


@dataclass(frozen=True)
class Static:
    """One fixed address with its prefix, the default gateway, and name servers in order."""

    address: IPv4Interface | IPv6Interface
    gateway: IPv4Address | IPv6Address
    nameservers: tuple[IPv4Address | IPv6Address, ...] = ()


@dataclass(frozen=True)
class Bridge:
    """A bridge over `ports` (names of links); `search` are the domains tried for short names."""

    name: str
    ports: tuple[str, ...]
    mac: str
    addressing: Dhcp | Static
    search: tuple[str, ...] = ()


@dataclass(frozen=True)
class HostNetwork:
    """All that Trebol configures of a node's network; `pinned` are links whose names are bound to their MAC."""

    links: tuple[Link, ...]
    bridges: tuple[Bridge, ...]
    pinned: tuple[Link, ...] = ()


def to_netplan(network: HostNetwork) -> str:
    """The netplan file of `network`, for `/etc/netplan/` (mode 0600: netplan warns about any other)."""
    # Plans are made and shown without it.
    import yaml

    tree = {
        "network": {
            "version": 2,
            "renderer": "networkd",
            "ethernets": {link.name: _ethernet(link) for link in network.links},
            "bridges": {bridge.name: _bridge(bridge) for bridge in network.bridges},
        }
    }
    return "# Written by Trebol.\n" + yaml.safe_dump(tree, sort_keys=False, default_flow_style=False)


def _ethernet(link: Link) -> dict[str, Any]:
    return {
        "match": {"macaddress": link.mac},
        # A port has no address of its own, not even a link-local one, or it would answer beside its bridge.
        "dhcp4": False,
        "dhcp6": False,
        "accept-ra": False,
        "link-local": [],
        # The bridge, not the cable, decides whether the node is online.
        "optional": True,
    }


def _bridge(bridge: Bridge) -> dict[str, Any]:
    members: dict[str, Any] = {
        "interfaces": list(bridge.ports),
        "macaddress": bridge.mac,
        # Without spanning tree a port forwards at once: DHCP on a bridge would otherwise wait half a minute.
        "parameters": {"stp": False, "forward-delay": 0},
    }
    nameservers: dict[str, list[str]] = {}
    match bridge.addressing:
        case Dhcp(domains):
            # As client id the MAC, so that a reservation made for the NIC's firmware holds for the node too.
            members |= {"dhcp4": True, "dhcp-identifier": "mac"}
            if domains:
                members["dhcp4-overrides"] = {"use-domains": True}
        case Static(address, gateway, servers):
            members |= {
                "dhcp4": False,
                "dhcp6": False,
                "accept-ra": False,
                "addresses": [str(address)],
                "routes": [_default_route(address, gateway)],
            }
            if servers:
                nameservers["addresses"] = [str(server) for server in servers]
    if bridge.search:
        nameservers["search"] = list(bridge.search)
    if nameservers:
        members["nameservers"] = nameservers
    return members


def _default_route(
    address: IPv4Interface | IPv6Interface, gateway: IPv4Address | IPv6Address
) -> dict[str, str | bool]:
    route: dict[str, str | bool] = {"to": "default", "via": str(gateway)}
    if gateway not in address.network:
        route["on-link"] = True
    return route


def to_link_files(network: HostNetwork) -> dict[str, str]:
    """File name → text for `/etc/systemd/network/`: one `.link` file for each pinned name (systemd.link(5))."""
    return {f"10-trebol-{link.name}.link": _link_file(link) for link in network.pinned}


def _link_file(link: Link) -> str:
    # Type=ether leaves out bridges and VLANs, which may carry the same address.
    return f"[Match]\nPermanentMACAddress={link.mac}\nType=ether\n\n[Link]\nName={link.name}\n"
