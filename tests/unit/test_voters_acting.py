"""The store follows its cluster by itself: one change at a time, by who leads, and each node does its part. On a
virtual clock, over a store that changes its members as etcd does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from tests.unit.fake_etcd import serving
from tests.unit.fake_members import FakeMembers, Listed

from trebol_common.errors import TrebolError
from trebol_node.cluster import records as cluster
from trebol_node.cluster import under_way
from trebol_node.cluster.admission import Admission, Applicant, Learning
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.records import Member as Node
from trebol_node.cluster.records import Settings, State
from trebol_node.cluster.tokens import keeping
from trebol_node.cluster.tokens.addresses import Address
from trebol_node.cluster.under_way import UnderWay
from trebol_node.cluster.voters.acting import Acting, leads
from trebol_node.cluster.voters.choice import Change, Kind
from trebol_node.cluster.voters.members import Members
from trebol_node.cluster.voters.silence import Silence
from trebol_node.daemon.voting import EVERY, Store, Voting
from trebol_node.store.configuration import peer_url
from trebol_node.store.gateway import Gateway
from trebol_node.store.records import MemoryRecords
from trebol_node.worker.cluster_operations import LearnStore, LeaveStore, ReachStore
from trebol_node.worker.operation import Operation

GRACE = 120.0


def address(number: int) -> str:
    return f"192.0.2.{number}"


def node(number: int, **fields: Any) -> Node:
    return Node(f"n{number}", f"{number:032x}", address(number), State.MEMBER, **fields)


class World:
    """A cluster of `nodes`, of which the first `voters` vote; who is in `silent` does not answer."""

    def __init__(self, stack: ExitStack, nodes: int, voters: int) -> None:
        numbers = range(1, nodes + 1)
        totem = Totem.first("clover", "n1", {0: address(1)})
        for number in numbers[1:]:
            totem = totem.with_node(f"n{number}", {0: address(number)})
        values = {f"{cluster.NODES}n{each}": node(each, voter=each <= voters).to_members() for each in numbers}
        values[cluster.COROSYNC] = totem.to_members()
        values[cluster.SETTINGS] = Settings("clover", "0" * 16, "").to_members()
        self.records = MemoryRecords(values)
        self.etcd = FakeMembers(*(Listed(each, f"n{each}", peer_url(address(each))) for each in numbers[:voters]))
        stack.enter_context(serving(self.etcd))
        self.silent: set[str] = set()
        self.now = 0.0
        self.members = Members(
            Gateway(self.etcd.url),
            answers=lambda member: member.peer_urls[0]
            not in {peer_url(address(int(each[1:]))) for each in self.silent},
            clock=lambda: self.now,
            pause=self.wait,
        )
        names = {f"n{each}" for each in numbers}
        self.acting = Acting(
            self.records, self.members, lambda: names - self.silent, clock=lambda: self.now, grace=GRACE
        )

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def turns(self, seconds: float) -> list[tuple[Kind, str]]:
        """What is done within so many seconds, a turn every five of them."""
        done: list[tuple[Kind, str]] = []
        end = self.now + seconds
        while self.now < end:
            made = self.acting.turn()
            if made.kind is not Kind.NOTHING:
                done.append((made.kind, made.name))
            self.now += EVERY
        return done

    def noted(self) -> dict[str, str]:
        """What the records say of each node's vote."""
        found = cluster.members(self.records)
        return {each.name: "voter" if each.voter else each.learner and "learner" for each in found}


