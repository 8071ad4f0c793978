"""What is known of the records: a load, the changes since, and our own writes, which may come before either. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Record:
    """One record as it was at `revision`, which is the store's when it was written. `value` is not to be changed."""

    key: str
    value: Mapping[str, Any]
    revision: int


@dataclass(frozen=True)
class Entry:
    """A record as the store holds it; `content` is JSON, None where the record was deleted at `revision`."""

    key: str
    content: bytes | None
    revision: int

    def record(self) -> Record | None:
        """With its value read; None for a deleted one, and for what somebody else stored that is no JSON object."""
        if self.content is None:
            return None
        try:
            value = json.loads(self.content)
        except (ValueError, RecursionError):
            return None
        return Record(self.key, value, self.revision) if isinstance(value, dict) else None


@dataclass
class View:
    """All records as of `revision`, and those that we wrote since. `size` is the bytes of all keys and values.

    `changes` counts how often what is known has changed. The revision would not do: our own write may be known before
    the older one of somebody else, which then changes what is known, and not the highest revision of it.
    """

    revision: int = 0
    changes: int = 0
    size: int = 0
    records: dict[str, Record] = field(default_factory=dict)
    _sizes: dict[str, int] = field(default_factory=dict)
    #: Keys that we know beyond `revision`, with the revision at which we know them.
    _ahead: dict[str, int] = field(default_factory=dict)

    def size_of(self, key: str) -> int:
        """Bytes that this record takes; 0 where there is none."""
        return self._sizes.get(key, 0)

    def loading(self) -> None:
        """A load begins: it will hold all that was written before it."""
        self._ahead.clear()

    def load(self, entries: Iterable[Entry], revision: int) -> bool:
        """The store holds `entries` at `revision`, and nothing else. Whether that changes what was known."""
        found = {entry.key: entry for entry in entries}
        for key in self.records.keys() - found.keys():
            found[key] = Entry(key, None, revision)
        return self.follow(found.values(), revision)

    def follow(self, entries: Iterable[Entry], revision: int) -> bool:
        """The store changed by `entries` and is known up to `revision`. Whether that changes what was known."""
        changed = [self._set(entry) for entry in entries if entry.revision >= self._ahead.get(entry.key, 0)]
        self.revision = revision
        self._ahead = {key: at for key, at in self._ahead.items() if at > revision}
        return any(changed)

    def know(self, entry: Entry) -> bool:
        """`entry` came as the answer to a write, perhaps before the change. Whether that changes what was known."""
        # Up to `revision` everything is known already.
        if entry.revision <= max(self.revision, self._ahead.get(entry.key, 0)):
            return False
        self._ahead[entry.key] = entry.revision
        return self._set(entry)

    def _set(self, entry: Entry) -> bool:
        before, after = self.records.get(entry.key), entry.record()
        if before == after:
            return False
        self.size -= self._sizes.pop(entry.key, 0)
        if after is None:
            self.records.pop(entry.key, None)
        else:
            self.records[entry.key] = after
            self._sizes[entry.key] = len(entry.key.encode()) + len(entry.content or b"")
            self.size += self._sizes[entry.key]
        self.changes += 1
        return True
