"""etcd through its JSON gateway: one member, by client certificate.

As seen on etcd 3.5.16: what is 0, false or empty is left out; 64-bit numbers are strings; keys and values are base64;
an error is {"code": …, "message": …}, in a stream below "error".
"""

from __future__ import annotations

import json
import logging
import socket
import ssl
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx

from trebol_node.pki import AUTHORITY, CLIENT, FOLDER
from trebol_node.store.configuration import PROGRESS
from trebol_node.store.errors import Conflict, TooLarge, Unavailable
from trebol_node.store.view import Entry

#: What all keys of records begin with.
PREFIX = "/trebol/v1/"

#: etcd itself gives up after 7 s (its election timeout twice, and 5 s).
_SECONDS = httpx.Timeout(10, connect=3)
#: A watch says that it lives every `PROGRESS` seconds; one that misses three is lost.
_WATCH = httpx.Timeout(10, connect=3, read=3 * PROGRESS + 1)

#: A large file on a slow disk may take a while to begin.
_SNAPSHOT = httpx.Timeout(10, connect=3, read=60)

#: Entries that are read at once.
_PAGE = 500

#: Makes etcd end a watch when its member has lost the quorum; else it would stay silent.
_NEEDS_LEADER = {"Grpc-Metadata-hasleader": "true"}

_HINT = "see: systemctl status trebol-store, journalctl -u trebol-store"

# Each request would be a line in the journal.
logging.getLogger("httpx").setLevel(logging.WARNING)

#: gRPC's codes, which the gateway hands on.
_INVALID, _EXHAUSTED = 3, 8


class Compacted(Exception):
    """The store has forgotten the revision that a watch was to start from, or never had it: load again."""


@dataclass(frozen=True)
class Change:
    """What a watch tells: `entries` that changed, after which all is known up to `revision`."""

    entries: tuple[Entry, ...]
    revision: int


class Gateway:
    """The gateway at `url`. `tls` makes the context for it when it is first needed: certificates may come later.

    All methods raise Unavailable where etcd does not answer, has no quorum, or refuses for a reason of its own.
    """

    def __init__(self, url: str, tls: Callable[[], ssl.SSLContext] | None = None, *, prefix: str = PREFIX) -> None:
        self.url = url
        self._tls = tls
        self._prefix = prefix
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._watching: httpx.Response | None = None

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
        with self._errors(writes=False):
            client = self._connected()
            request = {"create_request": asked}
            with client.stream("POST", "/v3/watch", json=request, headers=_NEEDS_LEADER, timeout=_WATCH) as response:
                self._watching = response
                try:
                    if response.status_code != httpx.codes.OK:
                        response.read()
                        raise _refusal(response.status_code, response.text, self.url)
                    for line in response.iter_lines():
                        yield self._change(line, after)
                finally:
                    self._watching = None
        raise Unavailable("the watch has ended", where=self.url, hint=_HINT)

    def snapshot(self, into: IO[bytes]) -> None:
        """Write the store's file, and at its end the checksum of it, as `etcdctl snapshot save` does.

        etcdctl itself waits for ever where nothing answers.
        """
        with (
            self._errors(writes=False),
            self._connected().stream("POST", "/v3/maintenance/snapshot", json={}, timeout=_SNAPSHOT) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise _refusal(response.status_code, response.read().decode(errors="replace"), self.url)
            for line in response.iter_lines():
                message = _parsed(line, self.url)
                if "error" in message:
                    raise Unavailable(f"the snapshot has ended: {message['error'].get('message')}", where=self.url)
                into.write(b64decode(message["result"].get("blob", "")))

    def interrupt(self) -> None:
        """Let the watch that another thread reads end at once."""
        response = self._watching
        stream = response.extensions.get("network_stream") if response is not None else None
        if stream is not None:
            # It may have ended by itself in this very moment.
            with suppress(OSError):
                stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    def call(self, path: str, body: Mapping[str, Any], *, writes: bool = False) -> dict[str, Any]:
        """One request, such as "kv/range", and its answer. Without one, nobody knows whether it `writes` or not."""
        with self._errors(writes=writes):
            response = self._connected().post(f"/v3/{path}", json=body)
        return _answer(response, self.url)

    def close(self) -> None:
        """End all connections."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _connected(self) -> httpx.Client:
        with self._lock:
            if self._client is None:
                # Without a context of its own no server is trusted.
                verify = self._tls() if self._tls is not None else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                # Never through a proxy: the store is this node's.
                self._client = httpx.Client(base_url=self.url, verify=verify, timeout=_SECONDS, trust_env=False)
            return self._client

    @contextmanager
    def _errors(self, *, writes: bool) -> Iterator[None]:
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Unavailable(f"cannot be reached: {_told(error)}", where=self.url, hint=_HINT) from error
        except httpx.HTTPError as error:
            unknown = "; whether the change was made is not known: read again" if writes else ""
            raise Unavailable(f"did not answer: {_told(error)}{unknown}", where=self.url, hint=_HINT) from error

    def _change(self, line: str, after: int) -> Change:
        message = _parsed(line, self.url)
        if "error" in message:
            raise Unavailable(f"the watch has ended: {message['error'].get('message')}", where=self.url, hint=_HINT)
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


def _answer(response: httpx.Response, url: str) -> dict[str, Any]:
    if response.status_code != httpx.codes.OK:
        raise _refusal(response.status_code, response.text, url)
    return _parsed(response.text, url)


def _parsed(text: str, url: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise Unavailable("answers with something else than etcd's JSON", where=url, hint=_HINT)
    return message


def _refusal(status: int, text: str, url: str) -> Unavailable | TooLarge:
    """What an answer other than 200 means."""
    try:
        said = json.loads(text)
        said = said.get("error", said)
        code, message = int(said["code"]), str(said["message"])
    except (ValueError, KeyError, TypeError, AttributeError):
        code, message = 0, f"HTTP status {status}"
    if code == _INVALID and "too large" in message:
        return TooLarge(message, where=url)
    if code == _EXHAUSTED:
        return Unavailable(f"takes no more: {message}", where=url, hint="see: trebol node store status")
    return Unavailable(message, where=url, hint=_HINT)


def _told(error: httpx.HTTPError) -> str:
    """Its words; some have none."""
    return str(error) or type(error).__name__


def _revision(answer: Mapping[str, Any]) -> int:
    return int(answer["header"].get("revision", 0))


def _coded(text: str) -> str:
    return b64encode(text.encode()).decode()


def _end(prefix: str) -> str:
    """The first key after all that begin with `prefix`."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
