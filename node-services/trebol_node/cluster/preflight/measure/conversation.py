"""One connected socket towards a responder: questions go out, answers are kept as they come."""

from __future__ import annotations

import asyncio
import errno
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from trebol_node.cluster.preflight.facts import Reach, Way
from trebol_node.cluster.preflight.measure.links import open_timed, receive, stamped
from trebol_node.cluster.preflight.measure.packets import LEAST, Kind, Packet, decode, encode

#: A time of two clocks that differs from the own one by less is no clock that was set meanwhile.
_SLACK = 1_000_000


@dataclass(frozen=True)
class Exchange:
    """A question and its answer; ns. `sent` and `came` by the own clock, `received` and `answered` by the other's;
    `took` by the own monotonic one, which nobody sets."""

    sent: int
    received: int
    answered: int
    came: int
    took: int

    @property
    def travelled(self) -> int | None:
        """The round trip without the time that either host took to look at the packet; None where a clock was set."""
        between = (self.came - self.sent) - (self.answered - self.received)
        return between if 0 <= between <= self.took + _SLACK else None

    @property
    def round_trip(self) -> int:
        """As exact as it is known."""
        exact = self.travelled
        return self.took if exact is None else min(exact, self.took)

    @property
    def offset(self) -> int:
        """The other clock minus the own (RFC 5905, 8); right within half of what the packet travelled."""
        return ((self.received - self.sent) + (self.answered - self.came)) // 2


class Conversation:
    """`answers` by kind of the question and number; `obstacle` is what was said instead of an answer, at last."""

    def __init__(self, way: Way, port: int, key: bytes) -> None:
        """Raises OSError where the address is not of this host, or there is no route."""
        self._key = key
        self._session = secrets.randbits(64)
        self._asked: dict[tuple[Kind, int], int] = {}
        self.answers: dict[tuple[Kind, int], Exchange] = {}
        self.obstacle: Reach | None = None
        self._news = asyncio.Event()
        self._socket = open_timed(way.source_address, 0)
        try:
            self._socket.connect((way.target_address, port))
        except OSError:
            self._socket.close()
            raise

    @classmethod
    @contextmanager
    def opened(cls, way: Way, port: int, key: bytes) -> Iterator[Self]:
        """For as long as the block takes."""
        talk = cls(way, port, key)
        loop = asyncio.get_running_loop()
        loop.add_reader(talk._socket, talk._read)
        try:
            yield talk
        finally:
            loop.remove_reader(talk._socket)
            talk._socket.close()

    def ask(self, kind: Kind, number: int, size: int = LEAST) -> None:
        """Send a question. One that does not leave the host is one that does not come back."""
        self._asked.setdefault((kind, number), time.monotonic_ns())
        payload = stamped(lambda now: encode(Packet(kind, number, self._session, sent=now, size=size), self._key))
        # The first call may only bring the news of an earlier packet.
        for _attempt in range(2):
            try:
                self._socket.send(payload)
            except BlockingIOError:
                return
            except OSError as error:
                self._note(error)
            else:
                return

    async def until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Wait for answers until `done`, no longer than so many seconds. Whether it is."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not done():
            self._news.clear()
            try:
                async with asyncio.timeout_at(end):
                    await self._news.wait()
            except TimeoutError:
                return done()
        return True

    def _read(self) -> None:
        clock = time.monotonic_ns()
        try:
            came = receive(self._socket)
        except OSError as error:
            self._note(error)
            return
        if came is None:
            return
        payload, arrival, _sender = came
        packet = decode(payload, self._key)
        if packet is None or packet.session != self._session or packet.kind not in _QUESTIONS:
            return
        key = (_QUESTIONS[packet.kind], packet.number)
        if key in self._asked and key not in self.answers:
            took = clock - self._asked[key]
            self.answers[key] = Exchange(packet.sent, packet.received, packet.answered, arrival, took)
            self._news.set()

    def _note(self, error: OSError) -> None:
        """What is in the way, as ICMP or the own firewall say; whatever else happens to a packet is its loss."""
        match error.errno:
            case errno.ECONNREFUSED:
                self.obstacle = Reach.REFUSED
            case errno.EHOSTUNREACH | errno.ENETUNREACH | errno.EACCES | errno.EPERM:
                self.obstacle = Reach.PROHIBITED
            case _:
                return
        self._news.set()


_QUESTIONS = {Kind.ECHO_ANSWER: Kind.ECHO, Kind.SIZE_ANSWER: Kind.SIZE, Kind.DONE_ANSWER: Kind.DONE}
