"""uvicorn's HTTP/1.1 protocol with what the API needs of the wire: reason phrases, the peer's user, and time limits.

uvicorn takes the reason phrase from the status; clients of Proxmox VE show nothing but the phrase. It also waits for
ever for a request, and for a client that does not read. What a connection knows is in `scope["state"]["wire"]`.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

#: Seconds for a whole request to arrive, and for a client to go on reading.
SLOW = 30.0

#: What a reason phrase may hold (RFC 9110, 15.1), without what is not ASCII.
_NOT_IN_PHRASES = re.compile(r"[^\x20-\x7e]+")
_PHRASE_LENGTH = 500


@dataclass
class Wire:
    """One connection: `uid` is the peer's on a unix socket; `phrase` is that of the next response, if it has one."""

    uid: int | None = None
    phrase: bytes = b""


def wire_of(scope: MutableMapping[str, Any]) -> Wire:
    """The connection that a request came by; a nameless one where no server of ours carries it (tests)."""
    wire: Wire = scope.setdefault("state", {}).setdefault("wire", Wire())
    return wire


def phrase(scope: MutableMapping[str, Any], text: str) -> None:
    """Let the response have `text` as its reason phrase: its first line, what a phrase cannot hold as "?"."""
    first = next(iter(text.strip().splitlines()), "")
    wire_of(scope).phrase = _NOT_IN_PHRASES.sub("?", first)[:_PHRASE_LENGTH].encode()


class _Connection(h11.Connection):
    """h11's connection, which puts the phrase into the response and remembers what was wrong with a request.

    The head of a response goes out with the first of its body: one segment, and one record of TLS, in place of two.
    """

    def __init__(self, wire: Wire, max_incomplete_event_size: int) -> None:
        super().__init__(h11.SERVER, max_incomplete_event_size)
        self._wire = wire
        self._head = b""
        self.refusal = 400

    def send(self, event: h11.Event) -> bytes | None:
        if isinstance(event, h11.Response) and self._wire.phrase:
            event = h11.Response(
                status_code=event.status_code,
                headers=event.headers,
                http_version=event.http_version,
                reason=self._wire.phrase,
            )
            self._wire.phrase = b""
        sent = super().send(event)
        if isinstance(event, h11.Response):
            self._head = sent or b""
            return b""
        if self._head and sent is not None:
            self._head, sent = b"", self._head + sent
        return sent

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        try:
            return super().next_event()
        except h11.RemoteProtocolError as error:
            self.refusal = error.error_status_hint
            raise


class Protocol(H11Protocol):
    """The protocol of both sockets."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        limit = self.config.h11_max_incomplete_event_size
        assert limit is not None
        self._wire = Wire()
        self.conn = self._connection = _Connection(self._wire, limit)
        self.app_state = {**self.app_state, "wire": self._wire}
        self._request_timer: asyncio.TimerHandle | None = None
        self._reader_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the peer's user; without one request in time the connection ends."""
        super().connection_made(transport)
        self._wire.uid = peer(transport.get_extra_info("socket"))
        self._request_timer = self.loop.call_later(SLOW, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is waited for any more."""
        self._request_timer = _stopped(self._request_timer)
        self._reader_timer = _stopped(self._reader_timer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """The time of a request starts with its first byte and ends with its last one."""
        if self._request_timer is None:
            self._request_timer = self.loop.call_later(SLOW, self._too_slow)
        super().data_received(data)
        if self.conn.their_state is not h11.SEND_BODY and not self._between_lines():
            self._request_timer = _stopped(self._request_timer)

    def _between_lines(self) -> bool:
        """Whether a request has begun, and its head has not ended."""
        return self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])

    def _too_slow(self) -> None:
        self._request_timer = None
        self._refuse(408, f"the request did not arrive within {SLOW:.0f} s")

    def pause_writing(self) -> None:
        """The client does not read: for a while only."""
        super().pause_writing()
        if self._reader_timer is None:
            self._reader_timer = self.loop.call_later(SLOW, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        self._reader_timer = _stopped(self._reader_timer)
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is refused in the shape of everything else."""
        status = self._connection.refusal
        self._refuse(status, "the request's header is too large" if status == 431 else msg)

    def _refuse(self, status: int, message: str) -> None:
        """Answer, where nothing was answered yet, and close."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = json.dumps({"data": None, "message": f"{message}\n"}).encode()
            self._wire.phrase = message.encode()
            head = h11.Response(
                status_code=status,
                headers=[
                    ("content-type", "application/json;charset=UTF-8"),
                    ("content-length", str(len(body))),
                    ("connection", "close"),
                ],
                reason=STATUS_PHRASES[status],
            )
            for event in (head, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def _stopped(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """No timer any more."""
    if timer is not None:
        timer.cancel()
    return None


def peer(connection: Any) -> int | None:
    """The user at the other end of a unix socket (unix(7), SO_PEERCRED); None for other sockets."""
    if connection is None or connection.family != socket.AF_UNIX:
        return None
    _pid, uid, _gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(uid)