class Worlds:
    """Makes them."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def __call__(self, nodes: int, voters: int) -> World:
        return World(self._stack, nodes, voters)


@pytest.fixture
def world() -> Iterator[Worlds]:
    with ExitStack() as stack:
        yield Worlds(stack)


def test_a_silent_voter_is_replaced_once_its_grace_is_over(world: Worlds) -> None:
    four = world(4, 3)
    four.silent = {"n2"}
    assert four.turns(GRACE) == []
    assert four.turns(60) == [(Kind.REMOVE, "n2"), (Kind.ADD, "n4"), (Kind.PROMOTE, "n4")]
    assert four.noted() == {"n1": "voter", "n2": "", "n3": "voter", "n4": "voter"}
    four.silent = set()
    assert four.turns(GRACE) == [], "it comes back, and all is as it should be"


def test_a_voter_that_is_back_in_time_stays_one(world: Worlds) -> None:
    four = world(4, 3)
    for _reboot in range(3):
        four.silent = {"n2"}
        assert four.turns(GRACE - 60) == []
        four.silent = set()
        assert four.turns(60) == []


def test_who_acts_anew_begins_to_count_anew(world: Worlds) -> None:
    four = world(4, 3)
    four.silent = {"n2"}
    four.turns(GRACE - 60)
    four.acting.rest()
    assert four.turns(GRACE) == []


def test_a_machine_that_stood_still_takes_nobodys_vote(world: Worlds) -> None:
    four = world(4, 3)
    four.turns(10)
    four.silent = {"n2"}
    four.acting.turn()
    four.now += 3600
    assert four.turns(60) == []


def test_a_cluster_that_has_grown_to_five_gets_five_voters(world: Worlds) -> None:
    assert world(5, 3).turns(60) == [
        (Kind.ADD, "n4"),
        (Kind.PROMOTE, "n4"),
        (Kind.ADD, "n5"),
        (Kind.PROMOTE, "n5"),
    ]


def test_a_voter_that_is_no_node_any_more_goes(world: Worlds) -> None:
    four = world(4, 3)
    cluster.remove(four.records, f"{cluster.NODES}n3")
    assert [kind for kind, _name in four.turns(60)] == [Kind.ADD, Kind.PROMOTE, Kind.REMOVE]
    assert four.noted() == {"n1": "voter", "n2": "voter", "n4": "voter"}


@pytest.mark.parametrize(
    "busy",
    [
        {under_way.KEY: UnderWay(under_way.Kind.JOIN, "n5", "", "5" * 32, "t").to_members()},
        {f"{cluster.NODES}n5": Node("n5", "5" * 32, address(5)).to_members()},
    ],
)
def test_while_a_node_joins_nobody_elses_vote_changes(world: Worlds, busy: dict[str, dict[str, Any]]) -> None:
    four = world(4, 3)
    for key, value in busy.items():
        four.records.put(key, value, expected=0)
    four.silent = {"n2"}
    assert four.turns(GRACE + 60) == []
    assert four.etcd.changes == []


def test_what_was_cut_off_between_list_and_records_is_gone_on_with(world: Worlds) -> None:
    four = world(5, 3)
    four.members.add_learner(peer_url(address(4)))
    four.acting.turn()
    assert four.noted()["n4"] in ("learner", "voter")
    four.turns(60)
    assert set(four.noted().values()) == {"voter"}


@pytest.mark.parametrize(("leader", "is_leader"), [("7", True), ("8", False), (None, False)])
def test_the_nodes_own_store_knows_whether_it_leads(world: Worlds, leader: str | None, is_leader: bool) -> None:
    one = world(1, 1)
    told: dict[str, Any] = {"header": {"member_id": "7"}, **({"leader": leader} if leader else {})}
    one.etcd.refusals["maintenance/status"] = (200, told)
    assert leads(Gateway(one.etcd.url)) is is_leader


def test_silence_is_counted_from_the_first_look() -> None:
    now = 100.0
    silence = Silence(lambda: now)
    assert 0 < silence.look(["a", "b"], ["b"])["a"] < 1
    now += 10
    found = silence.look(["a", "b"], [])
    assert 10 < found["a"] < 11 and 0 < found["b"] < 1
    assert silence.look(["a"], ["a"]) == {"a": 0.0}


def test_a_node_that_wants_to_join_waits_while_another_gets_a_vote(world: Worlds) -> None:
    four = world(4, 3)
    cluster.edit(four.records, f"{cluster.NODES}n4", lambda before: node(4, learner="a1b2").to_members())
    admission = Admission(four.records, lambda: 0.0)
    ca = "ab" * 32
    token = keeping.issue(
        four.records,
        cluster="clover",
        cluster_id="0" * 16,
        addresses=[Address(address(1))],
        ca=ca,
        made_by="n1",
        now=0,
    )
    with pytest.raises(Learning, match="n4: is getting a vote in the store at the moment"):
        admission.admit(Applicant("n5", "5" * 32, token.id, token.secret.get_secret_value()), {0: address(5)})
    assert under_way.found(four.records) is None
    admission.vote("n4")
    assert four.noted()["n4"] == "voter" and not cluster.members(four.records)[3].learner


class FakeWorker:
    """Remembers what it was asked for; fails while `fails`."""

    def __init__(self) -> None:
        self.asked: list[Operation] = []
        self.fails = False

    async def call(self, operation: Any, *, who: str) -> Any:
        if self.fails:
            raise TrebolError("is away", where="worker")
        self.asked.append(operation)


class FakeActing:
    def __init__(self) -> None:
        self.turns = 0

    def turn(self) -> Change:
        self.turns += 1
        return Change(Kind.NOTHING, "", "all is well")

    def rest(self) -> None:
        pass


class Member:
    """The daemon of `name` in a cluster of four, three of which vote."""

    def __init__(self, name: str, *, leader: bool = False) -> None:
        nodes = [node(each, voter=each <= 3) for each in range(1, 5)]
        values = {f"{cluster.NODES}{each.name}": each.to_members() for each in nodes}
        self.records = MemoryRecords({**values, cluster.SETTINGS: Settings("clover", "0" * 16, "").to_members()})
        self.worker, self.acting = FakeWorker(), FakeActing()
        self.urls: list[tuple[str, ...]] = []
        self.listed = frozenset(peer_url(address(each)) for each in (1, 2, 3))
        self.now = 0.0
        store = Store(lambda urls: self.urls.append(tuple(urls)), lambda: self.listed, lambda: leader)
        self.voting = Voting(
            self.records, name, self.worker, store, self.acting, who="trebold", clock=lambda: self.now
        )

    def look(self) -> list[Operation]:
        """What the worker is asked for."""
        self.worker.asked = []
        asyncio.run(self._look())
        return self.worker.asked

    async def _look(self) -> None:
        await self.voting.look()

    def set(self, changed: Node) -> None:
        key = f"{cluster.NODES}{changed.name}"
        cluster.edit(self.records, key, lambda before: changed.to_members())


def test_all_ask_those_that_vote_at_once_and_after_a_restart() -> None:
    four = Member("n4")
    three = ReachStore(voters=["n1", "n2", "n3"])
    assert four.look() == [three, LeaveStore()]
    assert four.urls == [tuple(f"https://{address(each)}:2379" for each in (1, 2, 3))]
    assert four.look() == [], "once is enough"
    four.set(node(2))
    assert four.look() == [ReachStore(voters=["n1", "n3"])]
    assert len(four.urls[-1]) == 2


def test_a_node_that_is_to_learn_starts_its_store_and_one_that_votes_no_more_puts_it_away() -> None:
    four = Member("n4")
    four.look()
    four.set(node(4, learner="a1b2"))
    assert four.look() == [LearnStore(voters=["n1", "n2", "n3"], member="a1b2")]
    four.set(node(4, voter=True))
    assert four.look() == [ReachStore(voters=["n1", "n2", "n3", "n4"])]
    four.set(node(4))
    assert four.look() == [ReachStore(voters=["n1", "n2", "n3"]), LeaveStore()]
    four.set(node(4, learner="c3d4"))
    assert four.look() == [LearnStore(voters=["n1", "n2", "n3"], member="c3d4")]


def test_a_store_that_the_others_still_count_on_is_not_put_away() -> None:
    two = Member("n2")
    two.set(node(2))
    assert LeaveStore() not in two.look()
    two.listed = frozenset()
    assert two.look() == [LeaveStore()]


def test_from_memory_alone_nothing_is_begun_or_ended() -> None:
    four = Member("n4")
    four.set(node(4, learner="a1b2"))
    four.records.quorate = False
    assert four.look() == [ReachStore(voters=["n1", "n2", "n3"])]


def test_what_failed_is_tried_again() -> None:
    four = Member("n4")
    four.worker.fails = True
    with pytest.raises(TrebolError, match="is away"):
        four.look()
    four.worker.fails = False
    assert four.look() == [ReachStore(voters=["n1", "n2", "n3"]), LeaveStore()]


@pytest.mark.parametrize(("name", "leader", "turns"), [("n1", True, 1), ("n1", False, 0), ("n4", True, 0)])
def test_who_leads_acts_and_no_other(name: str, leader: bool, turns: int) -> None:
    member = Member(name, leader=leader)
    member.look()
    assert member.acting.turns == turns
    member.look()
    assert member.acting.turns == turns, "records may change often"
    member.now += EVERY
    member.look()
    assert member.acting.turns == 2 * turns


def test_a_node_that_stands_alone_or_still_joins_does_nothing() -> None:
    alone = Member("n5")
    assert alone.look() == [] and alone.urls == []
    alone.set(Node("n5", "5" * 32, address(5)))
    assert alone.look() == [] and alone.urls == []
