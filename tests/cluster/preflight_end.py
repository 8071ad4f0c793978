"""One end of a measurement, or what lies in the middle, as a process of its own in a network namespace.

`respond ADDRESS PORT` and `relay IN OUT DELAY EVERY PORT` say "ready" and end with their stdin; `probe WAY PORT`,
with the source's facts on its stdin, prints what it measured as JSON; `checksums INTERFACE` prepares one for a relay.
"""

from __future__ import annotations

import array
import fcntl
import heapq
import selectors
import socket
import struct
import sys
import time

KEY = b"the key of a test, of 32 bytes.."

#: linux/if_ether.h, if_packet.h, sockios.h, ethtool.h.
_ETH_P_ALL, _PACKET_OUTGOING = 0x0003, 4
_SIOCETHTOOL, _ETHTOOL_STXCSUM = 0x8946, 0x17


def respond(address: str, port: int) -> None:
    """Answer until stdin ends."""
    from trebol_node.cluster.preflight.measure import responding

    with responding([address], KEY, port=port, also=[5405]):
        print("ready", flush=True)  # noqa: T201
        sys.stdin.read()


def probe(way: str, port: int) -> None:
    """Measure, and print it."""
    from trebol_node.cluster.preflight.facts import HostFacts, Way
    from trebol_node.cluster.preflight.measure import measure

    own = HostFacts.of_json(sys.stdin.read())
    (found,) = measure([Way.of_json(way)], KEY, own=own, port=port, tcp=(2380,))
    print(found.to_json())  # noqa: T201


def relay(inside: str, outside: str, delay: float, every: int, port: int) -> None:
    """Carry frames between two interfaces, late by `delay` seconds; of those that go out to a UDP port, each
    `every`th is lost. What netem does, for kernels that lack it."""
    links = [_frames(inside), _frames(outside)]
    waiting: list[tuple[float, int, socket.socket, bytes]] = []
    count = order = 0
    with selectors.DefaultSelector() as selector:
        for link in links:
            selector.register(link, selectors.EVENT_READ)
        selector.register(sys.stdin, selectors.EVENT_READ)
        print("ready", flush=True)  # noqa: T201
        while True:
            left = max(waiting[0][0] - time.monotonic(), 0) if waiting else None
            ready = [key.fileobj for key, _events in selector.select(left)]
            if sys.stdin in ready:
                return
            while waiting and waiting[0][0] <= time.monotonic():
                _due, _order, to, frame = heapq.heappop(waiting)
                to.send(frame)
            for link in links:
                if link not in ready:
                    continue
                frame, address = link.recvfrom(65535)
                if address[2] == _PACKET_OUTGOING:
                    continue
                if link is links[0] and _to_port(frame) == port:
                    count += 1
                    if count % every == 0:
                        continue
                order += 1
                other = links[1] if link is links[0] else links[0]
                heapq.heappush(waiting, (time.monotonic() + delay, order, other, frame))


def _to_port(frame: bytes) -> int | None:
    """The UDP port that a frame goes to, of Ethernet and of IPv4 without options; None for others."""
    if frame[12:14] != b"\x08\x00" or frame[23] != socket.IPPROTO_UDP:
        return None
    return int.from_bytes(frame[36:38])


def _frames(interface: str) -> socket.socket:
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    link.bind((interface, _ETH_P_ALL))
    return link


def whole_checksums(interface: str) -> None:
    """Have the kernel write checksums itself: a veth leaves them to hardware, which a relay does not have."""
    value = array.array("B", struct.pack("=II", _ETHTOOL_STXCSUM, 0))
    request = struct.pack("16sP16x", interface.encode(), value.buffer_info()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCETHTOOL, request)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["respond", address, port]:
            respond(address, int(port))
        case ["probe", way, port]:
            probe(way, int(port))
        case ["relay", inside, outside, delay, every, port]:
            relay(inside, outside, float(delay), int(every), int(port))
        case ["checksums", interface]:
            whole_checksums(interface)
        case other:
            sys.exit(f"no such command: {other}")
