"""Records over etcd: loaded, followed by its watch, and kept in a copy on disk for boots without it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from trebol_node.store.copy import read_copy, write_copy
from trebol_node.store.errors import NotBegun, Unavailable
from trebol_node.store.gateway import Change, Compacted, Gateway
from trebol_node.store.records import Records
from trebol_node.store.view import Entry, Record

#: Where trebold keeps its copy.
COPY = Path("/var/lib/trebold/records.json")

#: Seconds until the store is tried again: at first, and at most. A restart of etcd takes about one.
_FIRST, _LONGEST = 0.2, 3.0

#: Seconds for which a write waits for a new leader: an election takes one or two. Longer, each would hold a thread
#: while the store is lost for good.
PATIENCE = 5.0

#: Seconds until a write that nobody took is tried again.
_AGAIN = 0.2

#: Seconds between two writes of the copy, so that a burst of changes is not one file each.
_COPY_EVERY = 1.0

_log = logging.getLogger(__name__)


class EtcdRecords(Records):
    """The records that the store behind `gateway` holds, and a copy of them at `copy`.

    `start` reads the copy and begins to follow in a thread of its own. Until `wait` says so, the copy is what is
    known. A write waits for the store so many seconds of `patience` from the moment on that it was lost, as long as
    nothing was begun: that is none which is made twice.
    """

    def __init__(
        self,
        gateway: Gateway,
        copy: Path = COPY,
        *,
        patience: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[threading.Event, float], object] = threading.Event.wait,
    ) -> None:
        super().__init__()
        self._gateway = gateway
        self._copy = copy
        self._patience = patience
        self._clock = clock
        self._pause = pause
        #: When it was lost last; None: it never was there.
        self._lost_at: float | None = None
        self._closing = threading.Event()
        self._current = threading.Event()
        self._follower = threading.Thread(target=self._run, name="records", daemon=True)
        self._copied: tuple[dict[str, Record], float] | None = None
        self._copy_failed = False
        self._problem = "not read yet"

    @property
    def quorate(self) -> bool:
        """See `Records.quorate`."""
        return self._current.is_set()

    @property
    def problem(self) -> str:
        """Why it is not quorate; empty where it is."""
        return "" if self.quorate else self._problem

    def start(self) -> None:
        """Know what the copy says, and follow the store from now on."""
        entries, revision = read_copy(self._copy)
        with self._lock:
            self._view.load(entries, revision)
        self._tell()
        self._follower.start()

    def wait(self, seconds: float) -> bool:
        """Wait until what is known is what the store holds; whether it is."""
        return self._current.wait(seconds)

    def close(self) -> None:
        """End the thread, and bring the copy up to date."""
        self._closing.set()
        self._gateway.interrupt()
        if self._follower.is_alive():
            self._follower.join()
        self._gateway.close()

    def _commit(self, key: str, content: bytes | None, expected: int) -> Entry:
        begun = self._clock()
        while True:
            self._await()
            try:
                return self._gateway.write(key, content, expected=expected)
            except NotBegun:
                # The watch, which notices too, would have it wait above; it may be a moment behind.
                if self._clock() + _AGAIN > begun + self._patience or self._closing.is_set():
                    raise
                self._pause(self._closing, _AGAIN)

    def _await(self) -> None:
        """Wait until the store is there: what was lost long ago, not at all. Raises Unavailable."""
        left = 0.0 if self._lost_at is None else self._lost_at + self._patience - self._clock()
        if not self.quorate and not self._current.wait(max(0.0, left)):
            # etcd would think about it for seconds first.
            raise Unavailable(
                "is read-only: the store does not answer or has no quorum",
                where="records",
                hint="see: trebol node store status",
            )

    def _run(self) -> None:
        delay = _FIRST
        while not self._closing.is_set():
            try:
                self._load()
                for change in self._gateway.watch(self._view.revision):
                    if self._closing.is_set():
                        break
                    delay = _FIRST
                    self._follow(change)
            except Compacted:
                continue
            except Unavailable as error:
                self._lost(error)
            self._pause(self._closing, delay)
            delay = min(2 * delay, _LONGEST)
        self._keep(at_once=True)

    def _load(self) -> None:
        with self._lock:
            self._view.loading()
        entries, revision = self._gateway.load()
        foreign = [entry.key for entry in entries if entry.record() is None]
        if foreign:
            _log.warning("records: left out what is no JSON object: %s", ", ".join(foreign))
        with self._lock:
            changed = self._view.load(entries, revision)
        if changed:
            self._tell()
        self._keep(at_once=True)

    def _follow(self, change: Change) -> None:
        with self._lock:
            changed = self._view.follow(change.entries, change.revision)
        if not self._current.is_set():
            _log.info("records: up to date with the store, revision %d", self._view.revision)
            self._current.set()
        if changed:
            self._tell()
        # A silent watch sends something every few seconds, so that what is left for later is not left for long.
        self._keep()

    def _lost(self, error: Unavailable) -> None:
        self._problem = str(error)
        if self._current.is_set():
            self._lost_at = self._clock()
            if not self._closing.is_set():
                _log.warning("records: read-only from now on: %s", error)
        self._current.clear()

    def _keep(self, *, at_once: bool = False) -> None:
        """Bring the copy on disk up to date, if it is not; not too often, unless `at_once`."""
        now = self._clock()
        with self._lock:
            revision, records = self._view.revision, dict(self._view.records)
        if self._copied is not None:
            copied, when = self._copied
            if copied == records or (not at_once and now - when < _COPY_EVERY):
                return
        try:
            write_copy(self._copy, records.values(), revision)
        except OSError as error:  # A full disk must not stop what is followed; tried again with the next change.
            if not self._copy_failed:
                _log.error("records: %s cannot be written: %s", self._copy, error)
            self._copy_failed = True
            return
        self._copied, self._copy_failed = (records, now), False
