"""etcd through its JSON gateway, by client certificate: of its members the one that answers.

What the answers look like: `trebol_node.store.answers`.
"""

from __future__ import annotations

import ssl
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx

from trebol_node.pki import AUTHORITY, CLIENT, FOLDER
from trebol_node.store.configuration import PROGRESS
from trebol_node.store.connection import Connection
from trebol_node.store.endpoints import Endpoints
from trebol_node.store.errors import Conflict, Unavailable
from trebol_node.store.view import Entry

#: What all keys of records begin with.
PREFIX = "/trebol/v1/"

#: A watch says that it lives every `PROGRESS` seconds; one that misses three is lost.
_WATCH = httpx.Timeout(10, connect=3, read=3 * PROGRESS + 1)

#: A large file on a slow disk may take a while to begin.
_SNAPSHOT = httpx.Timeout(10, connect=3, read=60)

#: Entries that are read at once.
_PAGE = 500


class Compacted(Exception):
    """The store has forgotten the revision that a watch was to start from, or never had it: load again."""


@dataclass(frozen=True)
class Change:
    """What a watch tells: `entries` that changed, after which all is known up to `revision`."""

    entries: tuple[Entry, ...]
    revision: int


class Gateway:
    """The gateway at `urls`: of one member or several, the preferred one first.

    One that cannot be reached or has no leader is left for the next; a write whose answer was lost is never repeated.
    `tls` makes the context when it is first needed: certificates may come later.

    All methods raise Unavailable where no member answers, there is no quorum, or etcd refuses for a reason of its own
    (then it is a `Failure`).
    """

    def __init__(
        self,
        urls: str | Sequence[str],
        tls: Callable[[], ssl.SSLContext] | None = None,
        *,
        prefix: str = PREFIX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoints = Endpoints((urls,) if isinstance(urls, str) else urls, clock)
        self._connection = Connection(self._endpoints, tls, clock)
        self._prefix = prefix

    @property
    def url(self) -> str:
        """Which member is asked next."""
        return self._endpoints.order()[0]

    def use(self, urls: Sequence[str]) -> None:
        """Ask these members from now on, the preferred one first. What is being asked, or watched, goes on."""
        self._endpoints.replace(urls)

    def load(self) -> tuple[tuple[Entry, ...], int]:
        """All records at one revision, and that."""
        entries: list[Entry] = []
        start, revision = self._prefix, 0
        while True:
            asked = {"key": _coded(start), "range_end": _coded(_end(self._prefix)), "limit": _PAGE}
            if revision:
                asked["revision"] = str(revision)
            answer = self.call("kv/range", asked)
            revision = revision or _revision(answer)
            page = [self._entry(stored) for stored in answer.get("kvs", ())]
            entries += page
            if not answer.get("more"):
                return tuple(entries), revision
            start = self._prefix + page[-1].key + "\0"

    def write(self, key: str, content: bytes | None, *, expected: int) -> Entry:
        """Write a record, or delete it (None), if it is at the revision `expected` (0: is not there).

        What is written, with its revision. Raises `Outdated` where it is not, TooLarge where etcd says so.
        """
        coded = _coded(self._prefix + key)
        change = (
            {"request_delete_range": {"key": coded}}
            if content is None
            else {"request_put": {"key": coded, "value": b64encode(content).decode()}}
        )
        answer = self.call(
            "kv/txn",
            {
                "compare": [{"key": coded, "target": "MOD", "mod_revision": str(expected)}],
                "success": [change],
                "failure": [{"request_range": {"key": coded}}],
            },
            writes=True,
        )
        if answer.get("succeeded"):
            return Entry(key, content, _revision(answer))
        found = answer["responses"][0]["response_range"].get("kvs", ())
        raise Outdated(self._entry(found[0]) if found else Entry(key, None, _revision(answer)), expected)

    def watch(self, after: int) -> Iterator[Change]:
        """What changes after the revision `after`; first of all an empty change: the watch stands.

        Never ends by itself: raises Unavailable where it is lost, also to `interrupt`, and Compacted.
        """
        asked = {
            "key": _coded(self._prefix),
            "range_end": _coded(_end(self._prefix)),
            "start_revision": str(after + 1),
            "progress_notify": True,
        }
        for message in self._connection.follow("watch", {"create_request": asked}, _WATCH):
            yield self._change(message, after)

    def snapshot(self, into: IO[bytes]) -> None:
        """Write the store's file, and at its end the checksum of it, as `etcdctl snapshot save` does.

        etcdctl itself waits for ever where nothing answers.
        """
        for message in self._connection.download("maintenance/snapshot", _SNAPSHOT):
            into.write(b64decode(message["result"].get("blob", "")))

    def interrupt(self) -> None:
        """Let the watch that another thread reads end at once."""
        self._connection.interrupt()

    def call(self, path: str, body: Mapping[str, Any], *, writes: bool = False) -> dict[str, Any]:
        """One request, such as "kv/range", and its answer. Without one, nobody knows whether it `writes` or not."""
        return self._connection.request(path, body, writes=writes)

    def close(self) -> None:
        """End all connections."""
        self._connection.close()

    def _change(self, message: Mapping[str, Any], after: int) -> Change:
        result = message["result"]
        if result.get("canceled"):
            raise Compacted
        if result.get("created"):
            # A store that is behind what was just read from it is another one: put back from a snapshot.
            if _revision(result) < after:
                raise Compacted
            return Change((), after)
        entries = tuple(self._entry(event["kv"], event.get("type", "PUT")) for event in result.get("events", ()))
        # The header is as of now, and events up to then may still come; a message without any says that none will.
        return Change(entries, entries[-1].revision if entries else _revision(result))

    def _entry(self, stored: Mapping[str, Any], kind: str = "PUT") -> Entry:
        key = b64decode(stored["key"]).decode(errors="replace").removeprefix(self._prefix)
        content = None if kind == "DELETE" else b64decode(stored.get("value", ""))
        return Entry(key, content, int(stored["mod_revision"]))


class Outdated(Conflict):
    """See `Conflict`; `found` is what is there instead."""

    def __init__(self, found: Entry, expected: int) -> None:
        self.found = found
        if found.content is None:
            what = "does not exist"
        elif expected == 0:
            what = "already exists"
        else:
            what = f"has been changed since it was read: it is at revision {found.revision}, not {expected}"
        super().__init__(what, where=found.key, hint="read it again")


class TlsSource:
    """Makes the context with which the store lets in, from the node's CA and the client certificate in `folder`."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder

    def __call__(self) -> ssl.SSLContext:
        """Raises Unavailable where a file is missing, cannot be read or is damaged."""
        pair, authority = CLIENT.pair(self._folder), AUTHORITY.pair(self._folder).certificate
        try:
            context = ssl.create_default_context(cafile=authority)
            context.load_cert_chain(pair.certificate, pair.key)
        except OSError as error:  # ssl.SSLError is one.
            raise Unavailable(
                f"its certificates cannot be used: {error.strerror or error}",
                where=str(self._folder),
                hint="see: systemctl status trebol-keys",
            ) from error
        return context


def _revision(answer: Mapping[str, Any]) -> int:
    return int(answer["header"].get("revision", 0))


def _coded(text: str) -> str:
    return b64encode(text.encode()).decode()


def _end(prefix: str) -> str:
    """The first key after all that begin with `prefix`."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
