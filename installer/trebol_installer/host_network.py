"""The network that the answers mean, on this machine: pure."""

from __future__ import annotations

from trebol_common.answers.model import Answers, FqdnFromDhcp, NetworkSource
from trebol_common.errors import BadInput, Problem
from trebol_common.i18n import _
from trebol_common.network import (
    MANAGEMENT_BOND,
    MANAGEMENT_BRIDGE,
    Dhcp,
    HostNetwork,
    Link,
    Static,
    management_network,
)
from trebol_hardware.machine import Machine, NetworkInterface

#: Names that no pinned interface may have; "all" and "default" the kernel refuses (sysctl_dev_name_is_allowed).
_RESERVED_NAMES = frozenset({"all", "default", "lo", MANAGEMENT_BRIDGE, MANAGEMENT_BOND})


def host_network(machine: Machine, answers: Answers, chosen: tuple[NetworkInterface, ...]) -> HostNetwork:
    """The links, the bridge on `chosen` (several: as a bond), and the address that the answers ask for.

    Raises BadInput.
    """
    names, pinned = _names(machine, answers)
    network = answers.network
    fqdn = answers.global_.fqdn
    addressing: Dhcp | Static
    if network.source is NetworkSource.DHCP:
        addressing = Dhcp(domains=isinstance(fqdn, FqdnFromDhcp))
        search = (fqdn.domain,) if isinstance(fqdn, FqdnFromDhcp) and fqdn.domain else ()
    else:
        assert network.cidr is not None and network.gateway is not None and network.dns is not None
        second = (network.ipv6.cidr, network.ipv6.gateway) if network.ipv6 else None
        addressing = Static(network.cidr, network.gateway, (network.dns,), second)
        search = ()
    if isinstance(fqdn, str):
        search = (fqdn.split(".", 1)[1],)
    links = tuple(Link(names[port.mac], port.mac) for port in chosen)
    mode = network.bond.mode if network.bond else None
    return management_network(
        links, addressing, bond=mode, vlan=network.vlan, search=search, pinned=pinned, mtu=network.mtu
    )


def _names(machine: Machine, answers: Answers) -> tuple[dict[str, str], tuple[Link, ...]]:
    """MAC → name on the node, and the links whose names are pinned: as mapped, else nic0, nic1, … in order."""
    names = {interface.mac: interface.name for interface in machine.interfaces}
    pinning = answers.network.interface_name_pinning
    if not pinning.enabled:
        return names, ()
    where = "network.interface-name-pinning.mapping"
    unknown = _("no interface has the MAC address {mac}; there are {addresses}")
    problems = [
        Problem(unknown.format(mac=mac, addresses=", ".join(names)), where)
        for mac in pinning.mapping
        if mac not in names
    ]
    reserved = _("{name!r} is a name with another meaning")
    problems += [
        Problem(reserved.format(name=name), where, _("choose another name, such as lan0"))
        for name in pinning.mapping.values()
        if name in _RESERVED_NAMES
    ]
    if problems:
        raise BadInput.of(problems)
    free = (f"nic{number}" for number in range(len(names) + len(pinning.mapping) + 1))
    unused = iter([name for name in free if name not in pinning.mapping.values()])
    names = {mac: pinning.mapping.get(mac) or next(unused) for mac in names}
    return names, tuple(Link(name, mac) for mac, name in names.items())
