"""Who has the ports that a cluster needs: /proc/net (proc_net(5)), and whose sockets those are."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from trebol_hardware.probe.sysfs import names, read_text
from trebol_node.cluster.preflight.facts import Listener, Protocol
from trebol_node.cluster.preflight.needed import USERS

#: linux/tcp_states.h: TCP_LISTEN; UDP's sockets that are not connected are "closed".
_STATES = {Protocol.TCP: "0A", Protocol.UDP: "07"}

_FILES = {"tcp": Protocol.TCP, "tcp6": Protocol.TCP, "udp": Protocol.UDP, "udp6": Protocol.UDP}

_Socket = tuple[Protocol, int, str, str]


def read(root: Path) -> tuple[Listener, ...]:
    """Those of ports that a cluster needs, sorted; `program` only where we may look into the process (ptrace(2))."""
    sockets = [each for file in _FILES for each in _sockets(root / "proc/net" / file, _FILES[file])]
    wanted = [each for each in sockets if (each[0], each[1]) in USERS]
    owners = _owners(root / "proc", {inode for *_rest, inode in wanted}) if wanted else {}
    found = (Listener(protocol, port, address, owners.get(inode, "")) for protocol, port, address, inode in wanted)
    return tuple(sorted(set(found), key=lambda each: (each.protocol, each.port, each.address, each.program)))


def _sockets(path: Path, protocol: Protocol) -> Iterator[_Socket]:
    """Protocol, port, address and inode of each that waits for others."""
    for line in read_text(path).splitlines()[1:]:
        fields = line.split()
        if len(fields) < 10 or fields[3] != _STATES[protocol]:
            continue
        address, _colon, port = fields[1].partition(":")
        yield protocol, int(port, 16), _address(address), fields[9]


def _address(digits: str) -> str:
    """The kernel writes each 32 bits of the address as a number of the machine's own byte order."""
    words = (int(digits[start : start + 8], 16) for start in range(0, len(digits), 8))
    packed = b"".join(word.to_bytes(4, sys.byteorder) for word in words)
    return str(IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed))


def _owners(processes: Path, inodes: set[str]) -> Mapping[str, str]:
    """Inode → name of the process that has it open; systemd, which keeps sockets for others, only where nobody else
    has."""
    found: dict[str, str] = {}
    for number in sorted((name for name in names(processes) if name.isdecimal()), key=int, reverse=True):
        for descriptor in names(processes / number / "fd"):
            inode = _inode(processes / number / "fd" / descriptor)
            if inode in inodes:
                found.setdefault(inode, read_text(processes / number / "comm"))
    return found


def _inode(path: Path) -> str:
    """Of a descriptor that is a socket, "socket:[12345]"; else empty, as for a process that ended meanwhile."""
    try:
        target = os.readlink(path)  # noqa: PTH115 - a Path would take the text for one.
    except OSError:
        return ""
    return target[len("socket:[") : -1] if target.startswith("socket:[") else ""
