"""Many clients of one HTTPS server at once, each with a connection that stays and a pace of its own.

One thread, no HTTP library: the measuring side must not take the processors from what it measures.
"""

from __future__ import annotations

import heapq
import random
import selectors
import socket
import ssl
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from trebol_common.errors import TrebolError

#: Seconds after which an answer will not come any more.
LOST_AFTER = 30.0

_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Load:
    """`clients` connections, each of which asks `rate` times a second on average, for `seconds`; `warm_up` more of
    them at the beginning do not count."""

    clients: int
    rate: float
    seconds: float
    warm_up: float = 2.0

    def __str__(self) -> str:
        return f"{self.clients} clients, {self.clients * self.rate:.0f} requests/s in all, {self.seconds:.0f} s"


@dataclass(frozen=True)
class Answers:
    """Milliseconds of each answer that counts, by path, and how many there were in all."""

    milliseconds: Mapping[str, Sequence[float]]
    count: int


@dataclass
class _Client:
    connection: ssl.SSLSocket
    headers: str
    due: float = 0.0
    asked: int = 0
    path: str = ""
    came: bytearray = field(default_factory=bytearray)

    def ask(self, path: str) -> None:
        """Send a request; it is small enough for the socket to take it at once."""
        self.path, self.asked = path, self.asked + 1
        self.connection.sendall(f"GET {path} HTTP/1.1\r\nHost: node\r\n{self.headers}\r\n".encode())

    def has_answer(self) -> bool:
        """Read what is there; whether a whole answer has come. Raises TrebolError for one that is not 200."""
        try:
            while part := self.connection.recv(65536):
                self.came += part
            raise TrebolError("the server ended the connection", where=self.path)
        except ssl.SSLWantReadError:
            pass
        size = answer_size(self.came)
        if size is None or len(self.came) < size:
            return False
        if not self.came.startswith(b"HTTP/1.1 200"):
            raise TrebolError(f"answered {self.came[:200]!r}", where=self.path)
        del self.came[:]
        return True


def answer_size(came: bytes | bytearray) -> int | None:
    """Bytes of the whole answer that begins with `came`; None while its head has not ended."""
    end = came.find(_HEAD_END)
    if end < 0:
        return None
    for line in bytes(came[:end]).split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return end + len(_HEAD_END) + int(value)
    raise TrebolError("an answer without content-length", where=repr(bytes(came[:end])))


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of `values` that at least `percent` of them do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -int(-len(ordered) * percent // 100) - 1)]


def measure(
    address: tuple[str, int], paths: Sequence[str], headers: Sequence[Mapping[str, str]], load: Load
) -> Answers:
    """Each client asks for all `paths` in turn, with one of `headers`.

    An answer counts from when it was due: a client that still waits for the last one asks late, and that is no gift.
    """
    found: dict[str, list[float]] = defaultdict(list)
    chance = random.Random(load.clients)
    with _connected(address, headers, load.clients) as clients, selectors.DefaultSelector() as selector:
        began = time.perf_counter()
        counts_from, end = began + load.warm_up, began + load.warm_up + load.seconds
        due = [(began + chance.random() / load.rate, number) for number in range(len(clients))]
        heapq.heapify(due)
        waiting = 0
        for number, client in enumerate(clients):
            selector.register(client.connection, selectors.EVENT_READ, (number, client))
        while True:
            now = time.perf_counter()
            while due and due[0][0] <= now:
                when, number = heapq.heappop(due)
                if when < end:
                    client = clients[number]
                    client.due = when
                    client.ask(paths[(number + client.asked) % len(paths)])
                    waiting += 1
            if not due and not waiting:
                break
            ready = selector.select(max(0.0, due[0][0] - now) if due else LOST_AFTER)
            if not ready and not due:
                raise TrebolError(f"no answer within {LOST_AFTER:.0f} s", where=f"{address[0]}:{address[1]}")
            for key, _events in ready:
                number, client = key.data
                if client.has_answer():
                    waiting -= 1
                    if client.due >= counts_from:
                        found[client.path].append(1000 * (time.perf_counter() - client.due))
                    heapq.heappush(due, (client.due + chance.uniform(0.5, 1.5) / load.rate, number))
        return Answers(found, sum(client.asked for client in clients))


@contextmanager
def _connected(address: tuple[str, int], headers: Sequence[Mapping[str, str]], count: int) -> Iterator[list[_Client]]:
    # Whose certificate it is says nothing about how fast it is.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with ExitStack() as stack:
        clients = []
        for number in range(count):
            plain = stack.enter_context(socket.create_connection(address, timeout=LOST_AFTER))
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = stack.enter_context(context.wrap_socket(plain))
            connection.setblocking(False)
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers[number % len(headers)].items())
            clients.append(_Client(connection, lines))
        yield clients
