"""Names, addresses and machines that are there once only, and mean the same everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from trebol_common.i18n import _
from trebol_node.cluster.preflight.facts import Facts, HostFacts
from trebol_node.cluster.preflight.finding import Says, Severity


def _loopback(address: str) -> bool:
    try:
        return ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def loopback(facts: Facts) -> Iterator[Says]:
    """A host's own name at 127.0.1.1, as Debian's installer writes it: what listens by name is reached by nobody."""
    for host in facts.hosts:
        for name, addresses in host.names.items():
            bad = [address for address in addresses if _loopback(address)]
            if not bad:
                continue
            yield Says(
                where=host.name,
                what=_("{name} is {addresses} there, which no other node reaches").format(
                    name=name, addresses=", ".join(bad)
                ),
                hint=_("in /etc/hosts of {host}: give {name} its address on the network, and no loopback one").format(
                    host=host.name, name=name
                ),
                hosts=(host.name,),
                severity=Severity.ERROR if len(bad) == len(addresses) else Severity.WARNING,
            )


def _link_local(address: str) -> bool:
    try:
        return ip_address(address).is_link_local
    except ValueError:
        return False


def differs(facts: Facts) -> Iterator[Says]:
    """A name that leads to a host which does not have that address. Those of one link alone, by which neighbours tell
    their names themselves (LLMNR), are no facts of a host."""
    for host in facts.hosts:
        for other in facts.hosts:
            addresses = {
                each for each in host.names.get(other.name, ()) if not (_loopback(each) or _link_local(each))
            }
            has = {str(each.parsed.ip) for each in other.addresses}
            wrong = sorted(addresses - has)
            if wrong and has:
                yield Says(
                    where=host.name,
                    what=_("{name} is {wrong} there, which {name} does not have").format(
                        name=other.name, wrong=", ".join(wrong)
                    ),
                    hint=_("put that right in /etc/hosts of {host}, or in the DNS").format(host=host.name),
                    hosts=(host.name, other.name),
                )


def unresolved(facts: Facts) -> Iterator[Says]:
    """Names that a host was asked for and does not know. The cluster itself goes by addresses."""
    for host in facts.hosts:
        unknown = [name for name, addresses in host.names.items() if not addresses]
        if unknown:
            yield Says(
                where=host.name,
                what=_("names that are not known there: {names}").format(names=", ".join(unknown)),
                hint=_("the cluster goes by addresses; for ssh and tools, give them in /etc/hosts or the DNS"),
                hosts=(host.name,),
            )


def taken(facts: Facts) -> Iterator[Says]:
    """Two nodes of one name; case does not count, as in the DNS."""
    members = {*facts.members, *(host.name for host in facts.others)}
    if facts.joining.lower() in {name.lower() for name in members}:
        yield Says(
            where=facts.joining,
            what=_("the cluster has a member of this name"),
            hint=_("give the node another name: trebol node name FQDN; a dead member leaves the cluster first"),
            hosts=(facts.joining,),
        )


def machine_id(facts: Facts) -> Iterator[Says]:
    """Machines that were cloned: their DHCP leases, journals and bridges' MAC addresses are the same too."""
    for host in facts.others:
        if host.machine_id and host.machine_id == facts.new.machine_id:
            yield Says(
                where=f"{facts.joining}, {host.name}",
                what=_("both have the machine id {id}: one is a copy of the other").format(id=host.machine_id),
                hint=_(
                    "on {host}: rm /etc/machine-id /var/lib/dbus/machine-id; systemd-machine-id-setup; reboot"
                ).format(host=facts.joining),
                hosts=(facts.joining, host.name),
            )


def address_taken(facts: Facts) -> Iterator[Says]:
    """An address of a link that a member has too. Others may be the same everywhere: libvirt's bridge, for one."""
    for host in facts.others:
        both = {
            *_shared(facts.new.links, facts.new, host),
            *_shared(host.links, host, facts.new),
            *({*facts.new.links} & {*host.links} - {""}),
        }
        for address in sorted(both):
            yield Says(
                where=f"{facts.joining}, {host.name}",
                what=_("both have the address {address}").format(address=address),
                hint=_("give {host} another one").format(host=facts.joining),
                hosts=(facts.joining, host.name),
            )


def _shared(links: tuple[str, ...], host: HostFacts, other: HostFacts) -> Iterator[str]:
    return (address for address in links if address and host.address(address) and other.address(address))


def address_duplicate(facts: Facts) -> Iterator[Says]:
    """A link's address that another machine has, whether it is a node or a printer."""
    for path in facts.paths:
        target = facts.host(path.way.target)
        own = {each.mac.lower() for each in target.interfaces if each.mac} if target is not None else set()
        foreign = [mac for mac in path.macs if mac not in own] if own else []
        if len(path.macs) > 1 or (foreign and not path.round_trips):
            yield Says(
                where=f"{path.way.target}, {path.way.target_address}",
                what=_("seen from {source}, {macs} answer for this address").format(
                    source=path.way.source, macs=_(" and ").join(path.macs)
                )
                if len(path.macs) > 1
                else _("seen from {source}, another machine has this address: {macs}").format(
                    source=path.way.source, macs=foreign[0]
                ),
                hint=_("find the machine by its MAC address in the switch's table; give one of both another address"),
                hosts=(path.way.target,),
            )
    for host in facts.hosts:
        for entry in host.addresses:
            if entry.duplicate and str(entry.parsed.ip) in host.links:
                yield Says(
                    where=f"{host.name}, {entry.parsed.ip}",
                    what=_("the kernel found this address with another machine and does not use it"),
                    hint=_("give one of both another address"),
                    hosts=(host.name,),
                )
