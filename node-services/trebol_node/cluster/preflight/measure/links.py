"""The sockets of the probe: UDP that is never fragmented, with the kernel's own time of arrival."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trebol_hardware.measure.udp_link import LARGEST_PACKET, open_link
from trebol_node.cluster.preflight import clock

#: Below the ports of corosync's links, which begin at 5405, and of its QNetd, 5403; Debian's /etc/services names
#: nothing there.
PORT = 5399

#: asm-generic/socket.h. In Python's socket module only where it was built so.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@qq")

#: ns that making a packet takes at most where nothing comes between, and how often it is tried.
_AT_ONCE, _STAMPS = 200_000, 4
_ANCILLARY = socket.CMSG_SPACE(_TIMESPEC.size)


@dataclass(frozen=True)
class Pace:
    """How long it is measured; seconds. The parts of one way take `echoes` × `interval` + `patience`, and as much
    again for its sizes; `whole` bounds all ways together, whatever hangs. `meet`: so long may the target take until
    it answers at all."""

    echoes: int = 50
    interval: float = 0.02
    patience: float = 0.5
    #: A packet of one size is sent so often, this far apart, before it counts as too large.
    tries: int = 3
    retry: float = 0.15
    #: For a TCP connection, for an answer of a UDP port, for all that answer ARP.
    connect: float = 2.0
    udp: float = 1.0
    arp: float = 1.0
    whole: float = 15.0
    meet: float = 0.0


def open_timed(address: str, port: int) -> socket.socket:
    """A UDP socket on an address that does not block, never fragments, and tells when its packets came."""
    link = open_link(address, port)
    try:
        link.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        link.setblocking(False)
    except OSError:
        link.close()
        raise
    return link


def stamped(make: Callable[[int], bytes]) -> bytes:
    """What `make` makes of the time (ns since 1970), to be sent at once. It is made again where the process had to
    wait meanwhile: on a busy host that would count as the network's time."""
    for _attempt in range(_STAMPS):
        now = clock.now()
        payload = make(now)
        if clock.now() - now < _AT_ONCE:
            break
    return payload


def receive(link: socket.socket) -> tuple[bytes, int, Any] | None:
    """The next packet, when the kernel got it (ns since 1970), and from where; None where none waits. Raises OSError,
    also for what ICMP said of an earlier packet."""
    try:
        payload, ancillary, _flags, sender = link.recvmsg(LARGEST_PACKET, _ANCILLARY)
    except BlockingIOError:
        return None
    return payload, _arrival(ancillary), sender


def _arrival(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            return clock.of_kernel(int(seconds) * 10**9 + int(nanoseconds))
    return clock.now()
