"""The store's members change as they were asked to, once, and never so that the quorum is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.unit.fake_etcd import TIMED_OUT, serving
from tests.unit.fake_members import (
    BEHIND,
    IN_USE,
    NO_LEARNER,
    NOT_STARTED,
    UNHEALTHY,
    UNKNOWN,
    FakeMembers,
    Listed,
)

from trebol_common.errors import Refused
from trebol_node.cluster.voters.members import Member, Members, NoMember, OneLearns, quorum
from trebol_node.store.errors import Unavailable
from trebol_node.store.gateway import Gateway

#: 64 bits, as etcd's numbers are: no float holds them.
BIG = 15390402555176671649

ONE = Listed(BIG, "node1", "https://192.0.2.1:2380")
TWO = Listed(2, "node2", "https://192.0.2.2:2380")
THREE = Listed(3, "node3", "https://192.0.2.3:2380")
LEARNER = Listed(4, "", "https://192.0.2.4:2380", learner=True)


class World:
    """Members over a store with these; time passes by waiting alone."""

    def __init__(self, stack: ExitStack, *listed: Listed) -> None:
        self.etcd = FakeMembers(*listed)
        stack.enter_context(serving(self.etcd))
        self.silent: set[str] = set()
        self.now = 0.0
        self.members = Members(
            Gateway(self.etcd.url),
            answers=lambda member: member.name not in self.silent,
            clock=lambda: self.now,
            pause=self._pass,
        )

    def _pass(self, seconds: float) -> None:
        self.now += seconds

    @property
    def numbers(self) -> list[int]:
        return sorted(self.etcd.listed)


class Worlds:
    """Makes them."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def __call__(self, *listed: Listed) -> World:
        return World(self._stack, *listed)


@pytest.fixture
def world() -> Iterator[Worlds]:
    with ExitStack() as stack:
        yield Worlds(stack)


@pytest.mark.parametrize(("voters", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3)])
def test_a_quorum_is_more_than_half(voters: int, needed: int) -> None:
    assert quorum(voters) == needed


def test_members_are_listed_as_they_are(world: Worlds) -> None:
    found = world(LEARNER, TWO, ONE).members.members()
    assert found == (
        Member(BIG, "node1", ("https://192.0.2.1:2380",), ("https://192.0.2.1:2379",), learner=False),
        Member(2, "node2", ("https://192.0.2.2:2380",), ("https://192.0.2.2:2379",), learner=False),
        Member(4, "", ("https://192.0.2.4:2380",), (), learner=True),
    )
    assert [str(member) for member in found] == ["node1", "node2", "https://192.0.2.4:2380"]


def test_a_member_joins_without_a_vote_and_once(world: Worlds) -> None:
    made = world(ONE)
    learner = made.members.add_learner(TWO.url)
    assert learner.learner and learner.peer_urls == (TWO.url,)
    assert made.members.add_learner(TWO.url) == learner
    assert made.etcd.changes == ["add"]


def test_a_member_whose_adding_was_not_answered_is_found(world: Worlds) -> None:
    made = world(ONE)
    made.etcd.lose = [TIMED_OUT]
    with pytest.raises(Unavailable, match="whether the change was made is not known"):
        made.members.add_learner(TWO.url)
    assert made.members.add_learner(TWO.url).learner
    assert made.etcd.changes == ["add"]


def test_who_is_added_by_somebody_else_meanwhile_is_found(world: Worlds) -> None:
    made = world(ONE)

    def faster() -> None:
        made.etcd.listed[TWO.number] = TWO
        made.etcd.refuse = [IN_USE]

    made.etcd.before["cluster/member/add"] = faster
    assert made.members.add_learner(TWO.url).id == TWO.number


def test_a_store_that_has_just_started_is_waited_for(world: Worlds) -> None:
    made = world(ONE)
    made.etcd.refuse = [UNHEALTHY] * 3
    assert made.members.add_learner(TWO.url).learner
    assert made.now == 1.5


@pytest.mark.parametrize("refusal", [UNHEALTHY, NOT_STARTED])
def test_none_is_added_while_a_voter_does_not_answer(world: Worlds, refusal: tuple[int, dict[str, object]]) -> None:
    made = world(ONE, TWO, THREE)
    made.etcd.refuse, made.silent = [refusal] * 99, {"node2"}
    with pytest.raises(Refused, match="takes no member while a voter does not answer") as caught:
        made.members.add_learner(LEARNER.url, seconds=3)
    assert caught.value.problems[0].where == "node2" and made.now == 3


def test_one_joins_at_a_time(world: Worlds) -> None:
    with pytest.raises(OneLearns, match="another node is joining the store"):
        world(ONE, LEARNER).members.add_learner(TWO.url)


def test_a_learner_gets_its_vote_when_it_has_all(world: Worlds) -> None:
    made = world(ONE, LEARNER)
    made.etcd.refuse = [BEHIND] * 4
    assert not made.members.promote(LEARNER.number).learner
    assert made.now == 2
    assert not made.members.promote(LEARNER.number).learner
    assert made.etcd.changes == ["promote"]


