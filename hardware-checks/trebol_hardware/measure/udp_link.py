"""Small UDP packets there and back: round-trip times, loss, and the largest packet that gets through unfragmented.

No tool of Debian gives percentiles of round-trip times in a form for machines (ping and fping print prose, iperf3 has
no RTT of UDP), nor the path MTU towards a peer; both take one socket and a few lines.

A packet is a kind (1 byte), a number (8 bytes) and padding. An echo comes back as it is; a probe of the path MTU
comes back as its head only, so that the way back does not count.
"""

from __future__ import annotations

import errno
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import pairwise

from trebol_hardware.measure.percentiles import percentile

_HEAD = struct.Struct("!cQ")
_ECHO, _ECHO_REPLY, _PROBE, _PROBE_REPLY = b"E", b"e", b"P", b"p"

#: Bytes of an echo's payload: about what corosync's token takes.
ECHO_SIZE = 64
LARGEST_PACKET = 65535

#: linux/in.h, linux/in6.h. PROBE: do not fragment, and do not believe what routers said of the path before.
_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _PMTUDISC_PROBE = 10, 23, 3
_IPV4_HEADERS, _IPV6_HEADERS = 20 + 8, 40 + 8
#: What every path must carry (RFC 791, RFC 8200).
_IPV4_LEAST, _IPV6_LEAST = 68, 1280

#: What ICMP said of an earlier packet comes as the error of the next call on the socket, which itself did nothing;
#: EMSGSIZE is also what the own interface says of too large a packet. To who waits for an answer, all are loss.
_REPORTED = frozenset({errno.ECONNREFUSED, errno.EMSGSIZE, errno.EHOSTUNREACH, errno.ENETUNREACH})

#: Probes of one size before it counts as too large, and seconds to wait for the answer to each.
_TRIES, _PATIENCE = 3, 0.25


@dataclass(frozen=True)
class RoundTrips:
    """Round-trip times in microseconds. `jitter` is the mean difference between one and the next."""

    sent: int
    received: int
    least: int
    median: int
    p90: int
    p99: int
    largest: int
    jitter: int

    @property
    def loss(self) -> float:
        """Share of packets that never came back, in per cent."""
        return 100 * (self.sent - self.received) / self.sent


def round_trips(times: list[int | None]) -> RoundTrips | None:
    """From times in nanoseconds in the order of sending, None for lost ones; None where all are lost."""
    came = [value for value in times if value is not None]
    if not came:
        return None
    ascending = sorted(came)
    steps = [abs(after - before) for before, after in pairwise(came)]
    return RoundTrips(
        sent=len(times),
        received=len(came),
        least=ascending[0] // 1000,
        median=percentile(ascending, 0.5) // 1000,
        p90=percentile(ascending, 0.9) // 1000,
        p99=percentile(ascending, 0.99) // 1000,
        largest=ascending[-1] // 1000,
        jitter=sum(steps) // len(steps) // 1000 if steps else 0,
    )


@dataclass(frozen=True)
class PathMtu:
    """The largest IP packet that gets through, and the MTU of the sender's own interface; bytes."""

    path: int
    link: int


def numeric(address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """The host of a socket's address; a link-local one of IPv6 with its interface: "fe80::1%eno1"."""
    return socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]


def open_link(local: str, port: int) -> socket.socket:
    """A UDP socket bound to an address (port 0: any), that never fragments what it sends."""
    v6 = ip_address(local.partition("%")[0]).version == 6
    link = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if v6:
            link.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PMTUDISC_PROBE)
        else:
            link.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_PROBE)
        # The whole of getaddrinfo's tuple: a link-local address of IPv6 needs its interface.
        link.bind(socket.getaddrinfo(local, port, link.family, socket.SOCK_DGRAM)[0][4])
    except OSError:
        link.close()
        raise
    return link


