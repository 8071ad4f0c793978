"""What was measured between two hosts: times, losses, sizes, ports."""

from __future__ import annotations

from collections.abc import Iterator

from trebol_common.i18n import _
from trebol_hardware.measure.network_rating import BAD_LOSS, BAD_RTT, GOOD_RTT
from trebol_node.cluster.preflight.facts import Facts, PathFacts, PortFacts, Protocol, Reach
from trebol_node.cluster.preflight.finding import Says, Severity

#: Packets: of fifty, a single one that is late or lost may be chance, and none that a cluster must not have.
_CHANCE = 1


def _ends(path: PathFacts) -> tuple[str, str]:
    return (path.way.source, path.way.target)


def not_measured(facts: Facts) -> Iterator[Says]:
    """What is not known stops a join as well: the node might find out later, under load."""
    known = {host.name for host in facts.others}
    for name in facts.members:
        if name not in known:
            yield Says(
                where=name,
                what=_("this member does not answer, so that nothing is known of it"),
                hint=_("start it, or take it out of the cluster first"),
                hosts=(name,),
            )
    measured = {path.way for path in facts.paths}
    for way in facts.ways():
        if way not in measured:
            yield Says(str(way), _("was not measured"), _("try again"), (way.source, way.target))
    for path in facts.paths:
        if path.problem and path.round_trips:
            yield Says(str(path.way), _("was measured in part: {why}").format(why=path.problem), "", _ends(path))


def unreachable(facts: Facts) -> Iterator[Says]:
    """Nothing came back."""
    for path in facts.paths:
        if not path.round_trips:
            yield Says(
                where=str(path.way),
                what=_("nothing gets there and back: {why}").format(
                    why=path.problem or _("{sent} packets were lost").format(sent=path.sent)
                ),
                hint=_(
                    "look at cable, VLAN, address and firewall: ping -I {source} {target}; nft list ruleset"
                ).format(source=path.way.source_address, target=path.way.target_address),
                hosts=_ends(path),
            )


def round_trip(facts: Facts) -> Iterator[Says]:
    """Late packets. p99 of fifty is the latest of them."""
    for path in facts.paths:
        if not path.round_trips or path.within(0.99) <= GOOD_RTT:
            continue
        late = sum(each > BAD_RTT for each in path.round_trips)
        yield Says(
            where=str(path.way),
            what=_(
                "round trips: half within {median:.1f} ms, 99 % within {p99:.1f} ms, at most {largest:.1f} ms"
            ).format(median=path.within(0.5) / 1000, p99=path.within(0.99) / 1000, largest=path.within(1) / 1000),
            hint=_("corosync wants less than 5 ms; give it a link without Ceph and backups, in the same building"),
            hosts=_ends(path),
            severity=Severity.ERROR if late > _CHANCE else Severity.WARNING,
        )


def loss(facts: Facts) -> Iterator[Says]:
    """Lost packets, where any came."""
    for path in facts.paths:
        if not path.lost or not path.round_trips:
            continue
        share = 100 * path.lost / path.sent
        yield Says(
            where=str(path.way),
            what=_("{lost} of {sent} packets did not come back ({share:.0f} %)").format(
                lost=path.lost, sent=path.sent, share=share
            ),
            hint=_("look for errors: ip -s link, ethtool -S on both hosts; counters of the switch; cables, duplex"),
            hosts=_ends(path),
            severity=Severity.ERROR if path.lost > _CHANCE and share >= BAD_LOSS else Severity.WARNING,
        )


def mtu_path(facts: Facts) -> Iterator[Says]:
    """Packets of the own interface's MTU that vanish: small ones pass, and what is large hangs."""
    for path in facts.paths:
        most = max((size.bytes for size in path.sizes), default=None)
        if most is None or path.mtu == most:
            continue
        passing = path.mtu or 0
        yield Says(
            where=str(path.way),
            what=_("packets of {passing} bytes pass, larger ones do not; the interface has an MTU of {most}").format(
                passing=passing, most=most
            )
            if passing
            else _("no packet of {least} bytes or more passes; the interface has an MTU of {most}").format(
                least=min(size.bytes for size in path.sizes), most=most
            ),
            hint=_(
                "set the same MTU on all switches, bonds, VLANs and bridges between both, or {mtu} on the hosts"
            ).format(mtu=passing or 1500),
            hosts=_ends(path),
        )


def port_closed(facts: Facts) -> Iterator[Says]:
    """A firewall in between, or on one of both."""
    for path in facts.paths:
        if not path.round_trips:
            continue  # That nothing gets there is said already.
        closed = [port for port in path.ports if _closed(facts, path, port)]
        if closed:
            names = ", ".join(f"{port.port}/{port.protocol}" for port in closed)
            yield Says(
                where=str(path.way),
                what=_("ports that a firewall keeps closed: {names}").format(names=names),
                hint=_("let all nodes reach them on each other: nft list ruleset"),
                hosts=_ends(path),
            )


def _closed(facts: Facts, path: PathFacts, port: PortFacts) -> bool:
    """Where nothing listens, TCP is refused by the host itself; by UDP the responder listens where nobody else does,
    and corosync, where it does, is silent to strangers."""
    target = facts.host(path.way.target)
    listens = target is not None and any(
        each.protocol is port.protocol
        and each.port == port.port
        and each.address in ("0.0.0.0", "::", path.way.target_address)
        for each in target.listeners
    )
    match port.reach:
        case Reach.ANSWERS:
            return False
        case Reach.PROHIBITED:
            return True
        case Reach.REFUSED:
            return listens or port.protocol is Protocol.UDP
        case Reach.SILENT:
            return port.protocol is Protocol.TCP or not listens
