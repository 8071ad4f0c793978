"""Changing an interface of a node: arguments of Proxmox VE's API in, the whole candidate netplan out. Pure.

What a change does not name stays as it is, netplan's members that Proxmox VE knows nothing of too. Every result is
looked over as a whole (`trebol_node.system.interface_rules`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_interface
from typing import Any, Self

from trebol_common.errors import BadInput, raise_for
from trebol_common.network import Bond, BondMode, Bridge, Link, bond_members, bridge_members, link_members, silent
from trebol_node.system.interface_arguments import InterfaceArguments
from trebol_node.system.interface_rules import problems_of
from trebol_node.system.interfaces import (
    TABLES,
    TYPES,
    Family,
    LiveLink,
    addresses_of,
    families,
    is_default,
    version_of,
)
from trebol_node.system.netplan import KINDS, Members, Netplan, NetworkFiles, merged, parse, render

#: What addresses are made of in netplan, but for addresses and routes.
_ADDRESSING = ("dhcp4", "dhcp6", "accept-ra", "link-local", "optional", "dhcp-identifier")


class AlreadyExists(BadInput):
    """An interface of that name is there."""


class DoesNotExist(BadInput):
    """No interface of that name is there."""


@dataclass(frozen=True)
class Plans:
    """Trebol's own netplan, that of all files, and the kernel's interfaces."""

    own: Netplan
    whole: Netplan
    links: tuple[LiveLink, ...]

    @classmethod
    def of(cls, files: NetworkFiles, links: Iterable[LiveLink]) -> Self:
        """As the files are to be."""
        return cls(parse(files.wanted), merged(files), tuple(links))

    def physical(self, name: str) -> LiveLink | None:
        """The hardware of that name."""
        return next((link for link in self.links if link.physical and link.name == name), None)

    def has(self, name: str) -> bool:
        """Whether there is such an interface, in netplan or in the kernel."""
        return self.whole.kind_of(name) is not None or any(link.name == name for link in self.links)

    def own_only(self, name: str) -> None:
        """Raise BadInput where files that Trebol does not write have a say on an interface."""
        if self.whole.members(name) != self.own.members(name):
            raise BadInput("interface is configured in a file that Trebol does not write", where=name)


def created(files: NetworkFiles, arguments: InterfaceArguments, links: Iterable[LiveLink]) -> str:
    """The candidate with one interface more. Raises BadInput, its problems placed at the arguments they are about."""
    plans = Plans.of(files, links)
    name = arguments.name
    if plans.has(name) and not (arguments.type == "eth" and plans.whole.kind_of(name) is None):
        raise AlreadyExists("interface already exists", where="iface")
    return _checked(plans, _with(plans, name, _new(name, arguments, plans), arguments))


def updated(files: NetworkFiles, name: str, arguments: InterfaceArguments, links: Iterable[LiveLink]) -> str:
    """The candidate with one interface changed. Raises BadInput likewise."""
    plans = Plans.of(files, links)
    if plans.whole.kind_of(name) is None and plans.physical(name) is None:
        raise DoesNotExist("interface does not exist", where="iface")
    plans.own_only(name)
    kind = TYPES.get(plans.whole.kind_of(name) or "ethernets")
    if arguments.type != kind:
        raise BadInput(f"interface is of type {kind}, which cannot be changed", where="type")
    members = plans.own.members(name)
    return _checked(
        plans, _with(plans, name, _new(name, arguments, plans) if members is None else members, arguments)
    )


def deleted(files: NetworkFiles, name: str, links: Iterable[LiveLink]) -> str:
    """The candidate without an interface; hardware stays there, without a configuration. Raises BadInput likewise."""
    plans = Plans.of(files, links)
    if plans.whole.kind_of(name) is None:
        raise DoesNotExist("interface does not exist", where="iface")
    plans.own_only(name)
    users = sorted(other for other in plans.whole.names() if name in _uses(plans.whole.members(other) or {}))
    if users:
        raise BadInput(f"interface is used by {', '.join(users)}", where="iface")
    kinds = {
        kind: {key: each for key, each in table.items() if key != name} for kind, table in plans.own.kinds.items()
    }
    return _checked(plans, replace(plans.own, kinds=kinds))


def _uses(members: Mapping[str, Any]) -> list[str]:
    return [*map(str, members.get("interfaces") or []), *([str(members["link"])] if "link" in members else [])]


def _checked(plans: Plans, own: Netplan) -> str:
    """The text of `own`, if the whole that it makes is sound."""
    kinds = {
        kind: {
            **{name: each for name, each in table.items() if name not in plans.own.kinds.get(kind, {})},
            **own.kinds.get(kind, {}),
        }
        for kind, table in plans.whole.kinds.items()
    }
    raise_for(tuple(problems_of(replace(plans.whole, kinds=kinds), plans.links)), BadInput)
    return render(own)


def _new(name: str, arguments: InterfaceArguments, plans: Plans) -> Members:
    """A new interface before its arguments: what Trebol gives each of its kind."""
    match arguments.type:
        case "bridge":
            ports = arguments.ports or ()
            made = bridge_members(Bridge(name, ports, _mac(ports, plans), None))
        case "bond":
            slaves = arguments.members or ()
            mode = BondMode(arguments.bond_mode or BondMode.BALANCE_RR)
            made = bond_members(Bond(name, slaves, mode, _mac(slaves, plans)))
        case "vlan":
            return {"id": None, "link": None, **silent()}
        case _:
            link = plans.physical(name)
            if link is None:
                raise BadInput("there is no such hardware on this node", where="iface")
            return link_members(Link(name, link.mac))
    if not made["macaddress"]:
        del made["macaddress"]
    return made


def _mac(ports: Iterable[str], plans: Plans) -> str:
    """That of the first port: the address that a DHCP server has reserved for the hardware."""
    for port in ports:
        members = plans.whole.members(port) or {}
        link = plans.physical(port)
        mac = (
            members.get("macaddress") or (members.get("match") or {}).get("macaddress") or (link.mac if link else "")
        )
        if mac:
            return str(mac)
    return ""


def _with(plans: Plans, name: str, members: Members, arguments: InterfaceArguments) -> Netplan:
    """Trebol's own netplan with one interface's arguments, and with the hardware that it takes as ports."""
    changed = {**members, **_kind_members(name, members, arguments, plans)}
    changed = _addressed(changed, arguments)
    if arguments.mtu is not None:
        changed["mtu"] = arguments.mtu
    if arguments.autostart is not None:
        changed.pop("activation-mode", None)
        if not arguments.autostart:
            changed["activation-mode"] = "manual"
    for word in arguments.deleted:
        _delete(word, changed)
    kinds = {kind: dict(plans.own.kinds.get(kind, {})) for kind in KINDS}
    kinds[TABLES[arguments.type]][name] = {key: value for key, value in changed.items() if value is not None}
    for port in _uses(changed):
        link = plans.physical(port)
        if link and plans.whole.kind_of(port) is None:
            kinds["ethernets"][port] = link_members(Link(port, link.mac))
    comments = dict(plans.own.comments)
    if arguments.comments is not None:
        comments[name] = arguments.comments
    if "comments" in arguments.deleted or not comments.get(name):
        comments.pop(name, None)
    return replace(plans.own, kinds=kinds, comments=comments)


def _kind_members(name: str, members: Members, arguments: InterfaceArguments, plans: Plans) -> Members:
    """What is of one kind of interface alone."""
    match arguments.type:
        case "bridge" if arguments.ports is not None:
            changed: Members = {"interfaces": list(arguments.ports)}
            return changed if members.get("macaddress") else _with_mac(changed, arguments.ports, plans)
        case "bond":
            changed = _bond_parameters(members, arguments)
            if arguments.members is not None:
                changed = _with_mac({**changed, "interfaces": list(arguments.members)}, arguments.members, plans)
            return changed
        case "vlan":
            number, link = arguments.vlan(name)
            return {
                **({} if number is None and members.get("id") is not None else {"id": number}),
                **({} if link is None and members.get("link") is not None else {"link": link}),
            }
    return {}


def _with_mac(changed: Members, ports: tuple[str, ...], plans: Plans) -> Members:
    mac = _mac(ports, plans)
    return {**changed, "macaddress": mac} if mac else changed


def _bond_parameters(members: Members, arguments: InterfaceArguments) -> Members:
    parameters = dict(members.get("parameters") or {})
    if arguments.bond_mode is not None and arguments.bond_mode != parameters.get("mode"):
        # What belongs to the old mode goes with it.
        fresh = bond_members(Bond("", (), BondMode(arguments.bond_mode), ""))["parameters"]
        kept = {key: value for key, value in parameters.items() if key == "mii-monitor-interval"}
        parameters = {**fresh, **kept}
    if arguments.bond_primary is not None:
        parameters["primary"] = arguments.bond_primary
    if arguments.bond_xmit_hash_policy is not None:
        parameters["transmit-hash-policy"] = arguments.bond_xmit_hash_policy
    return {"parameters": parameters}


def _addressed(members: Members, arguments: InterfaceArguments) -> Members:
    """`members` with the addresses of both IP versions that the arguments ask for."""
    old = families(members)
    new = (
        _family(old[0], arguments.method, arguments.cidr_of(4), arguments.gateway, arguments.drops(4)),
        _family(old[1], arguments.method6, arguments.cidr_of(6), arguments.gateway6, arguments.drops(6)),
    )
    if new == old:
        return members
    four, six = new
    changed = {key: value for key, value in members.items() if key not in _ADDRESSING}
    for version in (4, 6):
        changed.pop(f"gateway{version}", None)
    changed["addresses"] = _addresses(members, old, new)
    changed["routes"] = _routes(members, new)
    for key in ("addresses", "routes"):
        if not changed[key]:
            del changed[key]
    if (four.method, six.method) == ("manual", "manual"):
        return _in_order(members, {**changed, **silent()})
    changed |= {
        "dhcp4": four.method == "dhcp",
        "dhcp6": six.method == "dhcp",
        "accept-ra": six.method in ("auto", "dhcp"),
    }
    if "dhcp" in (four.method, six.method):
        changed["dhcp-identifier"] = members.get("dhcp-identifier", "mac")
    return _in_order(members, changed)


def _in_order(before: Members, after: Members) -> Members:
    """What was there stays where it was: the difference that people look at is that of the change alone."""
    return {key: after[key] for key in (*(key for key in before if key in after), *after)}


def _family(
    old: Family, method: str | None, cidr: str | None, gateway: str | None, dropped: frozenset[str]
) -> Family:
    if method in ("dhcp", "auto", "manual"):
        return Family(method)
    found = old
    if "cidr" in dropped:
        found = Family()
    elif "gateway" in dropped:
        found = replace(found, gateway="")
    if cidr is not None:
        found = replace(found, method="static", cidr=cidr)
    if gateway is not None:
        found = replace(found, gateway=gateway)
    return found


def _addresses(members: Members, old: tuple[Family, Family], new: tuple[Family, Family]) -> list[Any]:
    """The first address of a version is the one that the API shows; others stay, unless there is none any more."""
    given = members.get("addresses") or []
    firsts = {family.cidr for family in old}
    found: list[Any] = []
    for version, family in zip((4, 6), new, strict=True):
        if family.method == "static":
            found.append(family.cidr)
            found += [
                each
                for each, text in zip(given, addresses_of(members), strict=True)
                if version_of(text) == version and text not in firsts and text != family.cidr
            ]
    return found


def _routes(members: Members, new: tuple[Family, Family]) -> list[dict[str, Any]]:
    kept = [
        route for route in members.get("routes") or [] if not any(is_default(route, version) for version in (4, 6))
    ]
    return [*(_default(family) for family in new if family.gateway), *kept]


def _default(family: Family) -> dict[str, Any]:
    route: dict[str, Any] = {"to": "default", "via": family.gateway}
    outside = not family.cidr or ip_address(family.gateway) not in ip_interface(family.cidr).network
    return {**route, "on-link": True} if outside else route


def _delete(word: str, members: Members) -> None:
    """Drop what an argument made; addresses and comments are dropped where they are set."""
    match word:
        case "mtu":
            members.pop("mtu", None)
        case "autostart":
            members.pop("activation-mode", None)
        case "bridge_ports" | "slaves":
            members["interfaces"] = []
        case "bond-primary":
            members.get("parameters", {}).pop("primary", None)
        case "bond_xmit_hash_policy":
            members.get("parameters", {}).pop("transmit-hash-policy", None)