def answer(packet: bytes) -> bytes | None:
    """What goes back for a packet, if anything does."""
    match packet[:1]:
        case b"E":
            return _ECHO_REPLY + packet[1:]
        case b"P" if len(packet) >= _HEAD.size:
            return _PROBE_REPLY + packet[1 : _HEAD.size]
        case _:
            return None


def serve_packet(link: socket.socket) -> None:
    """Answer one packet that waits on a connected socket."""
    try:
        reply = answer(link.recv(LARGEST_PACKET))
        if reply is not None:
            link.send(reply)
    except OSError as error:
        if error.errno not in _REPORTED and not isinstance(error, BlockingIOError):
            raise


def measure_round_trips(
    link: socket.socket, *, count: int, interval: float, patience: float = 1.0
) -> RoundTrips | None:
    """Send `count` echoes over a connected socket, one each `interval` seconds; wait `patience` for the last ones.

    None where nothing came back.
    """
    sent: list[int] = []
    times: list[int | None] = [None] * count
    start = time.monotonic()
    while True:
        now = time.monotonic()
        if len(sent) < count and now >= start + len(sent) * interval:
            packet = _HEAD.pack(_ECHO, len(sent)).ljust(ECHO_SIZE, b"\0")
            sent.append(time.monotonic_ns())
            _send(link, packet)
            continue
        until = start + len(sent) * interval if len(sent) < count else start + (count - 1) * interval + patience
        if until <= now or (len(sent) == count and None not in times):
            return round_trips(times)
        number = _receive(link, _ECHO_REPLY, until - now)
        if number is not None and number < len(sent) and times[number] is None:
            times[number] = time.monotonic_ns() - sent[number]


def measure_path_mtu(link: socket.socket, interface_mtu: int) -> PathMtu | None:
    """Find the largest packet that the peer of a connected socket gets, up to the MTU of the own interface.

    None where none at all comes back. (The kernel's IP_MTU is no bound: it holds what routers said before.)
    """
    v6 = link.family == socket.AF_INET6
    headers, least = (_IPV6_HEADERS, _IPV6_LEAST) if v6 else (_IPV4_HEADERS, _IPV4_LEAST)
    own = min(interface_mtu, LARGEST_PACKET)
    path = largest_passing(lambda size: _passes(link, size - headers), least, own)
    return None if path is None else PathMtu(path, own)


def largest_passing(passes: Callable[[int], bool], least: int, most: int) -> int | None:
    """The largest of `least` to `most` that passes, by bisection; the largest of all is tried first."""
    if passes(most):
        return most
    if not passes(least):
        return None
    while most - least > 1:
        middle = (least + most) // 2
        if passes(middle):
            least = middle
        else:
            most = middle
    return least


def _passes(link: socket.socket, payload: int) -> bool:
    for attempt in range(_TRIES):
        number = payload << 8 | attempt
        _send(link, _HEAD.pack(_PROBE, number).ljust(payload, b"\0"))
        end = time.monotonic() + _PATIENCE
        while (left := end - time.monotonic()) > 0:
            # An answer to an earlier try of the same size will do.
            came = _receive(link, _PROBE_REPLY, left)
            if came is not None and came >> 8 == payload:
                return True
    return False


def _send(link: socket.socket, packet: bytes) -> None:
    """Send, once more where the first call only brought the news of an earlier packet."""
    for _attempt in range(2):
        try:
            link.send(packet)
        except OSError as error:
            if error.errno not in _REPORTED:
                raise
        else:
            return


def _receive(link: socket.socket, kind: bytes, patience: float) -> int | None:
    """The number of the next answer of this kind; None where another packet came, or none in so many seconds."""
    link.settimeout(max(patience, 0.0001))
    try:
        packet = link.recv(LARGEST_PACKET)
    except OSError as error:
        if error.errno not in _REPORTED and not isinstance(error, TimeoutError):
            raise
        return None
    finally:
        link.settimeout(None)
    if len(packet) < _HEAD.size or packet[:1] != kind:
        return None
    return int(_HEAD.unpack_from(packet)[1])
