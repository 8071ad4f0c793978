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
class Snapshot:
    """Accounts of one revision of the store, and the revision of each record (keys relative to PREFIX)."""

    revision: int
    accounts: Accounts
    revisions: Mapping[str, int]


class AccountBook:
    """Reads are from memory; nothing is parsed again until the store changes."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._changing = asyncio.Lock()
        self._held: Snapshot | None = None

    def read(self) -> Accounts:
        """All accounts."""
        return self.snapshot().accounts

    async def change(self, make: Callable[[Accounts], Writes]) -> None:
        """Write what `make` wants of the accounts as they are then. Raises what `make` and the store raise."""
        async with self._changing:
            for left in reversed(range(TRIES)):
                found = self.snapshot()
                try:
                    await self.write(found, make(found.accounts))
                    return
                except Conflict:
                    if not left:
                        raise

    async def write(self, found: Snapshot, writes: Writes) -> None:
        """Write what was made of `found`; raises Conflict where that is not how things are any more."""
        if writes:
            await asyncio.to_thread(self._write, writes, found.revisions)

    def snapshot(self) -> Snapshot:
        """All accounts, as something can be written of them."""
        revision = self._records.revision
        if self._held is None or self._held.revision != revision:
            records = self._records.below(PREFIX)
            values = {each.key.removeprefix(PREFIX): each.value for each in records}
            revisions = {each.key.removeprefix(PREFIX): each.revision for each in records}
            self._held = Snapshot(revision, Accounts.of(values), revisions)
        return self._held

    def _write(self, writes: Writes, found: Mapping[str, int]) -> None:
        revisions = dict(found)
        for key, value in writes:
            expected = revisions.get(key, 0)
            if value is not None:
                revisions[key] = self._records.put(f"{PREFIX}{key}", value, expected=expected).revision
            elif expected:
                self._records.delete(f"{PREFIX}{key}", expected=expected)
                revisions[key] = 0
