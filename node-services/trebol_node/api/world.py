"""What the API stands on, as protocols: the store, the worker, the clock. Their packages fit; so do tests' fakes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Record(Protocol):
    """One value of the store; `revision` is that of its last write."""

    @property
    def key(self) -> str: ...
    @property
    def value(self) -> Mapping[str, Any]: ...
    @property
    def revision(self) -> int: ...


class Records(Protocol):
    """`trebol_node.store.records.Records`: reads are from memory, writes block."""

    @property
    def quorate(self) -> bool: ...
    @property
    def revision(self) -> int: ...
    def get(self, key: str) -> Record | None: ...
    def below(self, prefix: str) -> Sequence[Record]: ...
    def put(self, key: str, value: Mapping[str, Any], *, expected: int) -> Record: ...
    def delete(self, key: str, *, expected: int) -> None: ...


class Worker(Protocol):
    """`trebol_node.worker.client.Worker`: what needs root."""

    async def call(self, operation: Any, *, who: str) -> Any: ...


class Clock(Protocol):
    """Time, which tests make pass."""

    def now(self) -> float:
        """Seconds of the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait, without holding a thread."""
        ...


class SystemClock:
    """The machine's."""

    def now(self) -> float:
        """Seconds of the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
