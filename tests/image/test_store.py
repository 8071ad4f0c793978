"""The store on the appliance's own etcd: records, quorum, certificates, snapshots, restore."""

from __future__ import annotations

import signal
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.records_behaviour import BEHAVIOUR, KEY, wait_for

from trebol_common.errors import BadInput
from trebol_common.run import Argument, CommandRunner, Completed
from trebol_image.mounts import mounted
from trebol_node.pki import API, CLIENT, Pair, names_of, prepare
from trebol_node.store.configuration import Configuration, render
from trebol_node.store.errors import Unavailable
from trebol_node.store.etcd import EtcdRecords
from trebol_node.store.gateway import Compacted, Gateway, TlsSource
from trebol_node.store.records import Records
from trebol_node.store.restore import BUMP, restore
from trebol_node.store.snapshots import content, save
from trebol_node.store.status import status

#: Seconds that etcd has to start and to stop, on a busy machine.
PATIENCE = 60

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


class Store:
    """etcd in a tree of the base layer; `folder` is there under the same path. The tree's programs, as a `Runner`."""

    def __init__(self, tree: Path, folder: Path) -> None:
        self.tree, self.folder = tree, folder
        self.pki = folder / "pki"
        self.configuration = Configuration(
            "node1",
            data=folder / "etcd/trebol",
            client_url=f"https://127.0.0.1:{free_port()}",
            peer_url=f"https://127.0.0.1:{free_port()}",
        )
        self._real = CommandRunner()
        self._process: subprocess.Popen[bytes] | None = None
        prepare(names_of("node1", "", ()), self._real, folder=self.pki, own=lambda _path, _group: None)
        self.configuration.data.parent.mkdir()

    def start(self) -> None:
        """Start etcd and wait until it answers."""
        settings = self.folder / "store.yaml"
        settings.write_text(render(self.configuration, pki=self.pki))
        log = (self.folder / "etcd.log").open("ab")
        command = self._inside("etcd", "--config-file", str(settings))
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        records = self.records()
        try:
            assert records.wait(PATIENCE), records.problem + (self.folder / "etcd.log").read_text()[-2000:]
        finally:
            records.close()

    def stop(self, *, kill: bool = False) -> None:
        """Stop etcd, or kill it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            self._process.wait(PATIENCE)
            self._process = None

    def records(self) -> EtcdRecords:
        """Records over it, started, with a copy of their own."""
        made = EtcdRecords(self.gateway(), self.folder / f"copy-{len(list(self.folder.iterdir()))}.json")
        made.start()
        return made

    def gateway(self) -> Gateway:
        """Its gateway, by the client certificate."""
        return Gateway(self.configuration.client_url, TlsSource(self.pki))

    def run(self, command: Sequence[Argument], **options: Any) -> Completed:
        """See `Runner.run`: programs of the appliance; systemctl starts and stops this etcd."""
        words = tuple(str(word) for word in command)
        if words[0] == "systemctl":
            if words[1] == "start":
                self.start()
            else:
                self.stop()
            return Completed(0)
        return self._real.run(self._inside(*words), check=options.get("check", True))

    def _inside(self, *words: str) -> list[str]:
        return ["chroot", str(self.tree), *words]


@pytest.fixture
def store(bare_base: Path, tmp_path: Path) -> Iterator[Store]:
    folder = tmp_path / "store"
    folder.mkdir()
    with mounted(["--bind", folder], bare_base / folder.relative_to("/"), CommandRunner()):
        made = Store(bare_base, folder)
        try:
            made.start()
            yield made
        finally:
            made.stop(kill=True)


@pytest.fixture
def opened(store: Store) -> Iterator[Callable[[], EtcdRecords]]:
    """Opens records over the store; all are closed in the end."""
    with ExitStack() as stack:

        def opening() -> EtcdRecords:
            made = store.records()
            stack.callback(made.close)
            assert made.wait(PATIENCE), made.problem
            return made

        yield opening


def empty(records: Records) -> None:
    for record in records.below(""):
        records.delete(record.key, expected=record.revision)


@pytest.mark.timeout(300)
def test_records_behave_as_they_do_without_etcd(opened: Callable[[], EtcdRecords]) -> None:
    for behaves in BEHAVIOUR:
        records = opened()
        empty(records)
        behaves(records)


@pytest.mark.timeout(300)
def test_a_store_that_is_killed_loses_nothing_and_is_found_again(
    store: Store, opened: Callable[[], EtcdRecords]
) -> None:
    one, other = opened(), opened()
    written = one.put(KEY, {"enable": 1}, expected=0)
    wait_for(other, lambda: other.get(KEY) == written)
    store.stop(kill=True)
    # A write that comes before it is noticed fails as well.
    with pytest.raises(Unavailable):
        one.put(KEY, {"enable": 0}, expected=written.revision)
    assert one.get(KEY) == written
    assert not status(store.gateway(), free=0).quorate
    store.start()
    assert one.wait(PATIENCE) and one.get(KEY) == written
    one.put(KEY, {"enable": 0}, expected=written.revision)


@pytest.mark.timeout(300)
def test_what_etcd_forgets_while_nobody_listens_is_read_anew(store: Store, opened: Callable[[], EtcdRecords]) -> None:
    """A compaction past the revision of a watch ends it, and a watch from the future is one of another store."""
    records = opened()
    record = records.put("counter", {"count": 0}, expected=0)
    for number in range(5):
        record = records.put("counter", {"count": number}, expected=record.revision)
    gateway = store.gateway()
    gateway.call("kv/compaction", {"revision": str(record.revision)})
    with pytest.raises(Compacted):
        list(gateway.watch(record.revision - 4))
    with pytest.raises(Compacted):
        list(gateway.watch(record.revision + 1000))
    records.put("counter", {"count": 9}, expected=record.revision)


@pytest.mark.timeout(300)
def test_many_large_records_are_read(store: Store, opened: Callable[[], EtcdRecords]) -> None:
    """More than gRPC's usual 4 MiB in one answer, and more than one page."""
    records = opened()
    for number in range(30):
        records.put(f"large/{number:02}", {"notes": "x" * 250_000}, expected=0)
    for number in range(520):
        records.put(f"small/{number:03}", {}, expected=0)
    other = opened()
    assert len(other.below("large/")) == 30 and len(other.below("small/")) == 520
    assert status(store.gateway(), free=0).size == other.size == records.size


