"""The host network as values, and its rendering to netplan (systemd-networkd) and to systemd `.link` files.

Links are matched by their permanent MAC address, never by a name that may change with the hardware. A bridge takes
its first port's MAC address, so that the address a DHCP server reserved for the NIC stays the node's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Any

#: The bridge that carries the node's own address, and guests by default.
MANAGEMENT_BRIDGE = "vmbr0"
#: The bond below that bridge, where there is one.
MANAGEMENT_BOND = "bond0"
#: Where a node is managed with a browser: cockpit's port.
MANAGEMENT_PORT = 9090

#: That of the node's API.
API_PORT = 8006


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
    """One fixed address with its prefix, the default gateway, and name servers in order.

    `ipv6` is a second address beside an IPv4 one, with its gateway or None: routers then advertise themselves.
    """

    address: IPv4Interface | IPv6Interface
    gateway: IPv4Address | IPv6Address
    nameservers: tuple[IPv4Address | IPv6Address, ...] = ()
    ipv6: tuple[IPv4Interface | IPv6Interface, IPv4Address | IPv6Address | None] | None = None


class BondMode(StrEnum):
    """How the ports of a bond share its traffic (the kernel's Documentation/networking/bonding.rst, `mode`)."""

    ACTIVE_BACKUP = "active-backup"
    LACP = "802.3ad"
    BALANCE_XOR = "balance-xor"
    BALANCE_RR = "balance-rr"
    BALANCE_TLB = "balance-tlb"
    BALANCE_ALB = "balance-alb"


@dataclass(frozen=True)
class Bond:
    """Several links (`ports`, by name) as one; `mac` is that of the first."""

    name: str
    ports: tuple[str, ...]
    mode: BondMode
    mac: str


@dataclass(frozen=True)
class Bridge:
    """A bridge over `ports` (names of links or bonds); `search` are the domains tried for short names.

    Without `addressing` it only carries others' frames: guests', and those of VLANs on it.
    """

    name: str
    ports: tuple[str, ...]
    mac: str
    addressing: Dhcp | Static | None
    search: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vlan:
    """The frames of one VLAN of a bridge, tagged on the wire; the node's own address may be in one."""

    name: str
    id: int
    link: str
    addressing: Dhcp | Static
    search: tuple[str, ...] = ()


@dataclass(frozen=True)
class HostNetwork:
    """All that Trebol configures of a node's network; `pinned` are links whose names are bound to their MAC.

    `mtu`, in bytes, is that of everything; None leaves it to the drivers.
    """

    links: tuple[Link, ...]
    bridges: tuple[Bridge, ...]
    pinned: tuple[Link, ...] = ()
    bonds: tuple[Bond, ...] = ()
    vlans: tuple[Vlan, ...] = ()
    mtu: int | None = None

    @property
    def managed(self) -> Bridge | Vlan:
        """What has the node's own address."""
        return self.vlans[0] if self.vlans else self.bridges[0]


def management_network(
    links: tuple[Link, ...],
    addressing: Dhcp | Static,
    *,
    bond: BondMode | None = None,
    vlan: int | None = None,
    search: tuple[str, ...] = (),
    pinned: tuple[Link, ...] = (),
    mtu: int | None = None,
) -> HostNetwork:
    """The bridge over one link, or over several as a bond, and the node's own address on it or in a VLAN of it."""
    first = links[0]
    bonds = (Bond(MANAGEMENT_BOND, tuple(link.name for link in links), bond, first.mac),) if bond else ()
    below = bonds[0].name if bonds else first.name
    if vlan is None:
        bridge = Bridge(MANAGEMENT_BRIDGE, (below,), first.mac, addressing, search)
        return HostNetwork(links, (bridge,), pinned, bonds, (), mtu)
    bridge = Bridge(MANAGEMENT_BRIDGE, (below,), first.mac, None)
    tagged = Vlan(f"{MANAGEMENT_BRIDGE}.{vlan}", vlan, MANAGEMENT_BRIDGE, addressing, search)
    return HostNetwork(links, (bridge,), pinned, bonds, (tagged,), mtu)


def to_netplan(network: HostNetwork) -> str:
    """The netplan file of `network`, for `/etc/netplan/` (mode 0600: netplan warns about any other)."""
    # Plans are made and shown without it.
    import yaml

    kinds = {
        "ethernets": {link.name: link_members(link) for link in network.links},
        "bonds": {bond.name: bond_members(bond) for bond in network.bonds},
        "bridges": {bridge.name: bridge_members(bridge) for bridge in network.bridges},
        "vlans": {vlan.name: _vlan(vlan) for vlan in network.vlans},
    }
    if network.mtu is not None:
        for kind in kinds.values():
            for members in kind.values():
                members["mtu"] = network.mtu
    given = {name: kind for name, kind in kinds.items() if kind}
    tree = {"network": {"version": 2, "renderer": "networkd", **given}}
    return "# Written by Trebol.\n" + yaml.safe_dump(tree, sort_keys=False, default_flow_style=False)


def link_members(link: Link) -> dict[str, Any]:
    """netplan's members of a physical interface that only carries the frames of what is on it."""
    return {"match": {"macaddress": link.mac}, **silent()}


def silent() -> dict[str, Any]:
    """What only carries frames has no address of its own, not even a link-local one, or it would answer beside what
    has one; and whether the node is online is decided by that, not by a cable.
    """
    # Made anew each time: YAML would write a list that occurs twice as a reference.
    return {"dhcp4": False, "dhcp6": False, "accept-ra": False, "link-local": [], "optional": True}


#: Milliseconds between two looks at the links of a bond: without, none is taken for dead (bonding.rst, `miimon`).
_MII_MONITOR = 100


def bond_members(bond: Bond) -> dict[str, Any]:
    """netplan's members of a bond."""
    parameters: dict[str, Any] = {"mode": bond.mode.value, "mii-monitor-interval": _MII_MONITOR}
    if bond.mode is BondMode.LACP:
        # A switch that sends every second tells of a dead link after three, instead of after ninety.
        parameters["lacp-rate"] = "fast"
    if bond.mode in (BondMode.LACP, BondMode.BALANCE_XOR):
        # Connections of two nodes spread over the links, not all on the one that their MAC addresses give.
        parameters["transmit-hash-policy"] = "layer3+4"
    return {"interfaces": list(bond.ports), "macaddress": bond.mac, "parameters": parameters, **silent()}


def bridge_members(bridge: Bridge) -> dict[str, Any]:
    """netplan's members of a bridge."""
    return {
        "interfaces": list(bridge.ports),
        "macaddress": bridge.mac,
        # Without spanning tree a port forwards at once: DHCP on a bridge would otherwise wait half a minute.
        "parameters": {"stp": False, "forward-delay": 0},
        **_addressing(bridge),
    }


def _vlan(vlan: Vlan) -> dict[str, Any]:
    return {"id": vlan.id, "link": vlan.link, **_addressing(vlan)}


def _addressing(link: Bridge | Vlan) -> dict[str, Any]:
    members: dict[str, Any] = {}
    nameservers: dict[str, list[str]] = {}
    match link.addressing:
        case None:
            return silent()
        case Dhcp(domains):
            # As client id the MAC, so that a reservation made for the NIC's firmware holds for the node too.
            members |= {"dhcp4": True, "dhcp-identifier": "mac"}
            if domains:
                members["dhcp4-overrides"] = {"use-domains": True}
        case Static(address, gateway, servers, second):
            members |= {
                "dhcp4": False,
                "dhcp6": False,
                "accept-ra": second is not None and second[1] is None,
                "addresses": [str(address)],
                "routes": [_default_route(address, gateway)],
            }
            if second is not None:
                members["addresses"].append(str(second[0]))
                if second[1] is not None:
                    members["routes"].append(_default_route(second[0], second[1]))
            if servers:
                nameservers["addresses"] = [str(server) for server in servers]
    if link.search:
        nameservers["search"] = list(link.search)
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
