"""Values that are read in the background and held, so that no request waits for a program.

    Held(name, seconds, read) ──Refresher──▶ value, age, error

A `Held` says how often it is read: that is how old its value may be. While reading fails the last value stays, for as
long as it is no older than `PATIENCE` times that; then whoever asks gets the error.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from trebol_common.errors import TrebolError

Value = TypeVar("Value")

#: Missed readings after which a value is no longer shown.
PATIENCE = 10

#: Seconds that a request waits for the first reading after the start of the daemon.
FIRST = 5.0

_log = logging.getLogger(__name__)


class NotRead(TrebolError):
    """A value could not be read yet, or not for too long."""


@dataclass
class Held(Generic[Value]):
    """One value: `read` makes it, every `seconds`. `clock` is monotonic, in seconds."""

    name: str
    seconds: float
    read: Callable[[], Awaitable[Value]]
    clock: Callable[[], float] = time.monotonic
    error: str = ""
    _values: list[Value] = field(default_factory=list)
    _since: float = 0.0
    _settled: asyncio.Event = field(default_factory=asyncio.Event)
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def age(self) -> float | None:
        """Seconds since the value was read; None before the first time."""
        return self.clock() - self._since if self._values else None

    @property
    def latest(self) -> Value | None:
        """The value, however old it is; None before the first time."""
        return self._values[0] if self._values else None

    async def get(self) -> Value:
        """The value, at once; only the first one is waited for. Raises NotRead where there is none fit to show."""
        if not self._settled.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FIRST):
                    await self._settled.wait()
        if not self._values or self.clock() - self._since > self.seconds * PATIENCE:
            raise NotRead(f"{self.name}: {self.error or 'not read yet'}", hint="try again in a few seconds")
        return self._values[0]

    async def refresh(self) -> None:
        """Read it now. What goes wrong is kept as `error`, and logged once."""
        async with self._reading:
            try:
                value = await self.read()
            except (TrebolError, OSError, ValueError) as error:
                if str(error) != self.error:
                    _log.warning("cannot read %s: %s", self.name, error)
                self.error = str(error)
            else:
                self._values[:] = [value]
                self._since = self.clock()
                self.error = ""
            self._settled.set()

    def stale(self) -> None:
        """Have it read soon: what it tells of was changed."""
        self._wanted.set()

    async def keep(self) -> None:
        """Read it over and over, until cancelled."""
        while True:
            self._wanted.clear()
            await self.refresh()
            # Not wait_for: up to Python 3.11 it loses a cancellation that comes together with its timeout.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.seconds):
                    await self._wanted.wait()


@contextlib.asynccontextmanager
async def refreshing(held: Iterable[Held[Any]]) -> AsyncIterator[None]:
    """Keep all of them fresh inside the block: a daemon's lifespan."""
    tasks = [asyncio.create_task(each.keep(), name=f"refresh {each.name}") for each in held]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
