"""Who answers for an IPv4 address on its network: more than one machine is a duplicate address.

ping and the neighbour table show the first that answers, the kernel's own check of duplicates looks at addresses of
this host alone, and arping(8) prints prose.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from ipaddress import IPv4Address

#: linux/if_ether.h, RFC 826: Ethernet, IPv4, lengths of their addresses.
_ETH_P_ARP = 0x0806
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_ETHERNET_HEADER = 14
_REQUEST, _REPLY = 1, 2
_EVERYBODY = b"\xff" * 6


def request(mac: bytes, own: IPv4Address, target: IPv4Address) -> bytes:
    """The frame that asks everybody who has `target`."""
    body = _ARP.pack(1, 0x0800, 6, 4, _REQUEST, mac, own.packed, bytes(6), target.packed)
    return _EVERYBODY + mac + struct.pack("!H", _ETH_P_ARP) + body


def answered(frame: bytes, target: IPv4Address) -> str | None:
    """The MAC address that a frame says `target` has, lower case; None where it says something else."""
    if len(frame) < _ETHERNET_HEADER + _ARP.size:
        return None
    _hardware, _protocol, _size, _length, operation, mac, sender, _to, _for = _ARP.unpack_from(
        frame, _ETHERNET_HEADER
    )
    if operation != _REPLY or sender != target.packed:
        return None
    return mac.hex(":") if isinstance(mac, bytes) else None


async def who_has(target: IPv4Address, *, own: IPv4Address, interface: str, seconds: float) -> tuple[str, ...]:
    """The MAC addresses that answer within so many seconds, sorted. Raises OSError, PermissionError without root."""
    found: set[str] = set()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ARP)) as link:
        link.bind((interface, _ETH_P_ARP))
        link.setblocking(False)
        mac = link.getsockname()[4]
        if len(mac) != 6 or not any(mac):
            return ()
        loop = asyncio.get_running_loop()

        def read() -> None:
            try:
                frame = link.recv(2048)
            except OSError:
                return  # The interface went down: nobody answers.
            if came := answered(frame, target):
                found.add(came)

        loop.add_reader(link, read)
        try:
            for _try in range(2):
                link.send(request(mac, own, target))
                await asyncio.sleep(seconds / 2)
        finally:
            loop.remove_reader(link)
    return tuple(sorted(found))
