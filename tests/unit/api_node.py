"""A node's API as tests reach it: the application over fakes, in this process or behind a real server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from trebol_common.run import CommandRunner
from trebol_node.access import Accounts, Identity, Writes, changes, keys, passwords
from trebol_node.api.app import make_app
from trebol_node.api.audit import Entry
from trebol_node.api.context import Context
from trebol_node.api.server import Server, tls_context, unix_socket
from trebol_node.cluster.view import status
from trebol_node.store.records import MemoryRecords
from trebol_node.tasks import Tasks
from trebol_node.worker.errors import AuthenticationFailed
from trebol_node.worker.operations import Authenticate

NODE = "node1"
NOW = 1_790_000_000.0
ROOT_PASSWORD = "correct horse"


@dataclass
class TestClock:
    """Stands still until a test moves it; who sleeps wakes at once, and it is remembered for how long."""

    __test__ = False

    time: float = NOW
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


@dataclass
class Lines:
    """An audit log in memory."""

    entries: list[Entry] = field(default_factory=list)

    def write(self, entry: Entry) -> None:
        self.entries.append(entry)


@dataclass
class FakeWorker:
    """Knows the passwords of system users, and remembers what it was asked."""

    passwords: dict[str, str] = field(default_factory=lambda: {"root": ROOT_PASSWORD})
    seen: list[tuple[str, Any]] = field(default_factory=list)

    async def call(self, operation: Any, *, who: str) -> Any:
        self.seen.append((who, operation))
        if isinstance(operation, Authenticate):
            if self.passwords.get(operation.user) != operation.password.get_secret_value():
                raise AuthenticationFailed
            return None
        raise AssertionError(f"unexpected operation {operation.name}")


async def entry() -> Mapping[str, Any]:
    """This node's entry of `GET /nodes`."""
    return {
        "cpu": 0.25,
        "disk": 5 * 2**30,
        "id": f"node/{NODE}",
        "level": "",
        "maxcpu": 4,
        "maxdisk": 50 * 2**30,
        "maxmem": 8 * 2**30,
        "mem": 2 * 2**30,
        "node": NODE,
        "status": "online",
        "type": "node",
        "uptime": 3600,
    }


ADDRESSES = ("192.0.2.10", "2001:db8::10")


def context(folder: Path, records: MemoryRecords | None = None) -> Context:
    """A node of its own, with its tasks below `folder`."""
    found = MemoryRecords() if records is None else records
    for write in keys.rotation(Accounts(), NOW, "ab" * 32):
        assert write.value is not None
        found.put(f"access/{write.key}", write.value, expected=0)
    return Context(
        node=NODE,
        records=found,
        worker=FakeWorker(),
        tasks=Tasks(folder / "tasks"),
        entry=entry,
        addresses=lambda: ADDRESSES,
        membership=lambda: status(found, NODE, ADDRESSES, None),
        audit=Lines(),
        clock=TestClock(),
        root=frozenset({os.getuid()}),
    )


def with_accounts(found: Context) -> Context:
    """With people: ana, who may look at everything, eva, who may nothing, and gone, whose account is disabled."""
    accounts = found.accounts.read()
    for name in ("ana", "eva", "gone"):
        hashed = passwords.hash_password(f"password of {name}", cost=passwords.Cost(4, 1, 1))
        user = f"{name}@trebol"
        _put(found, changes.create_user(accounts, user, now=NOW - 60, enable=name != "gone", password_hash=hashed))
        accounts = found.accounts.read()
    root = Identity("root@pam")
    _put(found, changes.update_acl(accounts, root, "/", roles="PVEAuditor", users="ana@trebol"))
    return found


def _put(found: Context, writes: Writes) -> None:
    for key, value in writes:
        assert value is not None
        record = found.records.get(f"access/{key}")
        found.records.put(f"access/{key}", value, expected=0 if record is None else record.revision)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost and its key."""
    made, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    CommandRunner().run([*command, *subject, "-days", "2", "-keyout", key, "-out", made])
    return made, key


@dataclass(frozen=True)
class LiveNode:
    """A node behind TLS on `port` of loopback, and on the unix socket `path`."""

    context: Context
    port: int
    path: Path
    certificate: Path

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/api2/json"


@contextlib.contextmanager
def serving(
    found: Context, folder: Path, *, routers: Sequence[APIRouter] = (), pair: tuple[Path, Path] | None = None
) -> Iterator[LiveNode]:
    """The node while the block runs; `pair` is its certificate and key, by default ones of its own."""
    chain, key = pair or certificate(folder)
    network = socket.create_server(("127.0.0.1", 0))
    port = network.getsockname()[1]
    path = folder / "api.sock"
    ready = threading.Event()

    async def on_ready() -> None:
        ready.set()

    server = Server(
        make_app(found, routers=routers),
        plain=[unix_socket(path)],
        secure=[network],
        tls=tls_context(chain, key),
        on_ready=on_ready,
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield LiveNode(found, port, path, chain)
    finally:
        server.should_exit = True
        thread.join(20)
