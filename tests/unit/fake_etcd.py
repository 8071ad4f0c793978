"""A store that speaks as etcd 3.5.16's JSON gateway was seen to: keys, transactions, watches, compaction, quorum.

`tests/image/test_store.py` lets the same tests run against etcd itself.
"""

from __future__ import annotations

import http.server
import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, ClassVar

CLUSTER = {"cluster_id": "15390402555176671649", "member_id": "9594593424380612369", "raft_term": "2"}

NO_LEADER = (503, {"code": 14, "message": "etcdserver: no leader"})
TIMED_OUT = (503, {"code": 14, "message": "etcdserver: request timed out"})
COMPACTED = (400, {"code": 11, "message": "etcdserver: mvcc: required revision has been compacted"})
NOT_FOUND = (404, {"code": 5, "message": "Not Found"})


@dataclass(frozen=True)
class Written:
    """One change: a value, or None for a deletion."""

    revision: int
    key: bytes
    value: bytes | None


class FakeEtcd:
    """One member's state. `leader` is whether it has one; `url` where it is served."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.history: list[Written] = []
        self.revision = 1
        self.compacted = 0
        self.leader = True
        self.url = ""
        #: How often each path was asked for, and what is done before a watch or the next page is answered.
        self.asked: dict[str, int] = {}
        self.before: dict[str, Callable[[], None]] = {}
        #: Answers that are given instead, by path.
        self.refusals: dict[str, tuple[int, Mapping[str, Any]]] = {}
        self.silent = False
        self.file = b""
        self._cut = 0
        self._ticks = 0

    def put(self, key: str, value: bytes | None) -> None:
        """A change by somebody else."""
        with self.changed:
            self._write(f"/trebol/v1/{key}".encode(), value)

    def compact(self) -> None:
        """Forget all that is not there any more."""
        with self.changed:
            self.compacted = self.revision

    def replace(self) -> None:
        """Another store, empty, at the first revision; connections end."""
        with self.changed:
            self.history.clear()
            self.revision, self.compacted = 1, 0
        self.cut()

    def cut(self) -> None:
        """End all watches."""
        with self.changed:
            self._cut += 1
            self.changed.notify_all()

    def lose_leader(self, lost: bool = True) -> None:
        """Lose the quorum, or find it again."""
        with self.changed:
            self.leader = not lost
            self.changed.notify_all()

    def tick(self) -> None:
        """Let silent watches say that they live."""
        with self.changed:
            self._ticks += 1
            self.changed.notify_all()

    def wait_until(self, happened: Callable[[], bool], seconds: float = 10) -> None:
        """Wait for something that requests change."""
        with self.changed:
            assert self.changed.wait_for(happened, seconds), "it did not happen"

    def answer(self, path: str, body: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        """What one request is answered with."""
        with self.changed:
            self.asked[path] = self.asked.get(path, 0) + 1
            self.changed.notify_all()
            if path in self.refusals:
                return self.refusals[path]
            match path:
                case "kv/range":
                    return self._range(body) if self.leader else TIMED_OUT
                case "kv/txn":
                    return self._txn(body) if self.leader else TIMED_OUT
                case "maintenance/status":
                    return 200, {"header": self.header(), "version": "3.5.16", "dbSize": "20480"}
                case "maintenance/alarm":
                    return 200, {"header": self.header()}
                case "cluster/member/list":
                    return 200, {"header": self.header(), "members": [{"ID": "9594593424380612369", "name": "node1"}]}
                case _:
                    return NOT_FOUND

    def watch(self, body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The lines of a watch, until it is cut."""
        asked = body["create_request"]
        start, end = b64decode(asked["key"]), b64decode(asked["range_end"])
        position = int(asked.get("start_revision", 0)) or self.revision + 1
        with self.changed:
            cut, ticks = self._cut, self._ticks
            self.asked["watch"] = self.asked.get("watch", 0) + 1
            self.changed.notify_all()
            yield {"result": {"header": self.header(), "created": True}}
            if position < self.compacted:
                cancelled = {"canceled": True, "compact_revision": str(self.compacted)}
                yield {"result": {"header": dict(CLUSTER), **cancelled}}
            while self._cut == cut:
                if not self.leader:
                    yield {"error": NO_LEADER[1]}
                    return
                events = [w for w in self.history if w.revision >= position and start <= w.key < end]
                if events and not self.silent:
                    position = self.revision + 1
                    yield {"result": {"header": self.header(), "events": [_event(written) for written in events]}}
                elif self._ticks != ticks and not self.silent:
                    ticks = self._ticks
                    yield {"result": {"header": self.header()}}
                else:
                    self.changed.wait()

    def snapshot(self) -> Iterator[Mapping[str, Any]]:
        """Its file in pieces, the checksum in the last one."""
        pieces = [self.file[start : start + 700] for start in range(0, len(self.file), 700)]
        for number, piece in enumerate(pieces):
            left = sum(map(len, pieces[number + 1 :]))
            more = {"remaining_bytes": str(left)} if left else {}
            yield {"result": {"header": self.header(), "blob": b64encode(piece).decode(), **more}}

    def header(self) -> dict[str, str]:
        """As it stands in every answer."""
        return {**CLUSTER, "revision": str(self.revision)}

    def _range(self, body: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        revision = int(body.get("revision", 0)) or self.revision
        if revision < self.compacted:
            return COMPACTED
        start = b64decode(body["key"])
        end = b64decode(body["range_end"]) if "range_end" in body else start + b"\0"
        found = {written.key: written for written in self.history if written.revision <= revision}
        there = [found[key] for key in sorted(found) if start <= key < end and found[key].value is not None]
        limit = int(body.get("limit", 0)) or len(there)
        answer: dict[str, Any] = {"header": self.header()}
        if there:
            answer |= {"kvs": [_stored(written) for written in there[:limit]], "count": str(len(there))}
        if there[limit:]:
            answer["more"] = True
        return 200, answer

    def _txn(self, body: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        (compare,) = body["compare"]
        assert compare["target"] == "MOD"
        key = b64decode(compare["key"])
        found = [written for written in self.history if written.key == key]
        at = found[-1].revision if found and found[-1].value is not None else 0
        if at != int(compare["mod_revision"]):
            _status, there = self._range(body["failure"][0]["request_range"])
            response = {**there, "header": {"revision": str(self.revision)}}
            return 200, {"header": self.header(), "responses": [{"response_range": response}]}
        (change,) = body["success"]
        if put := change.get("request_put"):
            self._write(key, b64decode(put["value"]))
        elif at:
            self._write(key, None)
        return 200, {"header": self.header(), "succeeded": True, "responses": [{}]}

    def _write(self, key: bytes, value: bytes | None) -> None:
        self.revision += 1
        self.history.append(Written(self.revision, key, value))
        self.changed.notify_all()


def _stored(written: Written) -> dict[str, str]:
    kv = {"key": b64encode(written.key).decode(), "mod_revision": str(written.revision)}
    return kv | ({"value": b64encode(written.value).decode()} if written.value else {})


def _event(written: Written) -> dict[str, Any]:
    kind = {"type": "DELETE"} if written.value is None else {}
    return {**kind, "kv": _stored(written)}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    etcd: ClassVar[FakeEtcd]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        path = self.path.removeprefix("/v3/")
        if before := self.etcd.before.pop(path, None):
            before()
        if path == "maintenance/snapshot" and path not in self.etcd.refusals:
            self._stream(self.etcd.snapshot())
        elif path != "watch":
            self._send(*self.etcd.answer(path, body))
        elif not self.etcd.leader:
            self._send(NO_LEADER[0], {"error": NO_LEADER[1]})
        else:
            self._stream(self.etcd.watch(body))

    def _send(self, status: int, answer: Mapping[str, Any]) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, messages: Iterator[Mapping[str, Any]]) -> None:
        """One chunk each; a watch has no last one: etcd ends while its clients still read."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        with suppress(BrokenPipeError, ConnectionResetError):
            for message in messages:
                line = json.dumps(message).encode() + b"\n"
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            if self.path.endswith("snapshot"):
                self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


@contextmanager
def serving(etcd: FakeEtcd, *, port: int = 0) -> Iterator[FakeEtcd]:
    """Serve it on loopback."""
    handler = type("Handler", (_Handler,), {"etcd": etcd})
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        etcd.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield etcd
        finally:
            etcd.cut()
            server.shutdown()
            thread.join()
