"""The side that answers: for as long as a measurement takes, and nobody but who has the key."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from trebol_common.errors import TrebolError
from trebol_common.i18n import _
from trebol_node.cluster.preflight.facts import Way
from trebol_node.cluster.preflight.measure.links import PORT, open_timed, receive, stamped
from trebol_node.cluster.preflight.measure.packets import Kind, Packet, answer, decode, encode, number_of

#: Packets of one socket that are answered before it is looked at the others.
_AT_ONCE = 64


class Responder:
    """Sockets on addresses and ports of this host. `ports` are those it could have, by address: what somebody else
    takes (corosync, on a member) answers for itself or not at all."""

    def __init__(self, addresses: Iterable[str], key: bytes, *, port: int = PORT, also: Iterable[int] = ()) -> None:
        """Port 0: any. Raises TrebolError where `port` cannot be had on one of the addresses."""
        self._key = key
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._sockets: list[socket.socket] = []
        self._heard = time.monotonic()
        self._done: set[int] = set()
        self._changed = threading.Condition()
        try:
            for address in addresses:
                self._open(address, port)
                self._open_more(address, also)
        except BaseException:
            self.close()
            raise

    @property
    def ports(self) -> tuple[tuple[str, int], ...]:
        """Address and port of each socket."""
        return tuple((each.getsockname()[0], int(each.getsockname()[1])) for each in self._sockets)

    def await_done(self, ways: Iterable[Way], *, quiet: float, end: float) -> bool:
        """Wait until it was said of all of `ways` that they are measured, or nobody asked anything for so many
        seconds, at most until the monotonic clock says `end`. Whether all are."""
        left = {number_of(each) for each in ways}
        with self._changed:
            while not left <= self._done:
                now = time.monotonic()
                until = min(self._heard + quiet, end)
                if now >= until:
                    return False
                self._changed.wait(until - now)
        return True

    def serve(self) -> None:
        """Answer until `stop`."""
        while True:
            for key, _events in self._selector.select():
                if key.fileobj is self._woken:
                    return
                assert isinstance(key.fileobj, socket.socket)
                self._answer(key.fileobj)

    def stop(self) -> None:
        """End `serve`, from another thread."""
        self._wake.send(b"\0")

    def close(self) -> None:
        """Give everything back; after `serve` has ended."""
        self._selector.close()
        for each in (*self._sockets, self._wake, self._woken):
            each.close()

    def _open(self, address: str, port: int) -> None:
        try:
            link = open_timed(address, port)
        except OSError as error:
            raise TrebolError(
                _("UDP port {port} cannot be had: {error}").format(port=port, error=error.strerror or error),
                where=address,
                hint=_("see who has it: ss -lunp"),
            ) from error
        self._sockets.append(link)
        self._selector.register(link, selectors.EVENT_READ)

    def _open_more(self, address: str, ports: Iterable[int]) -> None:
        for port in ports:
            try:
                self._open(address, port)
            except TrebolError:
                continue  # The facts of this host say who has it.

    def _answer(self, link: socket.socket) -> None:
        for _packet in range(_AT_ONCE):
            try:
                came = receive(link)
                if came is None:
                    return
                payload, received, sender = came
                question = decode(payload, self._key)
                if question is None:
                    continue
                self._note(question)
                reply = answer(question, received=received)
                if reply is not None:
                    link.sendto(self._sealed(reply), sender)
            except OSError:
                # What ICMP said of an earlier packet, a full queue, an interface that went down, a sender's port that
                # cannot be: a packet less, as on any network. The prober counts it.
                return

    def _note(self, question: Packet) -> None:
        with self._changed:
            self._heard = time.monotonic()
            if question.kind is Kind.DONE:
                self._done.add(question.number)
                self._changed.notify_all()

    def _sealed(self, reply: Packet) -> bytes:
        return stamped(lambda now: encode(replace(reply, answered=now), self._key))


@contextmanager
def responding(
    addresses: Iterable[str], key: bytes, *, port: int = PORT, also: Iterable[int] = ()
) -> Iterator[Responder]:
    """A responder in a thread of its own, for as long as the block takes. Raises TrebolError as `Responder` does."""
    responder = Responder(addresses, key, port=port, also=also)
    thread = threading.Thread(target=responder.serve, name="preflight-responder", daemon=True)
    thread.start()
    try:
        yield responder
    finally:
        responder.stop()
        thread.join()
        responder.close()
