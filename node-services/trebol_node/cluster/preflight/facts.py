"""What is known before a join: of each host, and of each way between two of them. Values only; see `reading` for
where they come from, `findings` for what they mean."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface, ip_address, ip_interface

from trebol_hardware.measure.percentiles import percentile
from trebol_node.cluster.preflight.record import Record


class Protocol(StrEnum):
    """Of a port."""

    TCP = "tcp"
    UDP = "udp"


@dataclass(frozen=True)
class Versions(Record):
    """Upstream versions of what has to fit together ("3.1.9"), and Debian's ("13.1"); empty: not there."""

    trebol: str = ""
    corosync: str = ""
    pacemaker: str = ""
    etcd: str = ""
    ceph: str = ""
    debian: str = ""


@dataclass(frozen=True)
class ClockFacts(Record):
    """`now` in µs since 1970. `daemon` keeps the clock ("chronyd") or is empty; `synchronised` None: nobody says.
    `offset` is how far the daemon thinks the clock is off its source, in µs without its sign."""

    now: int
    daemon: str = ""
    synchronised: bool | None = None
    offset: int | None = None


@dataclass(frozen=True)
class BondFacts(Record):
    """`mode` as bonding.rst names it ("802.3ad"); `lacp_rate` "slow", "fast" or empty."""

    mode: str
    lacp_rate: str = ""


@dataclass(frozen=True)
class InterfaceFacts(Record):
    """A network interface. `speed` in Mbit/s, `mtu` in bytes; None where the kernel does not say. `duplex` "full",
    "half" or empty. `lower` names what it stands on: a bridge's ports, a bond's members, a VLAN's parent; `physical`
    is a port of real hardware."""

    name: str
    mac: str = ""
    mtu: int | None = None
    carrier: bool | None = None
    speed: int | None = None
    duplex: str = ""
    physical: bool = False
    bond: BondFacts | None = None
    lower: tuple[str, ...] = ()


@dataclass(frozen=True)
class AddressFacts(Record):
    """`address` with its prefix length, "192.0.2.4/24". `duplicate`: the kernel found it with another host (IPv6)."""

    interface: str
    address: str
    duplicate: bool = False

    def __post_init__(self) -> None:
        ip_interface(self.address)

    @property
    def parsed(self) -> IPv4Interface | IPv6Interface:
        """As a value."""
        return ip_interface(self.address)


@dataclass(frozen=True)
class Listener(Record):
    """Who takes a port: `program` as /proc/PID/comm has it, empty where it is not known."""

    protocol: Protocol
    port: int
    address: str
    program: str = ""


@dataclass(frozen=True)
class Contents(Record):
    """What a host has that a new member must not have.

    `guests`: names that libvirt knows; `cluster`: the name in a corosync.conf that has nodes; `cluster_nodes` their
    addresses; `ceph`: the fsid in ceph.conf; `ceph_daemons` "osd.3", "mon.node1"; `unfinished`: a join was begun.
    """

    guests: tuple[str, ...] = ()
    cluster: str = ""
    cluster_nodes: tuple[str, ...] = ()
    ceph: str = ""
    ceph_daemons: tuple[str, ...] = ()
    unfinished: bool = False


def require_hosts(*texts: str) -> None:
    """Raises ValueError for what is the address of no single host, or a name that somebody would have to resolve."""
    for text in texts:
        address = ip_address(text)
        if address.is_multicast or address.is_unspecified or address == IPv4Address(2**32 - 1):
            raise ValueError(f"{text} is the address of no host")


@dataclass(frozen=True)
class HostFacts(Record):
    """One host as it says of itself. `links` are its addresses of corosync's links by their number, "" for none;
    `names` what its own name and the others' resolve to on it, nothing where they do not."""

    name: str
    machine_id: str
    clock: ClockFacts
    links: tuple[str, ...] = ()
    versions: Versions = field(default_factory=Versions)
    addresses: tuple[AddressFacts, ...] = ()
    interfaces: tuple[InterfaceFacts, ...] = ()
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    listeners: tuple[Listener, ...] = ()
    contents: Contents = field(default_factory=Contents)

    def __post_init__(self) -> None:
        # They come from other machines, and packets go there.
        require_hosts(*filter(None, self.links))

    def interface(self, name: str) -> InterfaceFacts | None:
        """By its name."""
        return next((each for each in self.interfaces if each.name == name), None)

    def address(self, bare: str) -> AddressFacts | None:
        """The entry of an address without prefix length, where the host has it."""
        return next((each for each in self.addresses if str(each.parsed.ip) == bare), None)

    def interface_of(self, bare: str) -> InterfaceFacts | None:
        """What carries an address."""
        entry = self.address(bare)
        return None if entry is None else self.interface(entry.interface)

    def below(self, top: InterfaceFacts) -> tuple[InterfaceFacts, ...]:
        """`top` and all that it stands on, each once."""
        found: dict[str, InterfaceFacts] = {}
        waiting = [top]
        while waiting:
            each = waiting.pop(0)
            if each.name not in found:
                found[each.name] = each
                waiting += filter(None, map(self.interface, each.lower))
        return tuple(found.values())

    def ports(self, top: InterfaceFacts) -> tuple[InterfaceFacts, ...]:
        """What the packets of `top` leave the host by: real ports below it, else itself (a guest, a container)."""
        return tuple(each for each in self.below(top) if each.physical) or (top,)


