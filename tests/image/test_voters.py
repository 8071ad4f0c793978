"""The store on several of the appliance's own etcd: members come and go, one is killed, and records go on."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from tests.image.etcds import PATIENCE, Etcds
from tests.unit.records_behaviour import BEHAVIOUR, KEY, wait_for

from trebol_common.errors import Refused
from trebol_common.run import CommandRunner
from trebol_image.mounts import mounted
from trebol_node.cluster.recovery import FORCED
from trebol_node.cluster.voters.members import NoMember
from trebol_node.store.errors import Unavailable
from trebol_node.store.etcd import EtcdRecords
from trebol_node.store.records import Record
from trebol_node.store.status import status

#: Seconds within which records go on after one of three has died: etcd needs one to two for a new leader.
GO_ON = 5

Programs = Callable[..., list[str]]


def own_etcd() -> bool:
    """Whether this machine has etcd as Debian 13 has it."""
    if shutil.which("etcd") is None:
        return False
    told = subprocess.run(["etcd", "--version"], capture_output=True, text=True, check=True).stdout
    return told.startswith("etcd Version: 3.5.")


@pytest.fixture
def etcds(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[int], Etcds]]:
    """Makes so many nodes, not started; their programs are this machine's, or those of the base layer."""
    with ExitStack() as stack:
        folder = tmp_path / "stores"
        folder.mkdir()
        program: Programs = lambda *words: [*words]  # noqa: E731
        if not own_etcd():
            base: Path = request.getfixturevalue("bare_base")
            stack.enter_context(mounted(["--bind", folder], base / folder.relative_to("/"), CommandRunner()))
            program = lambda *words: ["chroot", str(base), *words]  # noqa: E731

        def made(count: int) -> Etcds:
            nodes = Etcds(count, folder, program)
            stack.callback(nodes.stop)
            return nodes

        yield made


@pytest.fixture
def three(etcds: Callable[[int], Etcds]) -> Etcds:
    """Three voters."""
    nodes = etcds(3)
    nodes.start_all()
    return nodes


@pytest.fixture
def opened() -> Iterator[Callable[[EtcdRecords], EtcdRecords]]:
    """Closes records in the end."""
    with ExitStack() as stack:

        def opening(records: EtcdRecords) -> EtcdRecords:
            stack.callback(records.close)
            return records

        yield opening


def written(nodes: Etcds, records: EtcdRecords, record: Record, count: int, *, seconds: float) -> Record:
    """Written as soon as it can be, within so many seconds; after a loss it is read again before."""
    done: list[Record] = []

    def write() -> bool:
        there = records.get(record.key) or record
        done.append(records.put(record.key, {"count": count}, expected=there.revision))
        return True

    nodes.until(write, seconds)
    return done[-1]


@pytest.mark.timeout(300)
def test_a_store_of_one_grows_to_three_and_keeps_what_it_holds(
    etcds: Callable[[int], Etcds], opened: Callable[[EtcdRecords], EtcdRecords]
) -> None:
    nodes = etcds(3)
    nodes.start_first()
    records = opened(nodes.records())
    before = records.put(KEY, {"enable": 1}, expected=0)
    for node in nodes.nodes[1:]:
        nodes.add(node)
    found = nodes.members().members()
    assert [(member.name, member.learner) for member in found] == [
        ("node1", False),
        ("node2", False),
        ("node3", False),
    ]
    # What is told to others is no address of a node's own alone.
    assert [member.client_urls for member in found] == [(node.configuration.public_url,) for node in nodes.nodes]
    for node in nodes.nodes:
        assert opened(nodes.records([node])).get(KEY) == before
    assert status(nodes.gateway(), free=0).members == ("node1", "node2", "node3")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_records_behave_on_three_as_on_one(three: Etcds, opened: Callable[[EtcdRecords], EtcdRecords]) -> None:
    for behaves in BEHAVIOUR:
        records = opened(three.records())
        for record in records.below(""):
            records.delete(record.key, expected=record.revision)
        behaves(records)


@pytest.mark.timeout(300)
def test_one_of_three_is_killed_and_all_goes_on_then_two_and_it_is_read_only(
    three: Etcds, opened: Callable[[EtcdRecords], EtcdRecords]
) -> None:
    first, second, third = three.nodes
    records, others = opened(three.records()), opened(three.records([third]))
    record = records.put("counter", {"count": 0}, expected=0)

    first.stop(signal.SIGKILL)
    assert records.get("counter") == record
    record = written(three, records, record, 1, seconds=GO_ON)
    wait_for(others, lambda: others.get("counter") == record)

    second.stop(signal.SIGKILL)
    three.until(lambda: not records.quorate)
    assert records.get("counter") == record and "no leader" in records.problem
    with pytest.raises(Unavailable, match="read-only"):
        records.put("counter", {"count": 2}, expected=record.revision)

    second.start()
    assert records.wait(PATIENCE), records.problem
    record = written(three, records, record, 3, seconds=GO_ON)
    first.start()
    alone = opened(three.records([first]))
    wait_for(alone, lambda: alone.get("counter") == record, seconds=PATIENCE)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_member_that_falls_silent_is_left_for_another(
    three: Etcds, opened: Callable[[EtcdRecords], EtcdRecords]
) -> None:
    """Its disk hangs, say: connections are taken, and never answered."""
    records = opened(three.records())
    record = records.put("counter", {"count": 0}, expected=0)
    three.nodes[0].send(signal.SIGSTOP)
    three.until(lambda: not records.quorate)
    written(three, records, record, 1, seconds=PATIENCE)
    gateway = three.gateway()
    gateway.load()
    begun = time.monotonic()
    for _ in range(5):
        gateway.load()
    assert time.monotonic() - begun < 3, "it costs its time once"


