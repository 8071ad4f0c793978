"""Which nodes are to vote in the store, as the next single change on the way there. Pure.

| nodes | vote |
|---|---|
| 1 | 1 |
| 2 | 2; with a witness 3 |
| 3, 4 | 3 |
| 5 and more | 5 |

A voter stays one while it is fine. One that has been silent for long is replaced where a node is there to replace it:
its vote is taken first, since etcd adds no member while a voter does not answer (`StrictReconfigCheck`), and two of
two are no worse than two of three. A vote is never given that makes four of three for good: four bear no more losses.

Asked again after each change, with what is so by then. Not to be asked while a node joins or leaves: the steps of
that give and take its vote themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from trebol_node.cluster.voters.members import quorum

#: Voters at most: more would make each write wait for more disks, and bear losses that no cluster of this size has.
MOST = 5

#: Seconds of silence after which a voter is replaced: longer than a server's reboot.
GRACE = 600.0


class Vote(StrEnum):
    """What a node is in the store."""

    NONE = "none"
    LEARNER = "learner"
    VOTER = "voter"


class Kind(StrEnum):
    """What is to be done next. ADD makes a learner, PROMOTE a voter of it, REMOVE takes either out."""

    NOTHING = "nothing"
    ADD = "add"
    PROMOTE = "promote"
    REMOVE = "remove"


@dataclass(frozen=True)
class Candidate:
    """A node, or what still is a member of the store though its node is not one of the cluster any more.

    `rank` orders nodes that are equal otherwise, lowest first: their numbers in the cluster. `silent`: seconds since
    it has answered last, 0 where it does. `witness`: it is no node, and votes for two nodes alone. `leaves`: it is
    not to vote any more, it leaves or has left.
    """

    name: str
    rank: int
    vote: Vote = Vote.NONE
    silent: float = 0.0
    witness: bool = False
    leaves: bool = False

    @property
    def answers(self) -> bool:
        """Whether it does now."""
        return self.silent <= 0


@dataclass(frozen=True)
class Change:
    """One change, of the member `name` ("" for `NOTHING`), and why, for the log and for people."""

    kind: Kind
    name: str
    reason: str


def wanted(nodes: int, *, witness: bool = False) -> int:
    """How many are to vote in a cluster of so many nodes."""
    if nodes >= MOST:
        return MOST
    return 3 if nodes >= 3 or (nodes == 2 and witness) else nodes


def next_change(candidates: Iterable[Candidate], *, grace: float = GRACE) -> Change:
    """The next change; `NOTHING` where all is as it should be, or nothing can be done now, which `reason` tells.

    Whoever votes keeps the quorum through it, as far as they answer now; never are there more than `MOST` voters.
    """
    return _Choice(tuple(sorted(candidates, key=lambda each: (each.rank, each.name))), grace).change()


class _Choice:
    """One choice, in its parts."""

    def __init__(self, candidates: Sequence[Candidate], grace: float) -> None:
        self.grace = grace
        nodes = [each for each in candidates if not each.witness and not each.leaves]
        self.voters = [each for each in candidates if each.vote is Vote.VOTER]
        self.learners = [each for each in candidates if each.vote is Vote.LEARNER]
        self.answering = [each for each in self.voters if each.answers]
        may = [each for each in candidates if each in nodes or (len(nodes) == 2 and each.witness and not each.leaves)]
        self.nodes = len(nodes)
        self.wanted = wanted(len(nodes), witness=any(each.witness for each in may))
        #: Voters that are fine: they stay, nodes before a witness, and those that answer before the others.
        fine = [each for each in self.voters if each in may and each.silent < grace]
        self.keep = sorted(fine, key=lambda each: (each.witness, not each.answers))[: self.wanted]
        #: Who could vote as well: who learns already before the others.
        spare = [each for each in may if each.vote is Vote.LEARNER and each.silent < grace]
        spare += sorted(
            (each for each in may if each.vote is Vote.NONE and each.answers), key=lambda each: each.witness
        )
        self.fresh = spare[: self.wanted - len(self.keep)]
        #: Voters that have been silent for long, and those that are not to vote any more.
        self.lost = [each for each in self.voters if each in may and each.silent >= grace]
        self.surplus = [each for each in self.voters if each not in self.keep and each not in self.lost]

    def change(self) -> Change:
        """See `next_change`."""
        count, there = len(self.voters), len(self.answering)
        if there < quorum(count):
            return _nothing(f"there is no quorum: of {count} voters {there} answer")
        return (
            self.useless_learner()
            or self.silent_voter()
            or self.new_voter()
            or self.superfluous_voter()
            or self.settled()
        )

    def useless_learner(self) -> Change | None:
        """One that is not to become a voter; nothing hangs on it."""
        for each in reversed(self.learners):
            if each not in self.fresh:
                return Change(Kind.REMOVE, each.name, f"{each.name} learns, and is not to vote: {self.count()}")
        return None

    def silent_voter(self) -> Change | None:
        """Taking a vote from one that is silent leaves the quorum what it was, or makes it smaller."""
        for each in reversed(self.surplus):
            if not each.answers:
                return Change(Kind.REMOVE, each.name, f"{each.name} is silent and not to vote: {self.count()}")
        if not self.lost:
            return None
        last = self.lost[-1]
        silent = f"{last.name} has been silent for {last.silent:.0f} s"
        if self.fresh:
            return Change(Kind.REMOVE, last.name, f"{silent}, and {self.fresh[0].name} can take its place")
        if len(self.voters) % 2 == 0 or len(self.voters) > self.wanted:
            return Change(Kind.REMOVE, last.name, f"{silent}, and without its vote fewer are needed")
        return None

    def new_voter(self) -> Change | None:
        """One more, by way of a learner."""
        fresh = self.fresh
        after = len(self.keep) + len(fresh)
        if after > 2 and after % 2 == 0:
            fresh = fresh[:-1]
        if not fresh:
            return None
        one = fresh[0]
        if one.vote is Vote.LEARNER:
            if not one.answers:
                return _nothing(f"{one.name} learns, but does not answer")
            if len(self.voters) >= MOST:
                return self.superfluous_voter() or _nothing(f"{one.name} waits: there are {MOST} voters")
            return Change(Kind.PROMOTE, one.name, f"{one.name} is to vote: {self.count()}")
        silent = [each.name for each in self.voters if not each.answers]
        if silent:
            return _nothing(f"{one.name} is to vote, and waits for {', '.join(silent)} to answer")
        return Change(Kind.ADD, one.name, f"{one.name} is to vote: {self.count()}")

    def superfluous_voter(self) -> Change | None:
        """One that is not to vote any more and still answers."""
        if not self.surplus:
            return None
        last = next((each for each in reversed(self.surplus) if each.leaves or each.witness), self.surplus[-1])
        if len(self.answering) - 1 < quorum(len(self.voters) - 1):
            return _nothing(f"{last.name} is not to vote, but without it there would be no quorum")
        return Change(Kind.REMOVE, last.name, f"{last.name} is not to vote: {self.count()}")

    def settled(self) -> Change:
        """All is as it should be, or as near as it can be."""
        silent = [each.name for each in self.voters if not each.answers]
        if silent:
            return _nothing(f"no answer from {', '.join(silent)}, and nothing to take that place")
        if self.fresh:
            return _nothing(f"{self.fresh[-1].name} waits for one more: an even number bears no more losses")
        return _nothing(self.count())

    def count(self) -> str:
        """As people are told."""
        return f"nodes: {self.nodes}, voters: {len(self.voters)}, wanted: {self.wanted}"


def _nothing(reason: str) -> Change:
    return Change(Kind.NOTHING, "", reason)
