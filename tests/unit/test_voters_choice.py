"""Which nodes vote in the store: few changes, one at a time, and never one that costs the quorum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trebol_node.cluster.voters.choice import GRACE, MOST, Candidate, Change, Kind, Vote, next_change, wanted
from trebol_node.cluster.voters.members import quorum

VOTER, LEARNER, NONE = Vote.VOTER, Vote.LEARNER, Vote.NONE


def cluster(text: str) -> tuple[Candidate, ...]:
    """A word each: its name, then V or L for its vote, and of: ! silent for long, ? silent, - leaves, w witness."""
    found = []
    for rank, word in enumerate(text.split()):
        name, marks = word[0], word[1:]
        vote = VOTER if "V" in marks else LEARNER if "L" in marks else NONE
        silent = GRACE if "!" in marks else 10.0 if "?" in marks else 0.0
        found.append(Candidate(name, rank, vote, silent, witness="w" in marks, leaves="-" in marks))
    return tuple(found)


def applied(candidates: Sequence[Candidate], change: Change) -> tuple[Candidate, ...]:
    """What is so once it is done; one that has left is gone when its vote is."""
    becomes = {Kind.ADD: LEARNER, Kind.PROMOTE: VOTER, Kind.REMOVE: NONE}[change.kind]
    done = (replace(each, vote=becomes) if each.name == change.name else each for each in candidates)
    return tuple(each for each in done if not (each.leaves and each.vote is NONE))


def way(candidates: Sequence[Candidate]) -> list[str]:
    """The changes up to where nothing is to be done: "add d"."""
    steps: list[str] = []
    while (change := next_change(candidates)).kind is not Kind.NOTHING:
        steps.append(f"{change.kind} {change.name}")
        assert len(steps) < 50, steps
        candidates = applied(candidates, change)
    return steps


@pytest.mark.parametrize(
    ("nodes", "witness", "count"),
    [
        (1, False, 1),
        (1, True, 1),
        (2, False, 2),
        (2, True, 3),
        (3, True, 3),
        (4, False, 3),
        (5, False, 5),
        (9, True, 5),
    ],
)
def test_how_many_are_to_vote(nodes: int, witness: bool, count: int) -> None:
    assert wanted(nodes, witness=witness) == count


@pytest.mark.parametrize(
    ("before", "steps"),
    [
        ("aV", []),
        ("aV b", ["add b", "promote b"]),
        ("aV bL", ["promote b"]),
        ("aV bV c", ["add c", "promote c"]),
        ("aV bV cV d", []),
        ("aV bV cV d e", ["add d", "promote d", "add e", "promote e"]),
        ("aV bV cV dV eV f", []),
        # What came late stays, whatever its number.
        ("a bV cV dV", []),
        ("a bV cV dV eV fV", []),
        # A witness votes for two nodes, and for no more.
        ("aV bV ww", ["add w", "promote w"]),
        ("aV bV wVw c", ["add c", "promote c", "remove w"]),
        ("aV ww", []),
        ("aV wVw", ["remove w"]),
        ("aV bV ww!", []),
        # Who is silent for long gives its vote to a node that is there.
        ("aV bV cV! d", ["remove c", "add d", "promote d"]),
        ("aV bV cV! dL", ["remove c", "promote d"]),
        ("aV bV cV dV eV! f", ["remove e", "add f", "promote f"]),
        ("aV bV cV! d e", ["remove c", "add d", "promote d"]),
        ("aV bV cV dV! eV! f", ["remove e", "remove d"]),
        ("a! bV cV dV", []),
        # Not at once, and not for nothing.
        ("aV bV cV? d", []),
        ("aV bV cV!", []),
        ("aV bV cV dV! eV!", []),
        ("aV bV cV! d!", []),
        ("aV bV wVw!", []),
        # Four bear no more losses than three.
        ("aV bV cV d e!", []),
        ("aV bV cV dL e!", []),
        ("aV bV cV dV! e!", ["remove d"]),
        ("aV bV cV dV", ["remove d"]),
        ("aV bV cV dV?", ["remove d"]),
        # Who leaves goes last where another can vote before, first where it is silent.
        ("aV bV-", ["remove b"]),
        ("aV- b", ["add b", "promote b", "remove a"]),
        ("aV bV cV- d", ["add d", "promote d", "remove c"]),
        ("aV bV cV!- d", ["remove c", "add d", "promote d"]),
        ("aV bV cV?-", ["remove c"]),
        ("aV bV cV dV eV- f", ["add f", "remove e", "promote f"]),
        ("aV-", []),
        # Learners that are of no use.
        ("aV bV cV dL", ["remove d"]),
        ("aV bL!", ["remove b"]),
        ("aV bL?", []),
        ("aV bV cL-", ["remove c"]),
        # Without a quorum nothing can be written.
        ("aV bV! c", []),
        ("aV bV? cV! d", []),
    ],
)
def test_the_way_from(before: str, steps: list[str]) -> None:
    assert way(cluster(before)) == steps


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ("aV", "nodes: 1, voters: 1, wanted: 1"),
        ("aV bV c", "c is to vote: nodes: 3, voters: 2, wanted: 3"),
        ("aV bV cV! d", "c has been silent for 600 s, and d can take its place"),
        ("aV bV cV? d e", "d is to vote, and waits for c to answer"),
        ("aV bV cV!", "no answer from c, and nothing to take that place"),
        ("aV bV! c", "there is no quorum: of 2 voters 1 answer"),
        ("aV bV cV d e!", "d waits for one more: an even number bears no more losses"),
        ("aV bL?", "b learns, but does not answer"),
        ("aV bV? cV-", "c is not to vote, but without it there would be no quorum"),
    ],
)
def test_the_reason_is_told(before: str, reason: str) -> None:
    assert next_change(cluster(before)).reason == reason


@st.composite
def clusters(draw: st.DrawFn) -> tuple[Candidate, ...]:
    """Any that has a quorum, as nobody would make it by plan too; of learners one at most, as etcd has it."""
    size = draw(st.integers(1, 9))
    voters = draw(st.integers(1, min(size, MOST)))
    silent = st.sampled_from([1.0, GRACE - 1, GRACE, 10 * GRACE])
    learner = draw(st.none() | st.integers(voters, size))
    found = []
    for number in range(size):
        # Of the voters the last may be silent, as many as a quorum bears.
        may = number >= quorum(voters)
        found.append(
            Candidate(
                f"n{number}",
                draw(st.integers(0, 9)),
                VOTER if number < voters else LEARNER if number == learner else NONE,
                draw(st.just(0.0) | silent) if may else 0.0,
                leaves=draw(st.integers(0, 5)) == 0,
            )
        )
    witness = draw(st.none() | st.integers(0, size - 1))
    if witness is not None:
        found[witness] = replace(found[witness], witness=True)
    return tuple(found)


def quorate(candidates: Sequence[Candidate]) -> bool:
    voting = [each for each in candidates if each.vote is VOTER]
    return sum(each.answers for each in voting) >= quorum(len(voting))


def fine(candidate: Candidate) -> bool:
    return candidate.silent < GRACE and not candidate.leaves


@settings(deadline=None, max_examples=100)
@given(clusters())
def test_from_any_state_with_a_quorum_it_comes_to_rest_and_never_loses_it(before: tuple[Candidate, ...]) -> None:
    now = before
    for _step in range(30):
        change = next_change(now)
        assert change.reason
        if change.kind is Kind.NOTHING:
            break
        (one,) = (each for each in now if each.name == change.name)
        match change.kind:
            case Kind.ADD:
                # As etcd wants it, and one at a time.
                assert one.vote is NONE and one.answers
                assert all(each.answers for each in now if each.vote is VOTER)
                assert not any(each.vote is LEARNER for each in now)
            case Kind.PROMOTE:
                assert one.vote is LEARNER and one.answers
            case Kind.REMOVE:
                assert one.vote is not NONE
        now = applied(now, change)
        assert quorate(now) and 0 < sum(each.vote is VOTER for each in now) <= MOST
    else:
        pytest.fail(f"it does not come to rest: {now}")


@settings(deadline=None, max_examples=100)
@given(clusters())
def test_at_rest_as_many_vote_as_are_wanted_where_all_are_there(before: tuple[Candidate, ...]) -> None:
    now = tuple(replace(each, silent=0.0) for each in before)
    while (change := next_change(now)).kind is not Kind.NOTHING:
        now = applied(now, change)
    nodes = [each for each in now if not each.witness and not each.leaves]
    witness = any(each.witness and not each.leaves for each in now)
    voting = [each for each in now if each.vote is VOTER]
    if not nodes:
        return
    assert len(voting) == wanted(len(nodes), witness=witness)
    assert not any(each.leaves or (each.witness and len(nodes) != 2) for each in voting)
    assert not any(each.vote is LEARNER for each in now)


@settings(deadline=None, max_examples=100)
@given(clusters())
def test_who_votes_and_is_fine_still_does_unless_there_are_too_many(before: tuple[Candidate, ...]) -> None:
    now = before
    while (change := next_change(now)).kind is not Kind.NOTHING:
        now = applied(now, change)
    nodes = sum(not each.witness and not each.leaves for each in before)
    stay = [each for each in before if each.vote is VOTER and fine(each) and not each.witness]
    gone = {each.name for each in stay} - {each.name for each in now if each.vote is VOTER}
    assert len(gone) <= max(0, len(stay) - wanted(nodes))


@settings(deadline=None, max_examples=100)
@given(clusters())
def test_the_order_in_which_nodes_are_told_changes_nothing(before: tuple[Candidate, ...]) -> None:
    assert next_change(before) == next_change(tuple(reversed(before)))
