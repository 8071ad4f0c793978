"""The interfaces under corosync's links: speed, duplex, bonds, MTU, networks."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Interface, IPv6Interface

from trebol_common.i18n import _
from trebol_node.cluster.preflight.facts import Facts, HostFacts, InterfaceFacts
from trebol_node.cluster.preflight.finding import Says, Severity
from trebol_node.cluster.preflight.rules.majority import odd, usual

#: Mbit/s; pvecm(1), Network Requirements.
SPEED_LEAST = 1000

#: Modes that go on sending a share of the packets into a port that is dead but has its link: pvecm(1), Corosync over
#: bonds.
_HARMFUL = frozenset({"balance-rr", "balance-xor", "balance-tlb", "balance-alb"})


def carriers(facts: Facts) -> Iterator[tuple[HostFacts, int, InterfaceFacts]]:
    """Each host's links whose interface is known."""
    for host in facts.hosts:
        for link, address in enumerate(host.links):
            interface = host.interface_of(address) if address else None
            if interface is not None:
                yield host, link, interface


def _where(host: HostFacts, links: list[int], name: str) -> str:
    return _("{host}, link {links}, {interface}").format(
        host=host.name, links=", ".join(map(str, links)), interface=name
    )


def _ports(facts: Facts) -> Iterator[tuple[HostFacts, str, list[int], InterfaceFacts]]:
    """Each port under a link, with its place, once for all links that it carries."""
    found: dict[tuple[str, str], tuple[HostFacts, list[int], InterfaceFacts]] = {}
    for host, link, interface in carriers(facts):
        for port in host.ports(interface):
            found.setdefault((host.name, port.name), (host, [], port))[1].append(link)
    for host, links, port in found.values():
        yield host, _where(host, links, port.name), links, port


def slow(facts: Facts) -> Iterator[Says]:
    """Below a gigabit."""
    for host, where, _links, port in _ports(facts):
        if port.speed is not None and port.speed < SPEED_LEAST:
            yield Says(
                where=where,
                what=_("the port runs at {speed} Mbit/s").format(speed=port.speed),
                hint=_("look at the cable and at what the switch offers: ethtool {port}").format(port=port.name),
                hosts=(host.name,),
            )


def half_duplex(facts: Facts) -> Iterator[Says]:
    """Collisions, and losses under load that no idle measurement shows."""
    for host, where, _links, port in _ports(facts):
        if port.duplex == "half":
            yield Says(
                where=where,
                what=_("the port runs at half duplex"),
                hint=_("have both ends negotiate, or none: ethtool -s {port} autoneg on").format(port=port.name),
                hosts=(host.name,),
            )


def bond_mode(facts: Facts) -> Iterator[Says]:
    """Bonds whose dead half takes a share of the packets with it."""
    seen: set[tuple[str, str]] = set()
    for host, link, interface in carriers(facts):
        for each in host.below(interface):
            if each.bond is None or (host.name, each.name) in seen:
                continue
            seen.add((host.name, each.name))
            where = _where(host, [link], each.name)
            if each.bond.mode in _HARMFUL:
                yield Says(
                    where=where,
                    what=_("a bond of mode {mode}: a port that dies keeps taking its share of the packets").format(
                        mode=each.bond.mode
                    ),
                    hint=_("use active-backup or 802.3ad, or give corosync a port that is in no bond"),
                    hosts=(host.name,),
                )
            elif each.bond.mode == "802.3ad" and each.bond.lacp_rate == "slow":
                yield Says(
                    where=where,
                    what=_("LACP at the slow rate notices a dead port after 90 s: the node is fenced before"),
                    hint=_("set the fast rate on the host (lacp-rate: fast in netplan) and on the switch"),
                    hosts=(host.name,),
                )


def mtu_differs(facts: Facts) -> Iterator[Says]:
    """Interfaces of one link with other MTUs than most."""
    for link in range(facts.link_count):
        mtus = {host.name: each.mtu for host, number, each in carriers(facts) if number == link and each.mtu}
        names = {host.name: each.name for host, number, each in carriers(facts) if number == link}
        most = usual(mtus, not_of=facts.joining)
        for host, mtu in odd(mtus, not_of=facts.joining).items():
            yield Says(
                where=_("{host}, link {links}, {interface}").format(host=host, links=link, interface=names[host]),
                what=_("the MTU is {mtu}, that of most other nodes {most}").format(mtu=mtu, most=most),
                hint=_("set one MTU on all nodes of the link"),
                hosts=(host,),
            )


def missing(facts: Facts) -> Iterator[Says]:
    """A link that the cluster has and the new host has not, or whose address it does not have, or that is dead."""
    host = facts.new
    for link in range(facts.link_count):
        address = host.links[link] if link < len(host.links) else ""
        where = _("{host}, link {link}").format(host=host.name, link=link)
        if not address:
            yield Says(
                where=where,
                what=_("the cluster has this link, the node gives no address for it"),
                hint=_("name one: --link{link} ADDRESS").format(link=link),
                hosts=(host.name,),
            )
        elif host.address(address) is None:
            yield Says(
                where=where,
                what=_("no interface of the node has the address {address}").format(address=address),
                hint=_("see which it has: ip -br address"),
                hosts=(host.name,),
            )
    for each, link, interface in carriers(facts):
        if interface.carrier is False:
            yield Says(
                where=_where(each, [link], interface.name),
                what=_("the interface has no carrier"),
                hint=_("look at the cable and the switch's port"),
                hosts=(each.name,),
            )


def _network(host: HostFacts, link: int) -> IPv4Interface | IPv6Interface | None:
    address = host.links[link] if link < len(host.links) else ""
    entry = host.address(address) if address else None
    return None if entry is None else entry.parsed


def other_network(facts: Facts) -> Iterator[Says]:
    """An address of a link that is in another network than the members': routed, or on the wrong port."""
    host = facts.new
    for link in range(len(host.links)):
        mine = _network(host, link)
        theirs = {each.name: net.network for each in facts.others if (net := _network(each, link)) is not None}
        network = usual(theirs, not_of=facts.joining)
        if mine is None or network is None or mine.ip in network:
            continue
        swapped = next(
            (
                other
                for other in range(facts.link_count)
                for each in facts.others
                if other != link and (net := _network(each, other)) is not None and mine.ip in net.network
            ),
            None,
        )
        yield Says(
            where=_("{host}, link {link}").format(host=host.name, link=link),
            what=_("{address} is not in the members' network {network}").format(address=mine, network=network)
            if swapped is None
            else _("{address} is in the network of the members' link {other}").format(address=mine, other=swapped),
            hint=_("a router in between fails with the whole link; give the node an address in the members' network")
            if swapped is None
            else _("give the links in the members' order"),
            hosts=(host.name,),
            severity=Severity.WARNING if swapped is None else Severity.ERROR,
        )


def together(facts: Facts) -> Iterator[Says]:
    """Two links over one port die together."""
    for host, _place, links, port in _ports(facts):
        if len(links) > 1:
            yield Says(
                where=_where(host, links, port.name),
                what=_("these links share one port: they die together"),
                hint=_("give each link a port, and a switch, of its own"),
                hosts=(host.name,),
            )


def single(facts: Facts) -> Iterator[Says]:
    """A cluster with one link, which nothing stands in for."""
    if facts.link_count == 1:
        yield Says(
            where=facts.joining,
            what=_("the cluster has one link: whoever loses it is thrown out"),
            hint=_("give all nodes a second link, on another switch"),
            hosts=(facts.joining,),
        )