@dataclass(frozen=True)
class Way(Record):
    """One direction: from an address of `source` to one of `target`, as link number `link` of corosync."""

    source: str
    target: str
    link: int
    source_address: str
    target_address: str

    @property
    def back(self) -> Way:
        """The other direction."""
        return Way(self.target, self.source, self.link, self.target_address, self.source_address)

    def __str__(self) -> str:
        return f"{self.source} → {self.target}, link {self.link} ({self.source_address} → {self.target_address})"


class Reach(StrEnum):
    """What a port says: something ANSWERS; nothing listens, and the packet was REFUSED by the host itself, which is a
    way through as well; a firewall PROHIBITS; nobody says anything."""

    ANSWERS = "answers"
    REFUSED = "refused"
    PROHIBITED = "prohibited"
    SILENT = "silent"


@dataclass(frozen=True)
class PortFacts(Record):
    """A port of the target as the source sees it."""

    protocol: Protocol
    port: int
    reach: Reach


@dataclass(frozen=True)
class Size(Record):
    """An IP packet of so many bytes that must not be fragmented, and whether the target got it."""

    bytes: int
    passed: bool


@dataclass(frozen=True)
class PathFacts(Record):
    """What was measured along one way.

    `round_trips` in µs, in order of sending, of those of `sent` packets that came back. `sizes` ascending. `offset`:
    the target's clock minus the source's in µs, right within `offset_error`. `macs` answered when the source asked
    who has the target's address. `problem`: why something is missing, in English.
    """

    way: Way
    sent: int = 0
    round_trips: tuple[int, ...] = ()
    sizes: tuple[Size, ...] = ()
    offset: int | None = None
    offset_error: int = 0
    ports: tuple[PortFacts, ...] = ()
    macs: tuple[str, ...] = ()
    problem: str = ""

    @property
    def lost(self) -> int:
        """Packets that did not come back."""
        return self.sent - len(self.round_trips)

    def within(self, share: float) -> int:
        """µs within which this share (0 < share ≤ 1) of the packets came back that did. Raises IndexError without."""
        return percentile(sorted(self.round_trips), share)

    @property
    def mtu(self) -> int | None:
        """The largest packet that passed."""
        return max((size.bytes for size in self.sizes if size.passed), default=None)


class HasLinks(typing.Protocol):
    """A host by its name, and its addresses of links as `HostFacts` has them."""

    @property
    def name(self) -> str:
        """Of the host."""
        ...

    @property
    def links(self) -> tuple[str, ...]:
        """By number, "" for none."""
        ...


def ways(new: HasLinks, member: HasLinks) -> Iterator[Way]:
    """Both directions between two hosts on each link that both have an address for."""
    for link, (mine, theirs) in enumerate(zip(new.links, member.links, strict=False)):
        if mine and theirs:
            yield Way(new.name, member.name, link, mine, theirs)
            yield Way(member.name, new.name, link, theirs, mine)


@dataclass(frozen=True)
class Facts(Record):
    """All that a join is judged by: `joining` is the new host, `members` those it joins, whether they answer or not;
    `hosts` and `paths` what came in of them."""

    joining: str
    members: tuple[str, ...]
    hosts: tuple[HostFacts, ...]
    paths: tuple[PathFacts, ...] = ()

    def __post_init__(self) -> None:
        # Two of one name are told by the order: the new host's facts come first.
        if not self.hosts or self.hosts[0].name != self.joining:
            raise ValueError(f"the first host is not {self.joining}")

    @property
    def new(self) -> HostFacts:
        """The host that joins."""
        return self.hosts[0]

    @property
    def others(self) -> tuple[HostFacts, ...]:
        """The members of which something is known."""
        return self.hosts[1:]

    @property
    def link_count(self) -> int:
        """How many links the cluster has; as many as the new host has where no member says."""
        return max((len(host.links) for host in self.others), default=len(self.new.links))

    def ways(self) -> Iterator[Way]:
        """Both directions between the new host and each member on each link that both have an address for."""
        for member in self.others:
            yield from ways(self.new, member)

    def host(self, name: str) -> HostFacts | None:
        """By its name; of two of one name the new one."""
        return next((each for each in self.hosts if each.name == name), None)
