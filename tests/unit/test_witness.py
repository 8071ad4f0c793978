"""The witness of a cluster, as a value: who can be it, whose its token is, what people see of it, when it votes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from tests.unit.cluster_of_three import address, records_of, totem_of
from tests.unit.cluster_tokens import NOW
from tests.unit.test_voters_acting import GRACE, World

from trebol_common.errors import BadInput, Refused
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.corosync.status import Member as Seen
from trebol_node.cluster.corosync.status import Membership
from trebol_node.cluster.tokens.addresses import Address
from trebol_node.cluster.tokens.token import Token
from trebol_node.cluster.voters.acting import Acting
from trebol_node.cluster.voters.choice import Kind
from trebol_node.cluster.witness.place import NotInvited, Place, voters_with
from trebol_node.cluster.witness.record import KEY, STORE_NAME, Witness, witness
from trebol_node.cluster.witness.rules import require_possible
from trebol_node.cluster.witness.view import State, as_device, as_entry, shown, state
from trebol_node.store.configuration import peer_url

THIRD = "192.0.2.9"
TWO, THREE = totem_of(("n1", "n2")), totem_of(("n1", "n2", "n3"))
INVITED = Witness("third", THIRD, "0" * 16, "0" * 64, NOW + 3600, "n1")
HERE = replace(INVITED, machine="m9", here=True, store=True)

#: Why a machine cannot be it: the configuration, its name, what that means, who is it before.
REFUSED: dict[str, tuple[Totem, str, tuple[str, ...], Witness | None, str]] = {
    "a member by its address": (TWO, address("n2"), (address("n2"),), None, "cannot decide between members"),
    "a member by its name": (TWO, "n2.example.org", ("198.51.100.7",), None, "cannot decide between members"),
    "the node that is asked": (TWO, "here", ("198.51.100.1",), None, "is this node"),
    "loopback": (TWO, "localhost", ("127.0.0.1",), None, "an address that every machine has"),
    "loopback of IPv6": (TWO, "localhost", ("::1",), None, "an address that every machine has"),
    "nothing": (TWO, "nowhere", (), None, "has no address"),
    "a single node": (totem_of(("n1",)), "third", (THIRD,), None, "nobody to be parted from"),
    "one that there is": (TWO, "other", ("192.0.2.8",), HERE, "has a witness already: third"),
    "a device of somebody's": (TWO.with_device("192.0.2.8"), "third", (THIRD,), None, "a quorum device already"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_who_cannot_be_the_witness_is_told_why(name: str) -> None:
    totem, host, resolved, before, says = REFUSED[name]
    with pytest.raises((BadInput, Refused), match=says):
        require_possible(totem, host, resolved, before, own=("198.51.100.1",))


def test_of_several_addresses_the_first_that_can_be_one_is_taken() -> None:
    assert require_possible(TWO, "third", ("127.0.1.1", THIRD), None) == THIRD
    assert require_possible(TWO, "third", (THIRD,), INVITED) == THIRD, "who is only invited is replaced"


def test_three_nodes_may_have_one_which_waits_until_they_are_four() -> None:
    assert require_possible(THREE, "third", (THIRD,), None) == THIRD
    three = THREE.with_device(THIRD, may_wait=True)
    assert three.device_votes == 0 and "device" not in three.render()
    assert three.with_node("n4", {0: address("n4")}).device_votes == 1


def place(names: tuple[str, ...] = ("n1", "n2")) -> Place:
    return Place(records_of(*names), lambda: NOW)


def invited(found: Place) -> Token:
    where = [Address(address("n1"))]
    return found.invite("third", THIRD, addresses=where, ca="0" * 64, made_by="n1", seconds=60)


def test_its_token_is_good_once_for_the_machine_that_showed_it_first() -> None:
    found = place()
    token = invited(found)
    secret = token.secret.get_secret_value()
    assert found.admit(token.id, secret, "m9").address == THIRD
    assert found.admit(token.id, secret, "m9").machine == "m9", "asked again it is let in again"
    with pytest.raises(NotInvited, match="used by another machine"):
        found.admit(token.id, secret, "m8")


def test_a_token_that_was_replaced_or_is_over_lets_nobody_in() -> None:
    found = place()
    before, after = invited(found), invited(found)
    with pytest.raises(NotInvited, match="is not known here"):
        found.admit(before.id, before.secret.get_secret_value(), "m9")
    with pytest.raises(NotInvited, match="is not known here"):
        found.admit(after.id, "0" * 32, "m9")
    late = Place(found.records, lambda: NOW + 61)
    with pytest.raises(NotInvited, match="has ended"):
        late.admit(after.id, after.secret.get_secret_value(), "m9")


def test_one_that_is_there_is_not_replaced_by_an_invitation() -> None:
    found = place()
    token = invited(found)
    found.admit(token.id, token.secret.get_secret_value(), "m9")
    assert found.configure(THIRD) == found.configure(THIRD), "done twice it is done once"
    found.settle(token.id, store=True)
    with pytest.raises(Refused, match="has a witness already"):
        invited(found)
    assert found.unconfigure().device is None
    found.forget()
    assert witness(found.records) is None


def membership(device: int | None) -> Membership:
    nodes = tuple(Seen(number, f"n{number}", 1, number == 1, True, {}, 1) for number in (1, 2))
    return Membership("clover", 1, "1.2", True, False, 3, 3, 2, device, nodes)


#: The record, corosync's configuration, its votes here → what people see.
SEEN: dict[str, tuple[Witness, Totem, int | None, State]] = {
    "its token waits": (INVITED, TWO, None, State.INVITED),
    "it has come": (replace(INVITED, machine="m9"), TWO, None, State.COMES),
    "it votes": (HERE, TWO.with_device(THIRD), 1, State.VOTES),
    "its vote is gone": (HERE, TWO.with_device(THIRD), 0, State.SILENT),
    "corosync here has no device": (HERE, TWO.with_device(THIRD), None, State.SILENT),
    "an odd number of nodes": (HERE, THREE.with_device(THIRD, may_wait=True), None, State.WAITS),
}


@pytest.mark.parametrize("name", SEEN)
def test_people_see_how_far_it_is(name: str) -> None:
    found, totem, votes, expected = SEEN[name]
    seen = membership(votes)
    assert state(found, totem, seen) == expected
    assert as_entry(found, totem, seen)["online"] == int(expected is State.VOTES)
    assert ("end" in shown(found, totem, seen)) == (expected is State.INVITED)


def test_a_client_of_proxmox_sees_the_device_or_nothing() -> None:
    assert as_device(None, TWO, None) == {}
    told = as_device(HERE, TWO.with_device(THIRD), membership(1))
    assert (told["QNetd host"], told["State"]) == (f"{THIRD}:5403", "Connected")


def test_what_a_later_version_added_to_the_record_is_no_damage() -> None:
    assert Witness.of({**HERE.to_members(), "colour": "green"}) == HERE
    with pytest.raises(BadInput, match="is damaged"):
        Witness.of({"host": "third"})


def test_who_joins_the_store_is_told_of_the_witness_where_it_votes() -> None:
    records = records_of("n1", "n2")
    assert voters_with(records, {"n1": address("n1")}) == {"n1": address("n1")}
    records.put(KEY, replace(HERE, voter=True).to_members(), expected=0)
    assert voters_with(records, {"n1": address("n1")})[STORE_NAME] == THIRD


class Beside:
    """Two nodes and a witness; `there`: its QNetd answers."""

    def __init__(self, stack: ExitStack, nodes: int = 2) -> None:
        self.world = World(stack, nodes, min(nodes, 3))
        self.world.records.put(KEY, HERE.to_members(), expected=0)
        self.there = True
        names = {f"n{each}" for each in range(1, nodes + 1)}
        self.world.acting = Acting(
            self.world.records,
            self.world.members,
            lambda: names - self.world.silent,
            clock=lambda: self.world.now,
            grace=GRACE,
            answers=lambda where: self.there and where == THIRD,
        )


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def test_two_nodes_have_it_vote_in_the_store(stack: ExitStack) -> None:
    two = Beside(stack).world
    two.turns(60)
    assert peer_url(THIRD) in {each.url for each in two.etcd.listed.values() if not each.learner}
    found = witness(two.records)
    assert found is not None and found.voter and not found.learner


def test_one_that_does_not_answer_gets_no_vote(stack: ExitStack) -> None:
    beside = Beside(stack)
    beside.there = False
    assert beside.world.turns(60) == []


def test_three_nodes_vote_themselves(stack: ExitStack) -> None:
    assert Beside(stack, nodes=3).world.turns(60) == []


def test_when_it_is_removed_its_vote_goes(stack: ExitStack) -> None:
    two = Beside(stack).world
    two.turns(60)
    two.records.delete(KEY, expected=two.records.get(KEY).revision)  # type: ignore[union-attr]
    (change,) = two.turns(60)
    assert change[0] is Kind.REMOVE
    assert len(two.etcd.listed) == 2
