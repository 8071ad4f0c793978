"""uvicorn with one application on two kinds of sockets: TLS for the network, plain for the unix socket of root."""

from __future__ import annotations

import asyncio
import socket
import ssl
import weakref
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from trebol_common.network import API_PORT
from trebol_node.access.lockout import one_host
from trebol_node.api.limits import HEAD
from trebol_node.api.wire import Protocol

PORT = API_PORT

#: Connections at once from the network: nobody there shuts out root of this node, who comes by the unix socket.
CONNECTIONS = 1024

#: Of them from one host (`trebol_node.access.lockout.one_host`), which so shuts out nobody else.
FROM_ONE = 256

#: Connections that wait to be accepted.
BACKLOG = 512

#: Seconds that a client has for the handshake of TLS.
HANDSHAKE = 10.0

#: Seconds that a client has to say goodbye, too (TLS, close_notify): many never do.
FAREWELL = 1.0

#: Seconds that requests have to end when the daemon is to.
GRACE = 5


class Server(uvicorn.Server):
    """Serves on sockets that are bound already; `on_ready` is called once all of them are listened to."""

    def __init__(
        self,
        app: FastAPI,
        *,
        plain: Iterable[socket.socket] = (),
        secure: Iterable[socket.socket] = (),
        tls: ssl.SSLContext | None = None,
        on_ready: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=Protocol,
                ws="none",
                loop="asyncio",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                h11_max_incomplete_event_size=HEAD,
                timeout_graceful_shutdown=GRACE,
            )
        )
        self._plain = tuple(plain)
        self._secure = tuple(map(_Bounded.of, secure))
        for each in self._secure:
            # As asyncio does for sockets of its own: else the end of an answer waits for the client's word that
            # its beginning came, 40 ms.
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._tls = tls
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start what runs beside the application, then listen."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            self.should_exit = True
            return
        loop = asyncio.get_running_loop()
        self.servers = [
            *[await loop.create_server(self._protocol, sock=each, backlog=BACKLOG) for each in self._plain],
            *[
                await loop.create_server(
                    self._protocol,
                    sock=each,
                    ssl=self._tls,
                    ssl_handshake_timeout=HANDSHAKE,
                    ssl_shutdown_timeout=FAREWELL,
                    backlog=BACKLOG,
                )
                for each in self._secure
            ],
        ]
        self.started = True
        if self._on_ready is not None:
            await self._on_ready()

    def _protocol(self) -> Protocol:
        return Protocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)


class _Bounded(socket.socket):
    """A socket that listens, with `CONNECTIONS` connections at once, `FROM_ONE` from one host: those in their
    handshake count, of which the protocol above knows nothing yet."""

    @classmethod
    def of(cls, listening: socket.socket) -> _Bounded:
        """In place of `listening`."""
        return cls(fileno=listening.detach())

    def __init__(self, *, fileno: int) -> None:
        super().__init__(fileno=fileno)
        self._accepted: weakref.WeakKeyDictionary[socket.socket, str] = weakref.WeakKeyDictionary()

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection; raises ConnectionAbortedError for one too many, which is closed at once."""
        connection, address = super().accept()
        host = one_host(address[0])
        if self._is_full(host):
            # What is closed stays there until it is collected.
            for each in [each for each in self._accepted if each.fileno() < 0]:
                del self._accepted[each]
            if self._is_full(host):
                connection.close()
                raise ConnectionAbortedError
        self._accepted[connection] = host
        return connection, address

    def _is_full(self, host: str) -> bool:
        count = len(self._accepted)
        return count >= CONNECTIONS or (count >= FROM_ONE and [*self._accepted.values()].count(host) >= FROM_ONE)


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 and up with this certificate chain; raises OSError, ssl.SSLError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def network_socket(port: int = PORT) -> socket.socket:
    """All addresses of the node, of both families where it has both."""
    if not socket.has_dualstack_ipv6():
        return socket.create_server(("", port))
    return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)


def unix_socket(path: Path) -> socket.socket:
    """The socket at `path`, for its owner and root alone; one that a killed daemon left there gives way."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.bind(str(fresh))
    fresh.chmod(0o600)
    # Listening before it has its name: whoever finds it can connect.
    made.listen(BACKLOG)
    fresh.rename(path)
    return made
