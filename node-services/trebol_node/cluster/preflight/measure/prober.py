"""The side that asks: all ways at once, within a bound whatever hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_address

from trebol_node.cluster.preflight.facts import (
    HostFacts,
    PathFacts,
    PortFacts,
    Size,
    Way,
)
from trebol_node.cluster.preflight.measure import arp, ports
from trebol_node.cluster.preflight.measure.conversation import Conversation
from trebol_node.cluster.preflight.measure.links import PORT, Pace
from trebol_node.cluster.preflight.measure.meeting import await_responder
from trebol_node.cluster.preflight.measure.packets import Kind, number_of
from trebol_node.cluster.preflight.measure.sizes import HEADERS, first_sizes, next_sizes
from trebol_node.cluster.preflight.needed import API, COROSYNC_PORT, ETCD_CLIENT, ETCD_PEER

#: What nodes ask of each other by TCP, on the addresses of link 0.
TCP_PORTS = (ETCD_CLIENT, ETCD_PEER, API)

_CUT_OFF = "the measurement did not end in time"

#: Bytes, where the kernel does not say.
_ETHERNET_MTU = 1500


def measure(
    ways: Sequence[Way],
    key: bytes,
    *,
    own: HostFacts,
    port: int = PORT,
    tcp: Sequence[int] = TCP_PORTS,
    pace: Pace | None = None,
) -> tuple[PathFacts, ...]:
    """Measure from this host, whose facts are `own`, to responders with the same `key` on `port`; in the order of
    `ways`, within `pace.whole` seconds. What hung is told in `problem`; nothing is raised for what a network does."""
    return asyncio.run(_measure_all(ways, key, own, port, tcp, pace or Pace()))


async def _measure_all(
    ways: Sequence[Way], key: bytes, own: HostFacts, port: int, tcp: Sequence[int], pace: Pace
) -> tuple[PathFacts, ...]:
    probes = [_Probe(way, key, own, port, pace) for way in ways]
    try:
        async with asyncio.timeout(pace.whole):
            await asyncio.gather(*(probe.run(tcp if probe.way.link == 0 else ()) for probe in probes))
    except TimeoutError:
        pass  # Those that are not done say so.
    return tuple(probe.facts() for probe in probes)


@dataclass
class _Probe:
    """One way, and what is known of it so far."""

    way: Way
    key: bytes
    own: HostFacts
    port: int
    pace: Pace
    sent: int = 0
    sizes: dict[int, bool] = field(default_factory=dict)
    ports: list[PortFacts] = field(default_factory=list)
    macs: tuple[str, ...] = ()
    problem: str = _CUT_OFF
    talk: Conversation | None = None

    async def run(self, tcp: Sequence[int]) -> None:
        """All parts. The sizes come after the echoes, whose times they would spoil; last, the other side is told."""
        try:
            await await_responder(self.way, self.port, self.key, self.pace.meet)
            with Conversation.opened(self.way, self.port, self.key) as self.talk:
                await asyncio.gather(
                    self._packets(self.talk),
                    self._macs(),
                    *(self._port(ports.tcp(self.way, number, self.pace)) for number in tcp),
                    self._port(ports.udp(self.way, COROSYNC_PORT + self.way.link, self.key, self.pace)),
                )
                self.problem = "" if self.talk.answers else f"nothing comes back from UDP port {self.port}"
                await self._tell(self.talk)
        except OSError as error:
            self.problem = error.strerror or str(error)

    def facts(self) -> PathFacts:
        """What is known by now."""
        answers = self.talk.answers if self.talk is not None else {}
        echoes = [answers[key] for key in sorted(answers) if key[0] is Kind.ECHO]
        exact = min((each for each in echoes if each.travelled is not None), key=lambda e: e.round_trip, default=None)
        return PathFacts(
            way=self.way,
            # Where it was cut off, nobody knows what would have come back.
            sent=len(echoes) if self.problem == _CUT_OFF else self.sent,
            round_trips=tuple(each.round_trip // 1000 for each in echoes),
            sizes=tuple(Size(size, passed) for size, passed in sorted(self.sizes.items())),
            offset=None if exact is None else exact.offset // 1000,
            offset_error=0 if exact is None else exact.round_trip // 2000,
            ports=tuple(sorted(self.ports, key=lambda each: (each.protocol, each.port))),
            macs=self.macs,
            problem=self.problem,
        )

    async def _packets(self, talk: Conversation) -> None:
        await self._echoes(talk)
        if talk.answers:
            await self._sizes(talk)

    async def _echoes(self, talk: Conversation) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        for number in range(self.pace.echoes):
            talk.ask(Kind.ECHO, number)
            self.sent += 1
            await asyncio.sleep(start + (number + 1) * self.pace.interval - loop.time())
        await talk.until(lambda: len(talk.answers) == self.sent, self.pace.patience)

    async def _sizes(self, talk: Conversation) -> None:
        address = ip_address(self.way.source_address)
        interface = self.own.interface_of(self.way.source_address)
        mtu = (interface and interface.mtu) or _ETHERNET_MTU
        slowest = max(each.round_trip for each in talk.answers.values()) / 1e9
        sizes = first_sizes(mtu, address.version)
        while sizes:
            await self._round(talk, sizes, HEADERS[address.version], slowest)
            sizes = next_sizes(self.sizes)

    async def _round(self, talk: Conversation, sizes: Sequence[int], headers: int, slowest: float) -> None:
        missing = list(sizes)

        def done() -> bool:
            missing[:] = [size for size in missing if (Kind.SIZE, size) not in talk.answers]
            return not missing

        for attempt in range(self.pace.tries):
            for size in missing:
                talk.ask(Kind.SIZE, size, size - headers)
            late = slowest if attempt == self.pace.tries - 1 else 0.0
            if await talk.until(done, self.pace.retry + late):
                break
        self.sizes |= {size: size not in missing for size in sizes}

    async def _tell(self, talk: Conversation) -> None:
        """That this is all. Who does not hear of it ends a little later by itself."""
        number = number_of(self.way)
        for _attempt in range(self.pace.tries if talk.answers else 0):
            talk.ask(Kind.DONE, number)
            if await talk.until(lambda: (Kind.DONE, number) in talk.answers, self.pace.retry):
                return

    async def _port(self, asked: Awaitable[PortFacts]) -> None:
        self.ports.append(await asked)

    async def _macs(self) -> None:
        own, target = ip_address(self.way.source_address), ip_address(self.way.target_address)
        entry = self.own.address(self.way.source_address)
        if not isinstance(own, IPv4Address) or not isinstance(target, IPv4Address) or entry is None:
            return
        if own.is_loopback or target not in entry.parsed.network:
            return
        try:
            self.macs = await arp.who_has(target, own=own, interface=entry.interface, seconds=self.pace.arp)
        except OSError:
            return  # Without root, or on a link without ARP: not known.