@pytest.mark.timeout(300)
def test_nobody_gets_in_without_a_client_certificate(store: Store) -> None:
    def by(pair: Pair | None) -> Gateway:
        context = ssl.create_default_context(cafile=store.pki / "ca.pem")
        if pair is not None:
            context.load_cert_chain(pair.certificate, pair.key)
        return Gateway(store.configuration.client_url, lambda: context)

    # The API's certificate is no client's.
    for pair in (None, API.pair(store.pki)):
        with pytest.raises(Unavailable):
            by(pair).load()
    by(CLIENT.pair(store.pki)).load()


@pytest.mark.timeout(300)
def test_a_snapshot_is_put_back_and_no_revision_comes_twice(store: Store, opened: Callable[[], EtcdRecords]) -> None:
    records = opened()
    then = records.put(KEY, {"enable": 1}, expected=0)
    snapshot = store.folder / "some.db"
    save(snapshot, store.gateway())
    assert content(snapshot, store).revision == then.revision
    later = records.put(KEY, {"enable": 0}, expected=then.revision)
    records.put("options", {}, expected=0)

    told = list(restore(snapshot, store.configuration, store, now=NOW, owner="root:root"))

    wait_for(records, lambda: records.get("options") is None, seconds=PATIENCE)
    assert records.wait(PATIENCE)
    found = records.get(KEY)
    assert found is not None and found.value == {"enable": 1}
    again = records.put(KEY, {"enable": 2}, expected=found.revision)
    assert again.revision > BUMP > later.revision
    assert told[-1].endswith("trebol.20261128T120000Z")
    assert (store.folder / "etcd/trebol.20261128T120000Z/member").is_dir()


@pytest.mark.timeout(300)
def test_a_damaged_snapshot_is_refused_and_the_store_goes_on(store: Store, opened: Callable[[], EtcdRecords]) -> None:
    records = opened()
    records.put(KEY, {"comment": "before"}, expected=0)
    snapshot = store.folder / "some.db"
    save(snapshot, store.gateway())
    snapshot.write_bytes(snapshot.read_bytes().replace(b"before", b"behind"))
    with pytest.raises(BadInput, match="is damaged"):
        list(restore(snapshot, store.configuration, store, now=NOW, owner="root:root"))
    assert records.quorate
    store.stop()
    with pytest.raises(Unavailable):
        save(store.folder / "none.db", store.gateway())
    assert not list(store.folder.glob("*none.db*"))
