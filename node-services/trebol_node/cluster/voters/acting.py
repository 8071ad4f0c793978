"""Who votes in the store follows the cluster: the single changes of `choice`, carried out by one member at a time.

The store's own list of members is what is so; the records `cluster/nodes/NAME` say it to all nodes, each of which
then does its part (`trebol_node.daemon.voting`). Whoever is cut off in between, or does it at the same time as
another, does no harm: etcd takes a change once, and the next turn begins with the list.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from trebol_node.cluster import records as cluster
from trebol_node.cluster import under_way
from trebol_node.cluster.records import State
from trebol_node.cluster.voters.choice import GRACE, Candidate, Change, Kind, Vote, next_change
from trebol_node.cluster.voters.members import Member, Members
from trebol_node.cluster.voters.silence import Silence
from trebol_node.cluster.witness.record import KEY as WITNESS
from trebol_node.cluster.witness.record import STORE_NAME, Witness, witness
from trebol_node.store.configuration import peer_url
from trebol_node.store.gateway import Gateway
from trebol_node.store.records import Records

#: Seconds that one change may wait for etcd to allow it; what was not done by then is tried in a later turn.
_WAIT = 6.0


def leads(own: Gateway) -> bool:
    """Whether the member of the store at `own` leads it: of all nodes one, as long as there is a quorum.

    Raises Unavailable where it does not answer.
    """
    told = own.call("maintenance/status", {})
    return bool(told.get("leader", "0") != "0" and told["leader"] == told["header"]["member_id"])


@dataclass(frozen=True)
class Seat:
    """A node, and its member in the store's list, where there is one."""

    node: cluster.Member
    member: Member | None

    @property
    def voter(self) -> bool:
        """Whether it votes."""
        return self.member is not None and not self.member.learner

    @property
    def learner(self) -> str:
        """As the record has it."""
        return f"{self.member.id:x}" if self.member is not None and self.member.learner else ""


def seats(nodes: Sequence[cluster.Member], listed: Sequence[Member]) -> tuple[Seat, ...]:
    """Each node with its member: that which is reached at the node's address. Pure."""
    by_url = {url: each for each in listed for url in each.peer_urls}
    return tuple(Seat(each, by_url.get(peer_url(each.address))) for each in nodes)


@dataclass(frozen=True)
class Third:
    """A witness that offers a vote, and its member in the store's list, where there is one."""

    witness: Witness
    member: Member | None

    @property
    def vote(self) -> Vote:
        """What it is in the store."""
        if self.member is None:
            return Vote.NONE
        return Vote.LEARNER if self.member.learner else Vote.VOTER

    @property
    def learner(self) -> str:
        """As the record has it."""
        return f"{self.member.id:x}" if self.member is not None and self.member.learner else ""


def third_of(found: Witness | None, listed: Sequence[Member]) -> Third | None:
    """The witness with its member; None where none offers a vote. Pure."""
    if found is None or not found.here or not found.store:
        return None
    url = peer_url(found.address)
    return Third(found, next((each for each in listed if url in each.peer_urls), None))


def candidates(
    seated: Sequence[Seat],
    listed: Sequence[Member],
    ranks: Mapping[str, int],
    silent: Mapping[str, float],
    third: Third | None = None,
) -> list[Candidate]:
    """What `choice` chooses from; members of the store that are no node of the cluster leave it, but for the
    witness's. Pure.

    `ranks` are the numbers of the nodes, `silent` seconds by name.
    """
    known = {seat.member.id for seat in seated if seat.member is not None}
    if third is not None and third.member is not None:
        known.add(third.member.id)
    found = [
        Candidate(each.node.name, ranks[each.node.name], _vote(each), silent.get(each.node.name, 0.0))
        for each in seated
        if each.node.name in ranks
    ]
    if third is not None:
        silence = silent.get(STORE_NAME, 0.0)
        found.append(Candidate(STORE_NAME, max(ranks.values(), default=0), third.vote, silence, witness=True))
    last = max(ranks.values(), default=0)
    strangers = [each for each in listed if each.id not in known]
    return found + [
        Candidate(
            name_of(each),
            last + number,
            Vote.LEARNER if each.learner else Vote.VOTER,
            silent.get(name_of(each), 0.0),
            leaves=True,
        )
        for number, each in enumerate(strangers, 1)
    ]


def name_of(member: Member) -> str:
    """Of one that is no node: never the name of a node."""
    return f"member {member.id:x} ({member})"


def _vote(seat: Seat) -> Vote:
    if seat.member is None:
        return Vote.NONE
    return Vote.LEARNER if seat.member.learner else Vote.VOTER


