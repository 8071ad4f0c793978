"""One request to another member's daemon, and its answer as it comes: HTTP/1.1 by h11, a connection for each.

The head of the request is made anew: nothing of what a client sent can become a header line, or another request.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import h11

from trebol_node.api.errors import ApiError
from trebol_node.api.handing.connecting import NO_ANSWER, Connector, Streams
from trebol_node.api.handing.members import Member

#: Seconds until an answer begins, and until more of it comes: requests that wait for something take up to a minute.
BEGIN, GO_ON = 65.0, 30.0

#: Seconds and bytes of a whole answer.
WHOLE, LARGEST = 300.0, 64 << 20

_PART = 64 << 10


@dataclass(frozen=True)
class Outgoing:
    """A request: `target` is path and query, as they are sent."""

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""


@dataclass(frozen=True)
class Incoming:
    """An answer whose head has come. `headers` have names in lower case; `parts` gives the body, and raises ApiError
    (596) where it breaks off, takes too long or is too large."""

    status: int
    reason: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    parts: AsyncIterator[bytes]

    async def whole(self) -> bytes:
        """All of the body."""
        return b"".join([part async for part in self.parts])


@contextlib.asynccontextmanager
async def exchange(
    connector: Connector, member: Member, asked: Outgoing, *, begin: float | None = None
) -> AsyncIterator[Incoming]:
    """The answer of `member`, until the block ends; `begin` is for how many seconds it is waited for (`BEGIN`).

    Raises ApiError: 595 where the member is not reached, 596 where it does not answer.
    """
    streams = await connector.connect(member)
    try:
        connection = _Answers(member, streams)
        async with asyncio.timeout(WHOLE):
            await connection.send(asked)
            head = await connection.head(BEGIN if begin is None else begin)
            yield Incoming(head.status_code, head.reason, tuple(head.headers), connection.parts())
    except TimeoutError:
        raise _no_answer(member, f"its answer takes longer than {WHOLE:.0f} s") from None
    finally:
        streams[1].transport.abort()


class _Answers:
    """The connection after a request, from which its answer is read."""

    def __init__(self, member: Member, streams: Streams) -> None:
        self._member = member
        self._reader, self._writer = streams
        self._connection = h11.Connection(h11.CLIENT)

    async def send(self, asked: Outgoing) -> None:
        """Send all of the request."""
        headers = [
            (b"host", self._member.name.encode()),
            (b"content-length", str(len(asked.body)).encode()),
            (b"connection", b"close"),
            *asked.headers,
        ]
        request = h11.Request(method=asked.method, target=asked.target, headers=headers)
        for event in (request, h11.Data(data=asked.body), h11.EndOfMessage()):
            self._writer.write(self._connection.send(event) or b"")
        try:
            async with asyncio.timeout(GO_ON):
                await self._writer.drain()
        except (OSError, TimeoutError) as error:
            raise _no_answer(self._member, "it does not take the request") from error

    async def head(self, within: float) -> h11.Response:
        """The head of the answer; what is said before it is passed over."""
        event = await self._next(within)
        while isinstance(event, h11.InformationalResponse):
            event = await self._next(within)
        if not isinstance(event, h11.Response):
            raise _no_answer(self._member, "it ended the connection")
        return event

    async def parts(self) -> AsyncIterator[bytes]:
        """The body."""
        size = 0
        while not isinstance(event := await self._next(GO_ON), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                raise _no_answer(self._member, "its answer breaks off")
            size += len(event.data)
            if size > LARGEST:
                raise _no_answer(self._member, f"its answer is larger than {LARGEST >> 20} MiB")
            yield bytes(event.data)

    async def _next(self, within: float) -> object:
        try:
            async with asyncio.timeout(within):
                while (event := self._connection.next_event()) is h11.NEED_DATA:
                    self._connection.receive_data(await self._reader.read(_PART))
        except TimeoutError:
            raise _no_answer(self._member, f"nothing comes within {within:.0f} s") from None
        except (OSError, h11.RemoteProtocolError) as error:
            raise _no_answer(self._member, f"its answer breaks off ({error})") from error
        return event


def _no_answer(member: Member, why: str) -> ApiError:
    """596: whether what was asked was done nobody knows."""
    return ApiError(NO_ANSWER, f"node '{member.name}' does not answer: {why}")
