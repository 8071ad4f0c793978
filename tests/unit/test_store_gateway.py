"""Of several members of the store the one that answers is asked, and a write is never made twice."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from tests.unit.fake_etcd import NO_LEADER, NOT_FOUND, TIMED_OUT, FakeEtcd, serving
from tests.unit.records_behaviour import KEY, wait_for

from trebol_node.store import connection, endpoints
from trebol_node.store.endpoints import Endpoints
from trebol_node.store.errors import TooLarge, Unavailable
from trebol_node.store.etcd import EtcdRecords
from trebol_node.store.gateway import Gateway

LEARNER = (503, {"code": 14, "message": "etcdserver: rpc not supported for learner"})
LEADER_CHANGED = (503, {"code": 14, "message": "etcdserver: leader changed"})
ALARM = (429, {"code": 8, "message": "etcdserver: mvcc: database space exceeded"})
TOO_LARGE = (400, {"code": 3, "message": "etcdserver: request is too large"})

A, B, C = "https://a", "https://b", "https://c"


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def served() -> Iterator[Callable[[], FakeEtcd]]:
    """Serves members, each with a store of its own, so that one sees which was asked."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(serving(FakeEtcd()))


@pytest.fixture
def dropping() -> Iterator[str]:
    """The URL of an address where packets are dropped: of a queue that is full the kernel drops the rest."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        address = listening.getsockname()
        stack.enter_context(socket.create_connection(address))
        yield f"http://127.0.0.1:{address[1]}"


def gone() -> str:
    """The URL of a member that has ended."""
    with serving(FakeEtcd()) as ended:
        return ended.url


@pytest.mark.parametrize(
    ("told", "order"),
    [
        ((), (A, B, C)),
        (((A, 0.0),), (B, C, A)),
        (((A, 0.0), (B, 0.0)), (C, A, B)),
        (((B, 3.0),), (A, C, B)),
        # What costs seconds comes last, and of two one alone.
        (((A, 3.0), (B, 0.0)), (C, B, A)),
        (((A, 3.0), (B, 3.0)), (C, A)),
        (((A, 3.0), (B, 3.0), (C, 3.0)), (A,)),
        (((A, 3.0), (A, None)), (A, B, C)),
    ],
)
def test_who_failed_is_asked_last(told: tuple[tuple[str, float | None], ...], order: tuple[str, ...]) -> None:
    clock = Clock()
    known = Endpoints((A, B, C), clock)
    for url, took in told:
        clock.now += 0.1
        if took is None:
            known.works(url)
        else:
            known.failed(url, took)
    assert known.order() == order


def test_a_node_goes_back_to_its_own_store_after_a_while_unless_that_cost_seconds() -> None:
    clock = Clock()
    known = Endpoints((A, B, C), clock)
    known.failed(A, 0.0)
    clock.now += 9
    assert known.order()[0] == B
    clock.now += 1
    assert known.order() == (A, B, C)
    known.failed(A, 3.0)
    clock.now += 3600
    assert known.order() == (B, C, A)


def test_of_several_that_are_silent_each_gets_its_turn() -> None:
    clock = Clock()
    known = Endpoints((A, B, C), clock)
    tried = []
    for _ in range(6):
        clock.now += 3
        *_others, last = known.order()
        tried.append(last if len(known.order()) == 1 else known.order()[0])
        known.failed(tried[-1], 3.0)
    assert tried == [A, B, C, A, B, C]


def test_the_first_is_asked_as_long_as_it_answers(served: Callable[[], FakeEtcd]) -> None:
    first, second = served(), served()
    store = Gateway([first.url, second.url])
    for _ in range(3):
        store.load()
    assert (first.asked, second.asked) == ({"kv/range": 3}, {})
    assert store.url == first.url


def test_where_one_cannot_be_reached_the_next_is_asked_and_stays(served: Callable[[], FakeEtcd]) -> None:
    second, third = served(), served()
    store = Gateway([gone(), second.url, third.url])
    second.put(KEY, b"{}")
    assert [entry.key for entry in store.load()[0]] == [KEY]
    assert store.url == second.url
    store.write("options", b"{}", expected=0)
    assert second.asked == {"kv/range": 1, "kv/txn": 1} and third.asked == {}


@pytest.mark.parametrize("refusal", [NO_LEADER, LEARNER])
def test_a_write_that_a_member_has_not_begun_is_made_by_the_next(
    served: Callable[[], FakeEtcd], refusal: tuple[int, dict[str, object]]
) -> None:
    first, second = served(), served()
    first.refusals["kv/txn"] = refusal
    assert Gateway([first.url, second.url]).write(KEY, b"{}", expected=0).revision == 2
    assert second.asked == {"kv/txn": 1}


@pytest.mark.parametrize("refusal", [TIMED_OUT, LEADER_CHANGED, (502, {})], ids=["timed out", "changed", "proxy"])
def test_a_write_whose_answer_was_lost_is_not_made_again(
    served: Callable[[], FakeEtcd], refusal: tuple[int, dict[str, object]]
) -> None:
    first, second = served(), served()
    first.refusals["kv/txn"] = refusal
    store = Gateway([first.url, second.url])
    with pytest.raises(Unavailable, match="whether the change was made is not known"):
        store.write(KEY, b"{}", expected=0)
    assert second.asked == {}
    # Whoever reads now reads where there is an answer.
    assert store.load() == ((), 1)
    assert second.asked == {"kv/range": 1}


def test_a_write_whose_connection_breaks_is_not_made_again(served: Callable[[], FakeEtcd]) -> None:
    first, second = served(), served()

    def end() -> None:
        first.put(KEY, b"{}")
        raise ConnectionAbortedError

    first.before["kv/txn"] = end
    with pytest.raises(Unavailable, match="whether the change was made is not known"):
        Gateway([first.url, second.url]).write(KEY, b"{}", expected=0)
    assert second.asked == {}


@pytest.mark.parametrize(("refusal", "error"), [(ALARM, Unavailable), (TOO_LARGE, TooLarge)])
def test_what_every_member_would_refuse_is_asked_of_one(
    served: Callable[[], FakeEtcd], refusal: tuple[int, dict[str, object]], error: type[Exception]
) -> None:
    first, second = served(), served()
    first.refusals["kv/txn"] = refusal
    with pytest.raises(error):
        Gateway([first.url, second.url]).write(KEY, b"{}", expected=0)
    assert second.asked == {}


@pytest.mark.parametrize("refusal", [TIMED_OUT, NO_LEADER, LEARNER])
def test_a_read_goes_to_the_next_where_one_has_no_leader(
    served: Callable[[], FakeEtcd], refusal: tuple[int, dict[str, object]]
) -> None:
    first, second = served(), served()
    first.refusals["kv/range"] = refusal
    second.put(KEY, b"{}")
    assert len(Gateway([first.url, second.url]).load()[0]) == 1


def test_where_nobody_answers_each_says_why(served: Callable[[], FakeEtcd]) -> None:
    away, leaderless = gone(), served()
    leaderless.refusals["kv/range"] = NO_LEADER
    with pytest.raises(Unavailable) as caught:
        Gateway([away, leaderless.url]).load()
    assert [problem.where for problem in caught.value.problems] == [away, leaderless.url]
    assert [problem.what.partition(":")[0] for problem in caught.value.problems] == [
        "cannot be reached",
        "etcdserver",
    ]


def test_an_address_that_drops_packets_costs_one_wait_and_no_more(
    served: Callable[[], FakeEtcd], dropping: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_SECONDS", httpx.Timeout(10, connect=0.2))
    monkeypatch.setattr(endpoints, "_DEAR", 0.1)
    waits: list[str] = []
    failed = Endpoints.failed

    def counted(known: Endpoints, url: str, took: float) -> None:
        waits.append(url)
        failed(known, url, took)

    monkeypatch.setattr(Endpoints, "failed", counted)
    second = served()
    store = Gateway([dropping, second.url])
    for _ in range(5):
        store.load()
    store.write(KEY, b"{}", expected=0)
    assert waits == [dropping]


def test_a_connection_to_a_node_whose_power_was_cut_is_lost_within_seconds(served: Callable[[], FakeEtcd]) -> None:
    etcd = served()
    store = Gateway(etcd.url)
    changes = store.watch(1)
    next(changes)
    followed = store._connection._followed
    assert followed is not None
    held = followed.extensions["network_stream"].get_extra_info("socket")
    assert held.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert held.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 5000
    changes.close()  # type: ignore[attr-defined]


def test_a_watch_begins_at_the_next_where_one_refuses(served: Callable[[], FakeEtcd]) -> None:
    first, second = served(), served()
    first.lose_leader()
    changes = Gateway([first.url, second.url]).watch(1)
    next(changes)
    assert second.asked == {"watch": 1}
    changes.close()  # type: ignore[attr-defined]


def test_a_snapshot_is_whole_wherever_it_comes_from(served: Callable[[], FakeEtcd], tmp_path: Path) -> None:
    first, second = served(), served()
    first.refusals["maintenance/snapshot"] = NOT_FOUND
    second.file = bytes(range(256)) * 9
    with pytest.raises(Unavailable, match="Not Found"), (tmp_path / "refused").open("wb") as stream:
        Gateway([first.url, second.url]).snapshot(stream)
    first.refusals["maintenance/snapshot"] = LEARNER
    with (tmp_path / "some.db").open("wb") as stream:
        Gateway([first.url, second.url]).snapshot(stream)
    assert (tmp_path / "some.db").read_bytes() == second.file


def test_records_go_on_with_another_member_when_theirs_is_lost(
    served: Callable[[], FakeEtcd], tmp_path: Path
) -> None:
    first, second = served(), served()
    for etcd in (first, second):
        etcd.put(KEY, b'{"enable":1}')
    records = EtcdRecords(
        Gateway([first.url, second.url]), tmp_path / "copy", pause=lambda closing, _seconds: closing.wait(0.01)
    )
    records.start()
    try:
        assert records.wait(10)
        first.lose_leader()
        second.put("since", b"{}")
        wait_for(records, lambda: records.get("since") is not None)
        assert records.wait(10)
        found = records.get(KEY)
        assert found is not None
        records.put(KEY, {"enable": 0}, expected=found.revision)
        assert second.history[-1].value == b'{"enable":0}'
    finally:
        records.close()


def test_a_gateway_takes_other_members_while_it_runs(served: Callable[[], FakeEtcd]) -> None:
    first, second = served(), served()
    gateway = Gateway([first.url])
    gateway.load()
    gateway.use([second.url, first.url])
    gateway.load()
    assert gateway.url == second.url
    assert (first.asked, second.asked) == ({"kv/range": 1}, {"kv/range": 1})
    with pytest.raises(ValueError, match="without any URL"):
        gateway.use([])


def test_what_is_known_of_members_that_stay_is_kept() -> None:
    clock = Clock()
    known = Endpoints((A, B), clock)
    known.failed(A, 3.0)
    known.replace((A, C))
    assert known.order() == (C, A)


def test_a_write_that_meets_an_election_waits_for_it(served: Callable[[], FakeEtcd], tmp_path: Path) -> None:
    etcd = served()
    records = EtcdRecords(
        Gateway(etcd.url), tmp_path / "copy", patience=30, pause=lambda closing, _s: closing.wait(0.01)
    )
    records.start()
    try:
        assert records.wait(10)
        # Before the watch knows: a refusal before anything was begun.
        etcd.refusals["kv/txn"] = NO_LEADER
        etcd.before["kv/txn"] = lambda: etcd.before.update({"kv/txn": etcd.refusals.clear})
        records.put("one", {}, expected=0)
        assert etcd.asked["kv/txn"] == 2
        # After it has been lost.
        etcd.lose_leader()
        assert wait_until(lambda: not records.quorate)
        threading.Timer(0.1, lambda: etcd.lose_leader(False)).start()
        records.put("two", {}, expected=0)
        assert [each.key for each in etcd.history] == [b"/trebol/v1/one", b"/trebol/v1/two"]
    finally:
        records.close()


def test_a_write_whose_fate_is_unknown_is_not_waited_for(served: Callable[[], FakeEtcd], tmp_path: Path) -> None:
    etcd = served()
    records = EtcdRecords(Gateway(etcd.url), tmp_path / "copy", patience=30)
    records.start()
    try:
        assert records.wait(10)
        etcd.refusals["kv/txn"] = TIMED_OUT
        with pytest.raises(Unavailable, match="is not known"):
            records.put("one", {}, expected=0)
        assert etcd.asked["kv/txn"] == 1
    finally:
        records.close()


def test_a_store_that_was_lost_long_ago_holds_no_write_up(served: Callable[[], FakeEtcd], tmp_path: Path) -> None:
    etcd, clock = served(), Clock()
    records = EtcdRecords(Gateway(etcd.url), tmp_path / "copy", patience=5, clock=clock)
    records.start()
    try:
        assert records.wait(10)
        etcd.lose_leader()
        assert wait_until(lambda: not records.quorate)
        clock.now += 5
        with pytest.raises(Unavailable, match="is read-only"):
            records.put("one", {}, expected=0)
    finally:
        records.close()


def wait_until(happened: Callable[[], bool]) -> bool:
    """Whether it happens within ten seconds."""
    end = time.monotonic() + 10
    while not happened() and time.monotonic() < end:
        time.sleep(0.01)
    return happened()
