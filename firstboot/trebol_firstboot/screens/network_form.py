"""The fields of the node's network, and the network that they mean. Pure.

There are no rules here: what is refused is what the answer file's `[network]` refuses, in the same words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from trebol_common.answers import Answers
from trebol_common.answers.parse import KeyProblem, check_members
from trebol_common.i18n import _
from trebol_common.network import BondMode, Dhcp, HostNetwork, Link, Static, management_network
from trebol_firstboot.screens.topic import Typed
from trebol_firstboot.screens.world import NetworkSeen

PORT = "port"
PORTS = "ports"
BONDED = "bonded"
MODE = "bond.mode"
SOURCE = "source"
CIDR = "cidr"
GATEWAY = "gateway"
DNS = "dns"
CIDR6 = "ipv6.cidr"
GATEWAY6 = "ipv6.gateway"
VLAN = "vlan"
MTU = "mtu"

DHCP = "from-dhcp"
FIXED = "from-answer"

#: Name servers that a node has at most (resolv.conf(5), MAXNS).
SERVERS = 3

#: What an answer file says besides, of which nothing is wrong.
_ELSE: Mapping[str, Any] = {
    "global": {
        "country": "es",
        "fqdn": "node.example.org",
        "keyboard": "es",
        "mailto": "root@example.org",
        "timezone": "UTC",
        "root-password-hashed": "$y$j9T$none",
    },
    "disk-setup": {"filesystem": "ext4", "disk-list": ["none"]},
}


def fields(seen: NetworkSeen) -> dict[str, Any]:
    """What is in the fields at first: the network as it is."""
    current = seen.current
    names = tuple(link.name for link in current.links)
    values: dict[str, Any] = {
        PORT: names[0] if names else "",
        PORTS: names,
        BONDED: bool(current.bonds),
        MODE: current.bonds[0].mode if current.bonds else BondMode.ACTIVE_BACKUP,
        VLAN: str(current.vlans[0].id) if current.vlans else "",
        MTU: str(current.mtu or ""),
        SOURCE: DHCP,
    }
    match current.managed.addressing:
        case Static(address, gateway, servers, second):
            values |= {SOURCE: FIXED, CIDR: str(address), GATEWAY: str(gateway), DNS: " ".join(map(str, servers))}
            if second is not None:
                values |= {CIDR6: str(second[0]), GATEWAY6: str(second[1] or "")}
    return values


def problems(seen: NetworkSeen, typed: Typed) -> dict[str, str]:
    """What is wrong with the fields, by key; "" for what does not fit together."""
    found: dict[str, str] = {}
    servers = _servers(typed)
    for server in servers or ("",):
        _answers, wrong = check_members({**_ELSE, "network": _members(typed, server)})
        for problem in wrong:
            found.setdefault(_field_of(problem), problem.what)
    if typed.text(SOURCE) == FIXED:
        found |= {key: _("is needed") for key in (CIDR, GATEWAY, DNS) if not typed.text(key).strip()}
    if len(servers) > SERVERS:
        found[DNS] = _("are more than {count}").format(count=SERVERS)
    if not _chosen(seen, typed):
        found[PORTS if typed.yes(BONDED) else PORT] = _("Mark an interface.")
    return found


def wanted(seen: NetworkSeen, typed: Typed) -> HostNetwork:
    """The network that the fields mean, where nothing is wrong with them."""
    answers, wrong = check_members({**_ELSE, "network": _members(typed, next(iter(_servers(typed)), ""))})
    assert answers is not None, wrong
    network = answers.network
    return management_network(
        _chosen(seen, typed),
        _addressing(answers, typed),
        bond=BondMode(typed.text(MODE)) if typed.yes(BONDED) else None,
        vlan=network.vlan,
        search=seen.current.managed.search,
        pinned=seen.current.pinned,
        mtu=network.mtu,
    )


def _addressing(answers: Answers, typed: Typed) -> Dhcp | Static:
    network = answers.network
    if network.cidr is None or network.gateway is None:
        return Dhcp()
    second = (network.ipv6.cidr, network.ipv6.gateway) if network.ipv6 else None
    return Static(network.cidr, network.gateway, tuple(map(ip_address, _servers(typed))), second)


def _chosen(seen: NetworkSeen, typed: Typed) -> tuple[Link, ...]:
    """The interfaces that are chosen, in the order of the machine's."""
    names = typed.several(PORTS) if typed.yes(BONDED) else (typed.text(PORT),)
    return tuple(Link(nic.name, nic.mac) for nic in seen.interfaces if nic.name in names)


def _servers(typed: Typed) -> tuple[str, ...]:
    return tuple(typed.text(DNS).replace(",", " ").split())


def _members(typed: Typed, server: str) -> dict[str, Any]:
    """`[network]` with one of the name servers."""
    fixed = typed.text(SOURCE) == FIXED
    members: dict[str, Any] = {"source": FIXED if fixed else DHCP}
    if fixed:
        # Which interface is no matter of these rules.
        members |= {"cidr": typed.text(CIDR), "gateway": typed.text(GATEWAY), "dns": server, "filter": {"any": "*"}}
        if typed.text(CIDR6):
            members["ipv6"] = {"cidr": typed.text(CIDR6), "gateway": typed.text(GATEWAY6)}
            members["ipv6"] = {key: text for key, text in members["ipv6"].items() if text}
    members |= {key: _number(typed.text(key)) for key in (VLAN, MTU)}
    return {key: value for key, value in members.items() if value not in ("", None)}


def _number(text: str) -> int | str:
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else text


def _field_of(problem: KeyProblem) -> str:
    key = problem.key.removeprefix("network").removeprefix(".")
    return key if key in (CIDR, GATEWAY, DNS, CIDR6, GATEWAY6, VLAN, MTU) else ""
