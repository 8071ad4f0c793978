"""The records of a node: read from memory, written by compare-and-swap.

`EtcdRecords` are those of the store; `MemoryRecords` behave alike and are nobody's, for tests. Reads never wait and
never fail. Writes wait for the store: call them in a thread.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from trebol_node.store.errors import Unavailable
from trebol_node.store.gateway import Outdated
from trebol_node.store.limits import encode, require_room
from trebol_node.store.view import Entry, Record, View

__all__ = ["MemoryRecords", "Record", "Records"]


class Records(ABC):
    """One tree of JSON objects. Keys are relative: "access/users/root@pam"."""

    def __init__(self) -> None:
        self._view = View()
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    @property
    @abstractmethod
    def quorate(self) -> bool:
        """Whether the store can be written, and what is read here is what it holds."""

    @property
    def revision(self) -> int:
        """Grows with every change of what is known here: what was made of the records is right while it stays.

        Read it before them. A record's own revision is the store's.
        """
        return self._view.changes

    @property
    def size(self) -> int:
        """Bytes of all keys and values."""
        return self._view.size

    def get(self, key: str) -> Record | None:
        """The record, or None where there is none. Its value is not to be changed."""
        with self._lock:
            return self._view.records.get(key)

    def below(self, prefix: str) -> tuple[Record, ...]:
        """All records whose keys begin with `prefix` ("access/users/"), by key."""
        with self._lock:
            return tuple(record for key, record in sorted(self._view.records.items()) if key.startswith(prefix))

    def put(self, key: str, value: Mapping[str, Any], *, expected: int) -> Record:
        """Write a record that is at the revision `expected`, 0: must not exist yet. What `get` gives from now on.

        Raises Conflict where somebody was faster, Unavailable without the store or its quorum, TooLarge at the limits
        of `trebol_node.store.limits`, BadInput for a key or value that cannot be stored.
        """
        content = encode(key, value)
        with self._lock:
            more = len(key.encode()) + len(content) - self._view.size_of(key)
            require_room(key, now=self._view.size, more=more)
        record = self._write(key, content, expected).record()
        assert record is not None
        return record

    def delete(self, key: str, *, expected: int) -> None:
        """Delete a record that is at the revision `expected`. Raises as `put` does."""
        self._write(key, None, expected)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after every change of what is known: in the thread that writes or follows, so briefly."""
        self._listeners.append(callback)

    @abstractmethod
    def _commit(self, key: str, content: bytes | None, expected: int) -> Entry:
        """Write to the store; see `Gateway.write`."""

    def _write(self, key: str, content: bytes | None, expected: int) -> Entry:
        try:
            entry = self._commit(key, content, expected)
        except Outdated as error:
            # Whoever reads again must not meet what it has just been refused for.
            self._know(error.found)
            raise
        self._know(entry)
        return entry

    def _know(self, entry: Entry) -> None:
        with self._lock:
            changed = self._view.know(entry)
        if changed:
            self._tell()

    def _tell(self) -> None:
        for callback in self._listeners:
            callback()


class MemoryRecords(Records):
    """Records of this object alone, beginning with `values`. Without `quorate` they cannot be written."""

    def __init__(self, values: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        super().__init__()
        self._quorate = True
        self._commits = threading.Lock()
        for key, value in (values or {}).items():
            self.put(key, value, expected=0)

    @property
    def quorate(self) -> bool:
        """See `Records.quorate`; a test may set it."""
        return self._quorate

    @quorate.setter
    def quorate(self, value: bool) -> None:
        self._quorate = value

    def _commit(self, key: str, content: bytes | None, expected: int) -> Entry:
        if not self._quorate:
            raise Unavailable("has no quorum", where="store")
        with self._commits:
            found = self.get(key)
            if (found.revision if found else 0) != expected:
                raise Outdated(_as_entry(key, found, self._view.revision), expected)
            if content is None and found is None:
                return Entry(key, None, self._view.revision)
            entry = Entry(key, content, self._view.revision + 1)
            with self._lock:
                self._view.follow([entry], entry.revision)
        self._tell()
        return entry


def _as_entry(key: str, found: Record | None, revision: int) -> Entry:
    return Entry(key, encode(key, found.value), found.revision) if found else Entry(key, None, revision)
