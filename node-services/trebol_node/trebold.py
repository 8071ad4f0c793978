"""The daemon that serves a node's API: `python3 -m trebol_node.trebold`, as user `trebol`, by trebold.service.

Its sockets are systemd's (sd_listen_fds(3), trebold.socket), so that clients wait through a restart; started by hand,
it binds its own. What it answers is read beside the requests, from memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI

from trebol_common import __version__
from trebol_common.errors import TrebolError, of_system
from trebol_common.i18n import _
from trebol_node import pki
from trebol_node.api.app import make_app
from trebol_node.api.audit import Journal
from trebol_node.api.context import Context
from trebol_node.api.numbers import Addresses, Numbers
from trebol_node.api.server import Server, network_socket, tls_context, unix_socket
from trebol_node.client import API_SOCKET
from trebol_node.notify import READY, STOPPING, keep_alive, notify
from trebol_node.store.configuration import Configuration
from trebol_node.store.etcd import EtcdRecords
from trebol_node.store.gateway import Gateway, TlsSource
from trebol_node.system.held import refreshing
from trebol_node.tasks import Tasks
from trebol_node.worker.client import Worker

log = logging.getLogger(__name__)

#: The copy of the records lies in the one folder that trebold may write.
COPY = Path("/var/lib/trebold/records.json")

#: systemd's first socket (sd_listen_fds(3)).
_FIRST_SOCKET = 3


@dataclass(frozen=True)
class Sockets:
    """Where the API is served: `secure` with TLS, `plain` for root of this node."""

    secure: tuple[socket.socket, ...]
    plain: tuple[socket.socket, ...]


def sockets(environment: Mapping[str, str] = os.environ, *, pid: int | None = None) -> Sockets:
    """Those that systemd has for this process, else ones of our own; raises OSError."""
    mine = environment.get("LISTEN_PID", "") == str(os.getpid() if pid is None else pid)
    count = int(environment.get("LISTEN_FDS", "0")) if mine else 0
    if not count:
        return Sockets((network_socket(),), (unix_socket(API_SOCKET),))
    given = [socket.socket(fileno=_FIRST_SOCKET + number) for number in range(count)]
    for each in given:
        os.set_inheritable(each.fileno(), False)
    return Sockets(
        tuple(each for each in given if each.family != socket.AF_UNIX),
        tuple(each for each in given if each.family == socket.AF_UNIX),
    )


async def serve(where: Sockets) -> None:
    """Serve until SIGTERM; raises TrebolError where it cannot begin."""
    pair = pki.API.pair()
    tls = _tls(pair)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _reloading(tls, pair))
    records = EtcdRecords(Gateway(Configuration("").client_url, TlsSource()), COPY)
    numbers, addresses, worker = Numbers(Path("/")), Addresses(Path("/")), Worker()
    node = socket.gethostname().partition(".")[0]
    context = Context(
        node=node,
        records=records,
        worker=worker,
        tasks=Tasks(),
        entry=lambda: numbers.entry(node),
        addresses=addresses.now,
        audit=Journal(),
    )

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(records.start)
        alive = asyncio.create_task(keep_alive(), name="watchdog")
        try:
            async with refreshing((numbers.held, addresses.held)):
                yield
        finally:
            notify(STOPPING)
            alive.cancel()
            await worker.close()
            await asyncio.to_thread(records.close)

    async def ready() -> None:
        # What is there now stays: the collector need not look through it again and again.
        gc.collect()
        gc.freeze()
        log.info("trebold %s serves node %s", __version__, node)
        notify(READY)

    await Server(
        make_app(context, lifespan=lifespan), plain=where.plain, secure=where.secure, tls=tls, on_ready=ready
    ).serve()


def _tls(pair: pki.Pair) -> ssl.SSLContext:
    try:
        return tls_context(pair.certificate, pair.key)
    except OSError as error:  # ssl.SSLError is one.
        raise TrebolError(
            _("the certificate of the API cannot be used: {reason}").format(reason=error.strerror or error),
            where=str(pair.certificate),
            hint="systemctl status trebol-keys",
        ) from error


def _reloading(tls: ssl.SSLContext, pair: pki.Pair) -> Callable[[], None]:
    """What SIGHUP does: new connections get the certificate that is there now."""

    def reload() -> None:
        try:
            tls.load_cert_chain(pair.certificate, pair.key)
        except OSError as error:
            log.error("the certificate was not loaded again: %s: %s", pair.certificate, error)

    return reload


def main() -> int:
    """Run the daemon; its exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        asyncio.run(serve(sockets()))
    except (TrebolError, OSError) as error:
        told = of_system(error) if isinstance(error, OSError) else error
        sys.stderr.write(f"trebold: {told}\n")
        return told.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