def test_a_learner_that_stays_behind_is_not_waited_for_forever(world: Worlds) -> None:
    made = world(ONE, LEARNER)
    made.etcd.refuse = [BEHIND] * 99
    with pytest.raises(Unavailable, match="has not got all that the store holds within 3 s"):
        made.members.promote(LEARNER.number, seconds=3)
    assert made.now == 3 and made.etcd.listed[LEARNER.number].learner


@pytest.mark.parametrize("refusal", [NO_LEARNER, UNKNOWN], ids=["promoted", "removed"])
def test_a_learner_that_somebody_else_changes_meanwhile_is_looked_at_again(
    world: Worlds, refusal: tuple[int, dict[str, object]]
) -> None:
    made = world(ONE, LEARNER)
    made.etcd.refuse = [refusal]
    assert not made.members.promote(LEARNER.number).learner


def test_who_is_no_member_gets_no_vote(world: Worlds) -> None:
    with pytest.raises(NoMember, match="is no member of the store"):
        world(ONE).members.promote(2)


def test_a_promotion_that_etcd_refuses_is_told(world: Worlds) -> None:
    made = world(ONE, LEARNER)
    made.etcd.refuse = [NOT_STARTED]
    with pytest.raises(Refused, match="too few voters have started"):
        made.members.promote(LEARNER.number)


def test_what_etcd_refuses_for_another_reason_is_told_as_it_is(world: Worlds) -> None:
    made = world(ONE, TWO, LEARNER)
    for change in (
        lambda: made.members.add_learner(THREE.url),
        lambda: made.members.promote(LEARNER.number),
        lambda: made.members.remove(TWO.number),
    ):
        made.etcd.refuse = [(400, {"code": 9, "message": "etcdserver: of another kind"})]
        with pytest.raises(Unavailable, match="of another kind"):
            change()


def test_a_member_is_removed_once(world: Worlds) -> None:
    made = world(ONE, TWO, LEARNER)
    for number in (LEARNER.number, TWO.number, TWO.number):
        made.members.remove(number)
    assert made.numbers == [BIG] and made.etcd.changes == ["remove", "remove"]


def test_a_member_whose_going_was_not_answered_is_gone(world: Worlds) -> None:
    made = world(ONE, TWO)
    made.etcd.lose = [TIMED_OUT]
    with pytest.raises(Unavailable):
        made.members.remove(TWO.number)
    made.members.remove(TWO.number)
    assert made.numbers == [BIG]


@pytest.mark.parametrize(
    ("listed", "silent", "removed", "why"),
    [
        ((ONE,), (), ONE, "is the only voter"),
        ((ONE, LEARNER), (), ONE, "is the only voter"),
        ((ONE, TWO, THREE), ("node3",), ONE, "no quorum: node3 does not answer"),
        ((ONE, TWO), ("node2",), ONE, "no quorum: node2 does not answer"),
    ],
)
def test_a_vote_that_the_quorum_needs_stays(
    world: Worlds, listed: tuple[Listed, ...], silent: tuple[str, ...], removed: Listed, why: str
) -> None:
    made = world(*listed)
    made.silent = set(silent)
    with pytest.raises(Refused, match=why):
        made.members.remove(removed.number)
    assert made.etcd.changes == []


def test_who_is_silent_can_be_removed(world: Worlds) -> None:
    made = world(ONE, TWO, THREE)
    made.silent = {"node3"}
    made.members.remove(THREE.number)
    assert made.numbers == [2, BIG]


def test_what_etcd_itself_refuses_to_remove_stays(world: Worlds) -> None:
    made = world(ONE, TWO, THREE)
    made.etcd.refuse = [UNHEALTHY] * 99
    with pytest.raises(Refused, match="would be left without a quorum"):
        made.members.remove(TWO.number, seconds=5)
    assert made.now == 5


def test_a_member_moves_once_and_to_no_place_of_another(world: Worlds) -> None:
    made = world(ONE, TWO)
    with pytest.raises(Refused, match="belongs to node1 already"):
        made.members.move_peer(TWO.number, ONE.url)
    for _ in range(2):
        assert made.members.move_peer(TWO.number, THREE.url).peer_urls == (THREE.url,)
    assert made.etcd.changes == ["update"]
    with pytest.raises(NoMember):
        made.members.move_peer(99, LEARNER.url)


@pytest.mark.parametrize(("leader", "silent"), [({"leader": "7"}, False), ({}, True)])
def test_a_voter_counts_that_answers_and_knows_a_leader(world: Worlds, leader: dict[str, str], silent: bool) -> None:
    made = world(ONE, TWO)
    made.etcd.refusals["maintenance/status"] = (200, leader)
    asking = Members(Gateway(made.etcd.url))
    other = Member(3, "node3", (), (made.etcd.url,), learner=False)
    unstarted = Member(4, "", ("https://192.0.2.4:2380",), (), learner=False)
    assert (other in asking._who_is_silent((other, unstarted))) == silent
    assert unstarted in asking._who_is_silent((other, unstarted))
