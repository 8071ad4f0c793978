"""The node's network between the API's list of interfaces and the model of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_interface
from typing import Any

from trebol_common.errors import TrebolError
from trebol_common.i18n import _
from trebol_common.network import (
    MANAGEMENT_BRIDGE,
    BondMode,
    Dhcp,
    HostNetwork,
    Link,
    Static,
    management_network,
)

Interface = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """One change of the candidate: method, name of the interface (empty: a new one), arguments."""

    method: str
    name: str
    arguments: Mapping[str, Any]


def network_of(interfaces: Sequence[Interface], dns: Mapping[str, Any], macs: Mapping[str, str]) -> HostNetwork:
    """The network that the API tells of; `macs` are the permanent addresses of the hardware, by name.

    Raises TrebolError where it is another one than this screen can show and change.
    """
    by_name = {str(each["iface"]): each for each in interfaces}
    bridge = by_name.get(MANAGEMENT_BRIDGE)
    if bridge is None or bridge.get("type") != "bridge":
        raise _other(_("there is no bridge {name}").format(name=MANAGEMENT_BRIDGE))
    match _words(bridge.get("bridge_ports")):
        case [port]:
            below = by_name.get(port, {})
        case ports:
            raise _other(_("{name} has {count} ports").format(name=MANAGEMENT_BRIDGE, count=len(ports)))
    bonded = below.get("type") == "bond"
    names = _words(below.get("slaves")) if bonded else [port]
    if missing := [name for name in names if name not in macs]:
        raise _other(_("{name} is no wired interface").format(name=missing[0]))
    tagged = [each for each in interfaces if each.get("vlan-raw-device") == MANAGEMENT_BRIDGE and _has_address(each)]
    if len(tagged) + _has_address(bridge) != 1:
        raise _other(_("the node's own address is not on one interface alone"))
    managed = tagged[0] if tagged else bridge
    return management_network(
        tuple(Link(name, macs[name]) for name in names),
        _addressing(managed, dns),
        bond=BondMode(str(below["bond_mode"])) if bonded else None,
        vlan=int(tagged[0]["vlan-id"]) if tagged else None,
        search=tuple(_words(dns.get("search"))),
        mtu=int(bridge["mtu"]) if bridge.get("mtu") else None,
    )


def changes(before: HostNetwork, after: HostNetwork) -> Iterator[Call]:
    """What makes the candidate of one the other. The API looks at the whole after each of them: nothing is taken away
    that something stands on, and no port or gateway is there twice. What is not of this model stays as it is."""
    old, new = {bond.name for bond in before.bonds}, {bond.name for bond in after.bonds}
    tags = {vlan.name for vlan in before.vlans}
    sized = _sized(before, after)
    for vlan in before.vlans:
        if vlan not in after.vlans:
            yield Call("DELETE", vlan.name, {})
            tags.remove(vlan.name)
    bridge = after.bridges[0]
    if before.mtu not in (None, after.mtu):
        # From above downwards, then upwards again: no frame is larger than what is below it carries.
        for name in sorted(tags):
            yield Call("PUT", name, {"type": "vlan", "delete": "mtu"})
        yield Call("PUT", bridge.name, {"type": "bridge", "delete": "mtu"})
    if (before.bonds, before.bridges[0].ports) != (after.bonds, bridge.ports):
        yield Call("PUT", bridge.name, {"type": "bridge", "delete": "bridge_ports"})
    for name in sorted(old - new):
        yield Call("DELETE", name, {})
    if sized:
        for link in after.links:
            yield Call("PUT", link.name, {"type": "eth", **sized})
    for bond in after.bonds:
        slaves = {"type": "bond", "slaves": " ".join(bond.ports), "bond_mode": bond.mode.value}
        yield _put(bond.name, {**slaves, **sized}, known=bond.name in old)
    ports = {"type": "bridge", "bridge_ports": " ".join(bridge.ports)}
    yield Call("PUT", bridge.name, {**ports, **_addresses(bridge.addressing), **sized})
    for vlan in after.vlans:
        tag = {"type": "vlan", "vlan-id": vlan.id, "vlan-raw-device": vlan.link}
        yield _put(vlan.name, {**tag, **_addresses(vlan.addressing), **sized}, known=vlan.name in tags)


def dns_of(network: HostNetwork) -> dict[str, str]:
    """The name servers that a network names itself, as the API takes them."""
    match network.managed.addressing:
        case Static(nameservers=servers):
            named = {f"dns{number}": str(server) for number, server in enumerate(servers, 1)}
        case _:
            named = {}
    return {"search": " ".join(network.managed.search), **named}


def _sized(before: HostNetwork, after: HostNetwork) -> dict[str, Any]:
    if after.mtu is not None:
        return {"mtu": after.mtu}
    return {"delete": "mtu"} if before.mtu is not None else {}


def _put(name: str, arguments: dict[str, Any], *, known: bool) -> Call:
    if known:
        return Call("PUT", name, arguments)
    return Call("POST", "", {"iface": name, **{key: value for key, value in arguments.items() if key != "delete"}})


def _addresses(addressing: Dhcp | Static | None) -> dict[str, Any]:
    match addressing:
        case None:
            return {"method": "manual", "method6": "manual"}
        case Dhcp():
            # As Trebol's installer has it: IPv6 where routers advertise it.
            return {"method": "dhcp", "method6": "auto"}
        case Static(address, gateway, _servers, second) if address.version == 4:
            fixed: dict[str, Any] = {"method": "static", "cidr": str(address), "gateway": str(gateway)}
            if second is None:
                return {**fixed, "method6": "manual"}
            way = {"gateway6": str(second[1])} if second[1] is not None else {}
            return {**fixed, "method6": "static", "cidr6": str(second[0]), **way}
        case Static(address, gateway, _servers, _second):
            return {"method": "manual", "method6": "static", "cidr6": str(address), "gateway6": str(gateway)}


def _addressing(interface: Interface, dns: Mapping[str, Any]) -> Dhcp | Static:
    servers = tuple(ip_address(str(dns[key])) for key in ("dns1", "dns2", "dns3") if dns.get(key))
    four, six = interface.get("cidr"), interface.get("cidr6")
    if interface.get("method") == "dhcp":
        return Dhcp()
    if four:
        if not interface.get("gateway"):
            raise _other(_("the node has no gateway"))
        way = ip_address(str(interface["gateway6"])) if interface.get("gateway6") else None
        second = (ip_interface(str(six)), way) if six else None
        return Static(ip_interface(str(four)), ip_address(str(interface["gateway"])), servers, second)
    if not interface.get("gateway6"):
        raise _other(_("the node has no gateway"))
    return Static(ip_interface(str(six)), ip_address(str(interface["gateway6"])), servers)


def _has_address(interface: Interface) -> bool:
    return interface.get("method") in ("static", "dhcp") or interface.get("method6") in ("static", "dhcp")


def _words(text: object) -> list[str]:
    return str(text or "").split()


def _other(why: str) -> TrebolError:
    hint = _("change it with trebol api, or in /etc/netplan")
    return TrebolError(_("the network is none that this page can change: {reason}").format(reason=why), hint=hint)