@pytest.mark.timeout(300)
def test_a_learner_gets_all_and_is_asked_for_nothing(
    etcds: Callable[[int], Etcds], opened: Callable[[EtcdRecords], EtcdRecords]
) -> None:
    nodes = etcds(2)
    nodes.start_first()
    first, second = nodes.nodes
    members = nodes.members()
    learner = nodes.add(second, promote=False)
    assert members.add_learner(second.configuration.peer_url).id == learner.id
    with pytest.raises(Refused, match="another node is joining"):
        members.add_learner("https://127.0.0.99:2380")
    # It is preferred by its node, and refuses.
    records = opened(nodes.records([second, first]))
    record = records.put(KEY, {"enable": 1}, expected=0)
    assert status(nodes.gateway(), free=0).members == ("node1",)
    assert not members.promote(learner.id).learner
    assert not members.promote(learner.id).learner
    assert opened(nodes.records([second])).get(KEY) == record


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_learner_that_does_not_come_is_not_waited_for_forever(etcds: Callable[[int], Etcds]) -> None:
    nodes = etcds(1)
    nodes.start_first()
    members = nodes.members()
    learner = members.add_learner("https://127.0.0.99:2380")
    with pytest.raises(Unavailable, match="has not got all that the store holds within 1 s"):
        members.promote(learner.id, seconds=1)
    members.remove(learner.id)
    members.remove(learner.id)
    assert [member.name for member in members.members()] == ["node1"]
    with pytest.raises(NoMember):
        members.promote(learner.id)


@pytest.mark.timeout(300)
def test_no_member_is_removed_without_which_there_is_no_quorum(three: Etcds) -> None:
    members = three.members()
    one, two, three_ = members.members()
    three.nodes[2].stop()
    with pytest.raises(Refused, match="without it the store would have no quorum: node3 does not answer"):
        members.remove(one.id)
    with pytest.raises(Refused, match="takes no member while a voter does not answer") as caught:
        members.add_learner("https://127.0.0.99:2380", seconds=6)
    assert caught.value.problems[0].where == "node3"
    members.remove(three_.id)
    members.remove(two.id)
    with pytest.raises(Refused, match="is the only voter"):
        members.remove(one.id)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_member_moves_to_another_address(three: Etcds, opened: Callable[[EtcdRecords], EtcdRecords]) -> None:
    first, _second, third = three.nodes
    records = opened(three.records([first]))
    records.put(KEY, {"enable": 1}, expected=0)
    members = three.members()
    member = members.members()[2]
    with pytest.raises(Refused, match="belongs to node1 already"):
        members.move_peer(member.id, first.configuration.peer_url)
    third.stop(signal.SIGTERM)
    moved = third.configuration.peer_url.replace("127.0.0.13", "127.0.0.1")
    assert members.move_peer(member.id, moved).peer_urls == (moved,)
    assert members.move_peer(member.id, moved).peer_urls == (moved,)
    third.configuration = replace(third.configuration, peer_url=moved)
    third.start()
    assert opened(three.records([third])).get(KEY) == records.get(KEY)


def test_a_single_survivor_goes_on_with_what_it_holds_and_others_that_come_back_do_not_disturb_it(
    three: Etcds, opened: Callable[[EtcdRecords], EtcdRecords]
) -> None:
    survivor, *lost = three.nodes
    before = three.records()
    record = before.put(KEY, {"count": 1}, expected=0)
    before.close()
    for node in lost:
        node.stop()
    survivor.stop(signal.SIGTERM)
    survivor.start(FORCED)
    records = opened(three.records([survivor]))
    assert records.get(KEY) == record
    assert records.put(KEY, {"count": 2}, expected=record.revision).revision > record.revision
    assert [each.name for each in three.members().members()] == [survivor.name]

    # For one start: from then on it is one of its own.
    survivor.stop(signal.SIGTERM)
    survivor.start()
    lost[0].start()
    again = opened(three.records([survivor]))
    found = again.get(KEY)
    assert found is not None and found.value == {"count": 2}
    assert [each.name for each in three.members().members()] == [survivor.name]
