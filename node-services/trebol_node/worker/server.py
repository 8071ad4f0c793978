"""The server: who may ask, what is no request, how much at once. The operations run in threads, one each."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import struct
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trebol_common.errors import BadInput, Refused, TrebolError, of_system
from trebol_node.worker.operations import OPERATIONS
from trebol_node.worker.protocol import (
    REQUEST,
    Envelope,
    Malformed,
    Request,
    error_line,
    read_envelope,
    read_request,
    result_line,
)

log = logging.getLogger(__name__)

#: Does what a request asks for and returns what JSON can say; raises TrebolError or OSError.
Perform = Callable[[Request], Any]

#: unix(7), struct ucred.
_CREDENTIALS = struct.Struct("3i")


@dataclass(frozen=True)
class Limits:
    """`patience`: seconds in which a line that has begun must end, and an answer be taken."""

    patience: float = 10.0
    connections: int = 32
    #: Of one connection; more wait on the socket.
    requests: int = 16
    threads: int = 16


class Server:
    """Answers at a unix socket the users in `allowed` (user ids)."""

    def __init__(self, perform: Perform, allowed: frozenset[int], limits: Limits | None = None) -> None:
        self._perform = perform
        self._allowed = allowed
        self._limits = limits or Limits()
        self._threads = ThreadPoolExecutor(self._limits.threads, thread_name_prefix="operation")
        self._connections: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self, path: Path, *, group: int | None = None) -> AsyncIterator[None]:
        """Serve at `path`, whose group may connect, until the block ends; what has begun is then finished."""
        path.parent.mkdir(parents=True, exist_ok=True)
        # What a killed one left behind.
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._connected, path, limit=REQUEST)
        path.chmod(0o660)
        if group is not None:
            os.chown(path, -1, group)
        try:
            yield
        finally:
            server.close()
            # Not wait_closed: from Python 3.12 on that waits for those who just stay connected.
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)
            path.unlink(missing_ok=True)
            self._threads.shutdown()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            pass  # Nobody is there any more to be told.
        finally:
            self._connections.discard(connection)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        user = peer_user(writer.get_extra_info("socket"))
        if user not in self._allowed:
            log.warning("refused user %d", user)
            return await self._send(writer, error_line(None, Refused(f"user {user} may not ask the worker")))
        if len(self._connections) > self._limits.connections:
            log.warning("refused a connection: there are %d", self._limits.connections)
            return await self._send(writer, error_line(None, TrebolError("too many connections to the worker")))
        free = asyncio.Semaphore(self._limits.requests)
        running: set[asyncio.Task[None]] = set()
        try:
            await self._requests(reader, writer, free, running)
        except Malformed as error:
            log.warning("refused what is no request: %s", error)
            await self._send(writer, error_line(None, error))
        finally:
            # What has begun is done, whoever hears of it.
            await asyncio.gather(*running, return_exceptions=True)

    async def _requests(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        free: asyncio.Semaphore,
        running: set[asyncio.Task[None]],
    ) -> None:
        """Take requests until the other side has no more. Raises Malformed."""
        while line := await self._line(reader):
            envelope = read_envelope(line)
            await free.acquire()
            task = asyncio.create_task(self._answer(envelope, writer))
            running.add(task)
            task.add_done_callback(running.discard)
            task.add_done_callback(lambda _task: free.release())

    async def _line(self, reader: asyncio.StreamReader) -> bytes:
        """The next line; nothing at the end. Raises Malformed for one that is too long, or too slow."""
        # Between two requests there may be hours.
        first = await reader.read(1)
        if first in (b"", b"\n"):
            return first
        try:
            async with asyncio.timeout(self._limits.patience):
                return first + await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            raise Malformed(f"a request of more than {REQUEST} bytes") from None
        except TimeoutError:
            raise Malformed(f"a request took more than {self._limits.patience:g} s to come") from None
        except asyncio.IncompleteReadError:
            raise Malformed("a request that ends before its line does") from None

    async def _answer(self, envelope: Envelope, writer: asyncio.StreamWriter) -> None:
        # Nobody who went away meanwhile hears of it, but it is done.
        with contextlib.suppress(ConnectionError, TimeoutError):
            await self._send(writer, await self._outcome(envelope))

    async def _outcome(self, envelope: Envelope) -> bytes:
        try:
            request = read_request(envelope)
            loop = asyncio.get_running_loop()
            result = await loop.run_in_executor(self._threads, self._perform, request)
            line = result_line(envelope.id, result)
        except (TrebolError, OSError) as error:
            told = of_system(error) if isinstance(error, OSError) else error
            _journal(envelope, "refused" if isinstance(told, BadInput | Refused) else "failed")
            return error_line(envelope.id, told)
        except Exception:
            number = secrets.token_hex(4)
            log.exception("error %s", number)
            _journal(envelope, "failed")
            told = TrebolError(f"internal error {number}", hint="see the journal of trebol-worker")
            return error_line(envelope.id, told)
        _journal(envelope, "done")
        return line

    async def _send(self, writer: asyncio.StreamWriter, line: bytes) -> None:
        writer.write(line)
        async with asyncio.timeout(self._limits.patience):
            await writer.drain()


def _journal(envelope: Envelope, outcome: str) -> None:
    """Who asked for what; never with which values. Words of the other side's are shown as they could be typed."""
    operation = OPERATIONS.get(envelope.operation)
    log.log(
        logging.DEBUG if operation is not None and operation.reads else logging.INFO,
        "%s: %r of %s",
        outcome,
        envelope.operation,
        envelope.who,
    )


def peer_user(connection: socket.socket) -> int:
    """The user id of the process at the other end, as the kernel knows it (unix(7), SO_PEERCRED)."""
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _process, user, _group = _CREDENTIALS.unpack(packed)
    return int(user)
