"""The client: one connection for many requests at once, made anew when it is gone."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

from trebol_common.errors import TrebolError
from trebol_node.worker.errors import WorkerAbsent, from_members
from trebol_node.worker.operation import Operation
from trebol_node.worker.protocol import ANSWER, SOCKET, request_line

_HINT = "systemctl status trebol-worker"


class Worker:
    """Asks the worker at `path`; of one event loop. Each request has `patience` seconds."""

    def __init__(self, path: Path = SOCKET, *, patience: float = 60.0) -> None:
        self._path = path
        self._patience = patience
        self._connection: _Connection | None = None
        self._connecting = asyncio.Lock()

    async def call(self, operation: Operation, *, who: str) -> Any:
        """Have `operation` done for user `who`, and return what it returns.

        Raises what it raised, by kind; WorkerAbsent where the worker is not there, does not answer in time, or goes
        away meanwhile. Never asked twice: it may have been done.
        """
        connection = await self._connect()
        try:
            async with asyncio.timeout(self._patience):
                return await connection.ask(operation, who)
        except TimeoutError:
            what = f"did not answer {operation.name!r} within {self._patience:g} s"
            raise WorkerAbsent(what, where="trebol-worker", hint=_HINT) from None

    async def close(self) -> None:
        """End the connection, if there is one."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _connect(self) -> _Connection:
        async with self._connecting:
            if self._connection is None or self._connection.gone:
                await self.close()
                try:
                    streams = await asyncio.open_unix_connection(self._path, limit=ANSWER)
                except OSError as error:
                    what = f"is not there: {error.strerror or error}"
                    raise WorkerAbsent(what, where="trebol-worker", hint=_HINT) from error
                self._connection = _Connection(*streams)
            return self._connection


class _Connection:
    """Requests by their numbers, and who waits for the answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._listening = asyncio.create_task(self._listen())

    @property
    def gone(self) -> bool:
        """Whether nothing can be asked any more."""
        return self._listening.done() or self._writer.is_closing()

    async def ask(self, operation: Operation, who: str) -> Any:
        self._number += 1
        number = self._number
        line = request_line(number, operation, who)
        answer = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._writer.write(line)
            await self._writer.drain()
            return await answer
        except ConnectionError:
            self._writer.close()
            raise _gone() from None
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        self._listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listening
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _listen(self) -> None:
        reason = _gone()
        try:
            while line := await self._reader.readline():
                members = json.loads(line)
                if members["id"] is None:
                    # It is no answer to one of them: the connection as such is refused, and ends.
                    reason = from_members(members["error"])
                elif (answer := self._waiting.get(members["id"])) is not None and not answer.done():
                    if "error" in members:
                        answer.set_exception(from_members(members["error"]))
                    else:
                        answer.set_result(members["result"])
        except (ConnectionError, ValueError, KeyError, TypeError):
            pass  # What is no answer ends the connection as its end does.
        finally:
            self._writer.close()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(reason)


def _gone() -> TrebolError:
    return WorkerAbsent("went away before it answered", where="trebol-worker", hint=_HINT)
