"""What the two ends of a network measurement say to each other: lines of JSON over TCP.

The client says hello with its UDP port, then asks for one thing after the other; the server answers each. Whoever
closes the connection ends it.
"""

from __future__ import annotations

import json
import socket
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, TypeVar

from trebol_common.errors import TrebolError
from trebol_common.i18n import _
from trebol_hardware.record import read_record

#: Changes with every change of what is said; both nodes have to run the same.
PROTOCOL = 1

#: Control and echoes; throughput is on the next port.
PORT = 24050

#: Longer lines are not ours.
_LONGEST_LINE = 4096


class Wish(StrEnum):
    """What a client may ask for."""

    HELLO = "hello"
    #: Measure the path MTU towards the client.
    MTU = "mtu"
    #: Start iperf3 for one test.
    IPERF = "iperf"


@dataclass(frozen=True)
class Request:
    """From the client; `udp_port` is where its echoes come from."""

    protocol: int
    wish: Wish
    udp_port: int = 0


@dataclass(frozen=True)
class Reply:
    """From the server: what it was asked for, or why not."""

    protocol: int
    error: str = ""
    path_mtu: int | None = None
    link_mtu: int | None = None


_SAME_VERSION = "is the other side Trebol, and of the same version?"

_Message = TypeVar("_Message", Request, Reply)


def send(connection: socket.socket, message: Request | Reply) -> None:
    """Send one line."""
    connection.sendall(json.dumps(asdict(message)).encode() + b"\n")


def receive_line(connection: socket.socket, where: str) -> bytes:
    """One whole line without its end. Raises TrebolError naming `where` when that hangs up, or sends no lines."""
    line = bytearray()
    while not line.endswith(b"\n"):
        # Byte by byte: what follows the line belongs to the next one. Lines are few and short.
        byte = connection.recv(1)
        if not byte or len(line) > _LONGEST_LINE:
            raise TrebolError(_("hung up") if not byte else _("sends no lines"), where=where, hint=_(_SAME_VERSION))
        line += byte
    return bytes(line[:-1])


def parse(kind: type[_Message], line: bytes, where: str) -> _Message:
    """A message from a line. Raises TrebolError where it is none, or of another protocol."""
    try:
        members: Any = json.loads(line)
        message: _Message = read_record(kind, members, kind.__name__.lower())
    except (ValueError, RecursionError) as error:
        raise TrebolError(
            _("said what is not understood: {error}").format(error=error),
            where=where,
            hint=_(_SAME_VERSION),
        ) from error
    if message.protocol != PROTOCOL:
        raise TrebolError(
            _("speaks protocol {theirs}, this node {ours}").format(theirs=message.protocol, ours=PROTOCOL),
            where=where,
            hint=_("bring both nodes to the same version"),
        )
    return message