class Acting:
    """Carries changes out. `online` names the nodes that corosync sees; `clock` gives monotonic seconds; `answers`:
    whether the witness at an address is there."""

    def __init__(
        self,
        records: Records,
        members: Members,
        online: Callable[[], Collection[str]],
        *,
        clock: Callable[[], float],
        grace: float = GRACE,
        answers: Callable[[str], bool] = lambda address: False,
    ) -> None:
        self._answers = answers
        self._records = records
        self._members = members
        self._online = online
        self._grace = grace
        self._silence = Silence(clock)

    def rest(self) -> None:
        """Another member acts: what was measured here says nothing by the time that it is this one's turn again."""
        self._silence.forget()

    def turn(self) -> Change:
        """Bring the records up to the store's list, and make one change, if one is due; which, and why.

        Blocks. Raises Unavailable where the store cannot be written, Refused where it takes no change now.
        """
        if busy := self._busy():
            return Change(Kind.NOTHING, "", busy)
        totem = cluster.totem(self._records)
        ranks = {} if totem is None else {each.name: each.id for each in totem.nodes}
        listed = self._members.members()
        seated = self._note(listed)
        third = self._third(listed)
        found = candidates(seated, listed, ranks, self._silent(seated, listed, third), third)
        chosen = next_change(found, grace=self._grace)
        if chosen.kind is not Kind.NOTHING:
            self._do(chosen, seated, listed, third)
            after = self._members.members()
            self._note(after)
            self._third(after)
        return chosen

    def _busy(self) -> str:
        """Why it is not to be asked now; "" where it is."""
        change = under_way.found(self._records)
        if change is not None:
            return f"{change.node} comes or goes"
        others = [each.name for each in cluster.members(self._records) if each.state is not State.MEMBER]
        return f"{', '.join(others)} comes or goes" if others else ""

    def _note(self, listed: Sequence[Member]) -> tuple[Seat, ...]:
        """Have the records say what the list says."""
        seated = seats(cluster.members(self._records), listed)
        for each in seated:
            if (each.node.voter, each.node.learner) != (each.voter, each.learner):
                cluster.edit(self._records, f"{cluster.NODES}{each.node.name}", _as(each))
        return seated

    def _third(self, listed: Sequence[Member]) -> Third | None:
        """The witness, whose record says what the list says from now on."""
        third = third_of(witness(self._records), listed)
        if third is not None:
            said = third.vote is Vote.VOTER, third.learner
            if (third.witness.voter, third.witness.learner) != said:
                cluster.edit(self._records, WITNESS, _as_third(third))
        return third

    def _silent(self, seated: Sequence[Seat], listed: Sequence[Member], third: Third | None) -> Mapping[str, float]:
        """For how long: of members of the store by the store, of the other nodes by corosync."""
        answering = self._members.answering(tuple(listed))
        names = {each.id: name_of(each) for each in listed}
        names |= {seat.member.id: seat.node.name for seat in seated if seat.member is not None}
        if third is not None and third.member is not None:
            names[third.member.id] = STORE_NAME
        there = {name for number, name in names.items() if number in answering}
        without = {seat.node.name for seat in seated if seat.member is None}
        online = without & set(self._online())
        if third is not None and third.member is None and len(seated) == 2:
            without.add(STORE_NAME)
            online |= {STORE_NAME} if self._answers(third.witness.address) else set()
        return self._silence.look({*names.values(), *without}, there | online)

    def _do(self, chosen: Change, seated: Sequence[Seat], listed: Sequence[Member], third: Third | None) -> None:
        by_name = {name_of(each): each for each in listed}
        by_name |= {seat.node.name: seat.member for seat in seated if seat.member is not None}
        addresses = {each.node.name: each.node.address for each in seated}
        if third is not None:
            addresses[STORE_NAME] = third.witness.address
            by_name |= {STORE_NAME: third.member} if third.member is not None else {}
        match chosen.kind:
            case Kind.ADD:
                self._members.add_learner(peer_url(addresses[chosen.name]), seconds=_WAIT)
            case Kind.PROMOTE:
                self._members.promote(by_name[chosen.name].id, seconds=_WAIT)
            case Kind.REMOVE:
                self._members.remove(by_name[chosen.name].id, seconds=_WAIT)


def _as(seat: Seat) -> cluster.Change:
    def changed(before: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        if before is None:
            return None
        return replace(cluster.Member.of(before), voter=seat.voter, learner=seat.learner).to_members()

    return changed


def _as_third(third: Third) -> cluster.Change:
    def changed(before: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        if before is None:
            return None
        return {**before, "voter": third.vote is Vote.VOTER, "learner": third.learner}

    return changed
