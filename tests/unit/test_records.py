"""Records are written by compare-and-swap, followed, and known without the store."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from tests.unit.fake_etcd import FakeEtcd, serving
from tests.unit.records_behaviour import BEHAVIOUR, KEY, wait_for

from trebol_node.store import gateway, limits
from trebol_node.store.errors import Conflict, TooLarge, Unavailable
from trebol_node.store.etcd import EtcdRecords
from trebol_node.store.gateway import Gateway, TlsSource
from trebol_node.store.records import MemoryRecords, Records


@pytest.fixture
def etcd() -> Iterator[FakeEtcd]:
    with serving(FakeEtcd()) as served:
        yield served


@pytest.fixture
def opened(etcd: FakeEtcd, tmp_path: Path) -> Iterator[Callable[..., EtcdRecords]]:
    """Opens records over `etcd`, each with a copy of its own unless it is named; all are closed in the end."""
    with ExitStack() as stack:

        def opening(copy: str = "", *, current: bool = True) -> EtcdRecords:
            path = tmp_path / (copy or f"copy-{len(list(tmp_path.iterdir()))}-{id(object())}")
            made = EtcdRecords(Gateway(etcd.url), path, pause=lambda closing, _seconds: closing.wait(0.01))
            stack.callback(made.close)
            made.start()
            assert not current or made.wait(10), made.problem
            return made

        yield opening


@pytest.mark.parametrize("behaves", BEHAVIOUR, ids=lambda behaves: behaves.__name__)
@pytest.mark.parametrize("kind", ["memory", "etcd"])
def test_records_behave(kind: str, behaves: Callable[[Records], None], opened: Callable[..., EtcdRecords]) -> None:
    behaves(MemoryRecords() if kind == "memory" else opened())


def test_what_one_writes_the_other_sees(opened: Callable[..., EtcdRecords]) -> None:
    one, other = opened(), opened()
    written = one.put(KEY, {"enable": 1}, expected=0)
    wait_for(other, lambda: other.get(KEY) == written)
    one.delete(KEY, expected=written.revision)
    wait_for(other, lambda: other.get(KEY) is None)


def test_a_writer_that_was_too_slow_reads_at_once_what_is_there(
    etcd: FakeEtcd, opened: Callable[..., EtcdRecords]
) -> None:
    records = opened()
    etcd.silent = True
    etcd.put(KEY, b'{"by":"somebody else"}')
    with pytest.raises(Conflict, match="already exists"):
        records.put(KEY, {"by": "me"}, expected=0)
    found = records.get(KEY)
    assert found is not None and found.value == {"by": "somebody else"}
    records.put(KEY, {"by": "me"}, expected=found.revision)


def test_a_lost_connection_is_made_again_and_nothing_is_missed(
    etcd: FakeEtcd, opened: Callable[..., EtcdRecords]
) -> None:
    records = opened()
    etcd.put("before", b"{}")
    wait_for(records, lambda: records.get("before") is not None)
    etcd.before["kv/range"] = lambda: etcd.put("meanwhile", b"{}")
    etcd.cut()
    wait_for(records, lambda: records.get("meanwhile") is not None)
    etcd.put("before", None)
    wait_for(records, lambda: records.get("before") is None)


def test_a_watch_that_says_nothing_is_taken_for_lost(
    etcd: FakeEtcd, opened: Callable[..., EtcdRecords], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "_WATCH", httpx.Timeout(10, read=0.05))
    records = opened()
    etcd.silent = True
    etcd.put("unheard", b"{}")
    wait_for(records, lambda: records.get("unheard") is not None)


def test_a_compaction_between_reading_and_following_loses_nothing(
    etcd: FakeEtcd, opened: Callable[..., EtcdRecords]
) -> None:
    etcd.put("first", b"{}")

    def forget() -> None:
        etcd.put("first", None)
        for number in range(3):
            etcd.put(f"later/{number}", b"{}")
        etcd.compact()

    etcd.before["watch"] = forget
    records = opened(current=False)
    wait_for(records, lambda: len(records.below("later/")) == 3)
    assert records.get("first") is None


def test_many_records_are_read_as_they_were_at_one_moment(
    etcd: FakeEtcd, opened: Callable[..., EtcdRecords], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "_PAGE", 10)
    for number in range(25):
        etcd.put(f"n/{number:03}", b'{"by":"first"}')
    etcd.put("z", b'{"by":"first"}')
    loader = Gateway(etcd.url)
    etcd.before["kv/range"] = lambda: etcd.before.update({"kv/range": lambda: etcd.put("z", b'{"by":"second"}')})
    entries, revision = loader.load()
    loader.close()
    assert [entry.key for entry in entries] == [*(f"n/{number:03}" for number in range(25)), "z"]
    assert entries[-1].content == b'{"by":"first"}' and revision == 27
    records = opened()
    assert len(records.below("")) == 26


def test_without_quorum_all_is_read_and_nothing_written(etcd: FakeEtcd, opened: Callable[..., EtcdRecords]) -> None:
    records = opened()
    record = records.put(KEY, {"enable": 1}, expected=0)
    etcd.lose_leader()
    etcd.wait_until(lambda: not records.quorate)
    assert "no leader" in records.problem or "timed out" in records.problem
    assert records.get(KEY) == record
    asked = etcd.asked["kv/txn"]
    with pytest.raises(Unavailable, match="read-only") as caught:
        records.put(KEY, {"enable": 0}, expected=record.revision)
    assert "trebol node store status" in caught.value.problems[0].hint
    assert etcd.asked["kv/txn"] == asked
    etcd.lose_leader(False)
    assert records.wait(10)
    assert records.problem == ""
    records.put(KEY, {"enable": 0}, expected=record.revision)


def test_a_node_that_boots_without_its_store_knows_what_it_knew(
    etcd: FakeEtcd, opened: Callable[..., EtcdRecords], tmp_path: Path
) -> None:
    before = opened("records.json")
    record = before.put(KEY, {"password": "secret"}, expected=0)
    before.close()
    assert (tmp_path / "records.json").stat().st_mode & 0o777 == 0o600
    etcd.lose_leader()
    after = opened("records.json", current=False)
    assert after.get(KEY) == record
    assert not after.quorate
    with pytest.raises(Unavailable):
        after.delete(KEY, expected=record.revision)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 2, "revision": 1, "records": {}}', '{"records": {"k": {"value": "secret"}}}']
)
def test_a_damaged_copy_is_left_out_and_replaced(
    etcd: FakeEtcd,
    opened: Callable[..., EtcdRecords],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    text: str,
) -> None:
    (tmp_path / "records.json").write_text(text)
    etcd.put(KEY, b'{"enable":1}')
    assert opened("records.json").get(KEY) is not None
    assert "records.json is left out: it is damaged" in caplog.text and "secret" not in caplog.text
    assert json.loads((tmp_path / "records.json").read_text())["records"][KEY]["value"] == {"enable": 1}


def test_a_disk_that_takes_no_copy_stops_nothing(
    etcd: FakeEtcd, opened: Callable[..., EtcdRecords], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "records.json").mkdir()
    records = opened("records.json")
    etcd.put(KEY, b"{}")
    wait_for(records, lambda: records.get(KEY) is not None)
    assert "records.json cannot be written" in caplog.text


def test_a_store_put_back_from_a_snapshot_is_read_anew(etcd: FakeEtcd, opened: Callable[..., EtcdRecords]) -> None:
    records = opened()
    for number in range(3):
        records.put(f"n/{number}", {}, expected=0)
    etcd.replace()
    wait_for(records, lambda: records.below("") == ())
    assert records.wait(10)
    assert records.put("n/0", {}, expected=0).revision == 2


def test_what_somebody_else_stored_that_is_no_record_is_left_out(
    etcd: FakeEtcd, opened: Callable[..., EtcdRecords], caplog: pytest.LogCaptureFixture
) -> None:
    for key, content in (
        ("good", b'{"a":1}'),
        ("list", b"[1]"),
        ("text", b"hello"),
        ("bytes", b"\xff\xfe"),
        ("no", b""),
    ):
        etcd.put(key, content)
    records = opened()
    assert [record.key for record in records.below("")] == ["good"]
    assert "left out what is no JSON object: bytes, list, no, text" in caplog.text
    etcd.put("good", b"not JSON any more")
    wait_for(records, lambda: records.below("") == ())


def test_all_records_together_have_a_limit_and_may_shrink_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TOTAL", 1000)
    records = MemoryRecords()
    large = records.put("a", {"x": "y" * 900}, expected=0)
    with pytest.raises(TooLarge, match="all records together") as caught:
        records.put("b", {"x": "y" * 200}, expected=0)
    assert "delete" in caught.value.problems[0].hint
    records.put("a", {"x": "y" * 800}, expected=large.revision)
    records.put("b", {"x": "y" * 100}, expected=0)
    assert records.size == len("a") + len("b") + 2 * len('{"x":""}') + 900


@pytest.mark.parametrize(
    ("status", "answer", "error", "words"),
    [
        (400, {"code": 3, "message": "etcdserver: request is too large"}, TooLarge, "request is too large"),
        (400, {"code": 8, "message": "etcdserver: mvcc: database space exceeded"}, Unavailable, "space exceeded"),
        (503, {"code": 14, "message": "etcdserver: request timed out"}, Unavailable, "timed out"),
        (500, {"error": "?"}, Unavailable, "HTTP status 500"),
    ],
)
def test_what_the_store_refuses_is_told_in_its_words(
    etcd: FakeEtcd,
    opened: Callable[..., EtcdRecords],
    status: int,
    answer: dict[str, object],
    error: type[Exception],
    words: str,
) -> None:
    records = opened()
    etcd.refusals["kv/txn"] = (status, answer)
    with pytest.raises(error, match=words):
        records.put(KEY, {}, expected=0)
    assert records.get(KEY) is None


def test_without_certificates_the_store_is_not_there_and_the_hint_says_why(tmp_path: Path) -> None:
    tried = threading.Event()

    def pause(closing: threading.Event, _seconds: float) -> None:
        tried.set()
        closing.wait()

    away = Gateway("https://127.0.0.1:9", TlsSource(tmp_path))
    records = EtcdRecords(away, tmp_path / "records.json", pause=pause)
    records.start()
    assert tried.wait(10)
    assert not records.quorate
    assert "its certificates cannot be used" in records.problem and "trebol-keys" in records.problem
    records.close()


def test_memory_records_can_lose_their_quorum() -> None:
    records = MemoryRecords({KEY: {"enable": 1}})
    assert records.quorate
    records.quorate = False
    with pytest.raises(Unavailable):
        records.put("options", {}, expected=0)
    assert records.get(KEY) is not None
