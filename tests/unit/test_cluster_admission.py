"""A member's side of a join: who is let in, what is listed meanwhile, and that nothing is left of one taken back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_node.cluster import records as cluster
from trebol_node.cluster import under_way
from trebol_node.cluster.admission import Admission, Applicant
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.records import Member, Settings, State
from trebol_node.cluster.tokens import keeping
from trebol_node.cluster.tokens.addresses import Address
from trebol_node.cluster.tokens.admission import NotAdmitted
from trebol_node.store.records import MemoryRecords

NOW = 1_790_000_000
OTHER = {0: "192.0.2.12"}


@dataclass
class World:
    """A cluster of one, and who wants to join it."""

    records: MemoryRecords = field(default_factory=MemoryRecords)
    tokens: int = 0

    def __post_init__(self) -> None:
        first = Member("n1", "1" * 32, "192.0.2.11", State.MEMBER, voter=True)
        self.records.put(f"{cluster.NODES}n1", first.to_members(), expected=0)
        totem = Totem.first("clover", "n1", {0: "192.0.2.11"})
        self.records.put(cluster.COROSYNC, totem.to_members(), expected=0)
        settings = Settings("clover", "c1", "2026-11-29T00:00:00+00:00")
        self.records.put(cluster.SETTINGS, settings.to_members(), expected=0)

    @property
    def admission(self) -> Admission:
        return Admission(self.records, lambda: float(NOW))

    def applicant(self, node: str = "n2", machine: str = "2" * 32, **options: Any) -> Applicant:
        token = keeping.issue(
            self.records,
            cluster="clover",
            cluster_id="c1",
            addresses=[Address("192.0.2.11")],
            ca="ab" * 32,
            made_by="n1",
            now=NOW,
            **options,
        )
        return Applicant(node, machine, token.id, token.secret.get_secret_value())

    def everything(self) -> dict[str, Any]:
        return {each.key: each.value for each in self.records.below("")}

    def join(self, applicant: Applicant, address: str) -> None:
        self.admission.admit(applicant, {0: address})
        self.admission.configure(applicant.node, {0: address})
        self.admission.end(applicant)


def test_a_node_is_listed_as_joining_and_then_as_a_member() -> None:
    world = World()
    who = world.applicant()

    told = world.admission.admit(who, OTHER)

    assert told["cluster"]["name"] == "clover"
    assert (told["id"], [each["name"] for each in told["members"]]) == (2, ["n1"])
    assert world.admission.require(who) == Member("n2", who.machine, "192.0.2.12")
    totem = world.admission.configure("n2", OTHER)
    assert [node.name for node in totem.nodes] == ["n1", "n2"]
    world.admission.vote("n2")
    world.admission.end(who)
    assert cluster.members(world.records)[1] == Member("n2", who.machine, "192.0.2.12", State.MEMBER, voter=True)
    assert under_way.found(world.records) is None


def test_each_step_bears_being_done_twice() -> None:
    world = World()
    who = world.applicant()
    for _ in range(2):
        world.admission.admit(who, OTHER)
        world.admission.configure("n2", OTHER)
        world.admission.vote("n2")
    assert len(cluster.members(world.records)) == 2
    totem = cluster.totem(world.records)
    assert totem is not None and totem.version == 2


def test_nothing_is_left_of_a_join_that_is_taken_back_but_the_version() -> None:
    world = World()
    who = world.applicant()
    before = world.everything()
    world.admission.admit(who, OTHER)
    world.admission.configure("n2", OTHER)

    world.admission.forget("n2")
    world.admission.undo(who)

    after = world.everything()
    versions = [each.pop(cluster.COROSYNC)["version"] for each in (before, after)]
    assert (before, versions) == (after, [1, 3])
    world.admission.admit(who, OTHER)


def test_one_node_joins_at_a_time() -> None:
    world = World()
    world.admission.admit(world.applicant(), OTHER)
    third = world.applicant("n3", "3" * 32)

    with pytest.raises(under_way.Busy, match="n2: joins at the moment"):
        world.admission.admit(third, {0: "192.0.2.13"})
    with pytest.raises(Refused, match="does not join at the moment"):
        world.admission.require(third)
    assert [each.name for each in cluster.members(world.records)] == ["n1", "n2"]


def _taken(world: World) -> tuple[Applicant, dict[int, str]]:
    return world.applicant("n1", "9" * 32), OTHER


def _copied(world: World) -> tuple[Applicant, dict[int, str]]:
    return world.applicant("n2", "1" * 32), OTHER


def _member(world: World) -> tuple[Applicant, dict[int, str]]:
    return world.applicant("n1", "1" * 32), OTHER


def _same_address(world: World) -> tuple[Applicant, dict[int, str]]:
    return world.applicant(), {0: "192.0.2.11"}


def _link_too_many(world: World) -> tuple[Applicant, dict[int, str]]:
    return world.applicant(), {0: "192.0.2.12", 1: "198.51.100.12"}


def _other_secret(world: World) -> tuple[Applicant, dict[int, str]]:
    return replace(world.applicant(), secret="0" * 32), OTHER


@pytest.mark.parametrize(
    ("of", "error", "says"),
    [
        (_taken, Refused, "n1: is the name of a node of the cluster"),
        (_copied, Refused, "copies of one installation"),
        (_member, Refused, "n1: is a member of the cluster already"),
        (_same_address, BadInput, "192.0.2.11"),
        (_link_too_many, BadInput, "link"),
        (_other_secret, NotAdmitted, "is not known here"),
    ],
)
def test_who_does_not_fit_is_told_why_and_nothing_is_changed(of: Any, error: type[TrebolError], says: str) -> None:
    world = World()
    applicant, addresses = of(world)
    before = world.everything()

    with pytest.raises(error, match=says):
        world.admission.admit(applicant, addresses)

    assert world.everything() == before


def test_a_token_is_good_once() -> None:
    world = World()
    who = world.applicant()
    world.join(who, "192.0.2.12")

    with pytest.raises(NotAdmitted, match="was used by another machine, as node n2"):
        world.admission.admit(replace(who, node="n3", machine="3" * 32), {0: "192.0.2.13"})


@pytest.mark.parametrize(("members", "wants"), [(1, True), (2, True), (3, False), (4, True), (6, False)])
def test_a_new_node_votes_where_the_cluster_needs_one_more(members: int, wants: bool) -> None:
    world = World()
    for number in range(2, members + 1):
        who = world.applicant(f"n{number}", f"{number:032x}")
        world.join(who, f"192.0.2.{10 + number}")
        if number in (2, 3, 5, 6):
            world.admission.vote(f"n{number}")
    assert world.admission.wants_voter() == wants


def test_a_node_that_stands_alone_lets_nobody_in() -> None:
    with pytest.raises(Refused, match="is of no cluster"):
        Admission(MemoryRecords(), lambda: 0.0).admit(Applicant("n2", "2" * 32, "00" * 8, "00" * 16), OTHER)
