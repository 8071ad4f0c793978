"""Accounts as the store has them now, and changes to them by compare-and-swap."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trebol_node.access import Accounts, Writes
from trebol_node.api.world import Records
from trebol_node.store.errors import Conflict

PREFIX = "access/"

#: Times that a change is made anew, when somebody else was faster.
TRIES = 5


@dataclass(frozen=True)
class _Read:
    """Accounts of one revision of the store, and the revision of each record (keys relative to PREFIX)."""

    revision: int
    accounts: Accounts
    revisions: Mapping[str, int]


class AccountBook:
    """Reads are from memory; nothing is parsed again until the store changes."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._changing = asyncio.Lock()
        self._held: _Read | None = None

    def read(self) -> Accounts:
        """All accounts."""
        return self._read().accounts

    async def change(self, make: Callable[[Accounts], Writes]) -> None:
        """Write what `make` wants of the accounts as they are then. Raises what `make` and the store raise."""
        async with self._changing:
            for left in reversed(range(TRIES)):
                found = self._read()
                try:
                    await asyncio.to_thread(self._write, make(found.accounts), found.revisions)
                    return
                except Conflict:
                    if not left:
                        raise

    def _read(self) -> _Read:
        revision = self._records.revision
        if self._held is None or self._held.revision != revision:
            records = self._records.below(PREFIX)
            values = {each.key.removeprefix(PREFIX): each.value for each in records}
            revisions = {each.key.removeprefix(PREFIX): each.revision for each in records}
            self._held = _Read(revision, Accounts.of(values), revisions)
        return self._held

    def _write(self, writes: Writes, revisions: Mapping[str, int]) -> None:
        for key, value in writes:
            expected = revisions.get(key, 0)
            if value is not None:
                self._records.put(f"{PREFIX}{key}", value, expected=expected)
            elif expected:
                self._records.delete(f"{PREFIX}{key}", expected=expected)
