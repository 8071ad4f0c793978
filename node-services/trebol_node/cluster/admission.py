"""A member's side of a join: what it does, step by step, for a node that shows a token.

Everything is in the store, so that any member can go on with what another one began, and bears being done twice. One
node comes or goes at a time: see `trebol_node.cluster.under_way`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from trebol_common.errors import BadInput, Refused
from trebol_node.cluster import records as cluster
from trebol_node.cluster import under_way
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.corosync.rules import canonical
from trebol_node.cluster.records import Member, State
from trebol_node.cluster.tokens import keeping as tokens
from trebol_node.cluster.tokens.admission import Admitted, Garbled, NotAdmitted, Unknown, Used
from trebol_node.cluster.under_way import Kind, UnderWay
from trebol_node.cluster.voters.choice import wanted
from trebol_node.cluster.waiting import Waits
from trebol_node.store.records import Records


@dataclass(frozen=True)
class Applicant:
    """Who asks: `addresses` by number of link; `token` and `secret` as shown."""

    node: str
    machine: str
    token: str
    secret: str


@dataclass(frozen=True)
class Admission:
    """`now` in seconds since 1970."""

    records: Records
    now: Callable[[], float]

    def require_cluster(self) -> None:
        """Raises Refused where there is none: before any proof, so that whoever waits guesses no token."""
        self._settings()

    def admit(self, applicant: Applicant, addresses: Mapping[int, str]) -> dict[str, Any]:
        """Step 1: list the node as joining. What it has to know of the cluster.

        Raises NotAdmitted, Busy while another node comes or goes, Learning while one gets a vote, Refused for a name
        or machine that the cluster has, BadInput for addresses that do not fit.
        """
        settings = self._settings()
        self._require_known(applicant)
        mine, change = self._change(applicant), under_way.found(self.records)
        if change is not None and not mine.goes_on_with(change):
            raise under_way.Busy(change)
        members = cluster.members(self.records)
        learning = next((each.name for each in members if each.learner), None)
        if change is None and learning is not None:
            raise Learning(learning)
        _refuse_taken(applicant, members)
        totem = self._totem()
        for member in members:
            if member.name == applicant.node:
                require_admitted(member, addresses)
        if not totem.has(applicant.node):
            totem = totem.with_node(applicant.node, addresses)
        self.let_in(applicant)
        under_way.take(self.records, mine)
        member = Member(applicant.node, applicant.machine, canonical(addresses[0]))
        key = f"{cluster.NODES}{applicant.node}"
        cluster.edit(self.records, key, lambda before: before or member.to_members())
        return {
            "cluster": settings.to_members(),
            "id": totem.node(applicant.node).id,
            "members": [each.to_members() for each in self._members()],
        }

    def look(self, applicant: Applicant) -> tuple[str, ...]:
        """Whether it would be admitted, with nothing used up; the members' names. Raises NotAdmitted, Refused."""
        self._settings()
        self._require_good(applicant)
        return tuple(sorted(self._names()))

    def let_in(self, applicant: Applicant, *, replaces: bool = False) -> None:
        """Have the token be this machine's. Raises NotAdmitted. `replaces`: a node of its name is to be removed."""
        names = self._names() - {applicant.node} if replaces else self._names()
        tokens.mark_used(
            self.records,
            applicant.token,
            applicant.secret,
            node=applicant.node,
            machine=applicant.machine,
            members=names,
            removed=cluster.removed(self.records),
            now=int(self.now()),
        )

    def has_other(self, applicant: Applicant) -> bool:
        """Whether another machine is, or was about to be, the node of this name."""
        found = [each for each in cluster.members(self.records) if each.name == applicant.node]
        return any(each.machine != applicant.machine for each in found)

    def require_replaceable(self, applicant: Applicant) -> None:
        """Raises BadInput where no node of this name is there, nor was; NotAdmitted, Refused as `look`."""
        self.look(applicant)
        names = {each.name for each in cluster.members(self.records)} | cluster.removed(self.records).keys()
        if applicant.node not in names:
            hint = "to join beside the others: trebol cluster join"
            raise BadInput("is no node of the cluster that could be replaced", where=applicant.node, hint=hint)

    def require_fitting(self, applicant: Applicant, addresses: Mapping[int, str]) -> None:
        """Whether the node fits in the place of the one of its name. Raises BadInput, Refused for the last node."""
        totem = self._totem()
        others = totem.without_node(applicant.node) if totem.has(applicant.node) else totem
        others.with_node(applicant.node, addresses)

    def require(self, applicant: Applicant) -> Member:
        """The node that a later step is for. Raises NotAdmitted, Refused where its join is not the one under way."""
        # A token that has begun no join stays unused.
        begun = self._require_good(applicant).again
        join, member = under_way.joining(self.records), self._listed(applicant.node)
        if not begun or join is None or join.machine != applicant.machine or member is None:
            raise Refused("does not join at the moment", where=applicant.node, hint="begin anew")
        return member

    def require_configured(self, applicant: Applicant) -> Member:
        """The same for a step that comes after `configure`."""
        member = self.require(applicant)
        if not self._totem().has(applicant.node):
            raise Refused("is not in the configuration of corosync yet", where=applicant.node, hint="begin anew")
        return member

    def is_over(self, applicant: Applicant) -> bool:
        """Whether the join that this token began has made it a member. Raises NotAdmitted for a token of others."""
        try:
            self._require_good(applicant)
        except NotAdmitted as error:
            used, member = error.refusal, self._listed(applicant.node)
            if not isinstance(used, Used) or not used.same or used.use.node != applicant.node or member is None:
                raise
            if member.machine != applicant.machine or member.state is State.JOINING:
                raise
            return True
        return False

    def withdrawing(self, applicant: Applicant) -> Member | None:
        """The node whose join is to be taken back; None where nothing is left of it, and its token is free again.

        Raises NotAdmitted for who knows no token, Refused for a member.
        """
        self._require_known(applicant)
        join, member = under_way.joining(self.records), self._listed(applicant.node)
        own = member is not None and member.machine == applicant.machine
        if own and member is not None and member.state is not State.JOINING:
            raise Refused("is a member by now", where=applicant.node, hint="trebol cluster leave")
        is_under_way = join is not None and (join.node, join.machine) == (applicant.node, applicant.machine)
        if join is not None and is_under_way and join.token != applicant.token:
            # Who only says that it is the same machine takes nothing of another token's back.
            self._require_good(applicant)
        if own and is_under_way:
            return member
        if is_under_way and member is None:
            # Cut short when it was taken back before.
            self.undo(applicant)
        tokens.free(self.records, applicant.token, machine=applicant.machine)
        return None

    def drop(self, token: str) -> bool:
        """Delete a token by its id, but for the join that it has begun; whether there was one."""
        join = under_way.joining(self.records)
        if join is None or join.token != token:
            return tokens.delete(self.records, token)
        tokens.expire(self.records, token, machine=join.machine, now=int(self.now()))
        return True

    def wants_voter(self) -> bool:
        """Whether one node more should vote in the store, from the moment on that it is a member."""
        members = self._members()
        seated = sum(member.voter or bool(member.learner) for member in members)
        return seated < wanted(len(members) + 1)

    def configure(self, node: str, addresses: Mapping[int, str]) -> Totem:
        """The configuration with `node`, written to the store; members follow it."""
        return cluster.edit_totem(
            self.records, lambda totem: totem if totem.has(node) else totem.with_node(node, addresses)
        )

    def forget(self, node: str) -> Totem:
        """The configuration without `node`, written to the store."""
        return cluster.edit_totem(self.records, lambda totem: totem.without_node(node) if totem.has(node) else totem)

    def vote(self, node: str) -> None:
        """Note that it votes in the store."""
        cluster.edit_member(self.records, node, lambda member: replace(member, voter=True, learner=""))

    def end(self, applicant: Applicant) -> None:
        """The last step: it is a member."""
        cluster.edit_member(self.records, applicant.node, lambda member: replace(member, state=State.MEMBER))
        for token in self._shown_by(applicant):
            tokens.end(self.records, token, machine=applicant.machine)
        under_way.give_back(self.records, self._change(applicant))

    def undo(self, applicant: Applicant) -> None:
        """As if it had never asked; its configuration and its voter are to be gone by now."""
        for folder in (cluster.NODES, *cluster.OF_NODE):
            cluster.remove(self.records, f"{folder}{applicant.node}")
        for token in self._shown_by(applicant):
            tokens.free(self.records, token, machine=applicant.machine)
        under_way.give_back(self.records, self._change(applicant))

    def _require_good(self, applicant: Applicant) -> Admitted:
        return tokens.require_good(
            self.records,
            applicant.token,
            applicant.secret,
            node=applicant.node,
            machine=applicant.machine,
            members=self._names(),
            removed=cluster.removed(self.records),
            now=int(self.now()),
        )

    def _require_known(self, applicant: Applicant) -> None:
        """Raises NotAdmitted for who knows no token: that one is told nothing of the cluster."""
        try:
            self._require_good(applicant)
        except NotAdmitted as error:
            if isinstance(error.refusal, Garbled | Unknown):
                raise

    def _shown_by(self, applicant: Applicant) -> set[str]:
        """Its tokens: one that went on with a join may have begun it with another."""
        join = under_way.joining(self.records)
        own = join is not None and join.machine == applicant.machine
        return {applicant.token, join.token} if join is not None and own else {applicant.token}

    def _listed(self, node: str) -> Member | None:
        record = self.records.get(f"{cluster.NODES}{node}")
        return None if record is None else Member.of(record.value)

    def _change(self, applicant: Applicant) -> UnderWay:
        since = under_way.moment(self.now())
        return UnderWay(Kind.JOIN, applicant.node, since, applicant.machine, applicant.token)

    def _settings(self) -> cluster.Settings:
        found = cluster.settings(self.records)
        if found is None:
            raise cluster.stands_alone()
        return found

    def _totem(self) -> Totem:
        found = cluster.totem(self.records)
        if found is None:
            raise cluster.stands_alone()
        return found

    def _members(self) -> tuple[Member, ...]:
        """Those that are, not those that join."""
        return tuple(each for each in cluster.members(self.records) if each.state is State.MEMBER)

    def _names(self) -> frozenset[str]:
        return frozenset(each.name for each in self._members())


def require_admitted(member: Member, addresses: Mapping[int, str]) -> None:
    """Raises BadInput for another address on link 0 than the node was admitted with: the others reach it there."""
    if canonical(addresses[0]) != canonical(member.address):
        hint = f"take that, or take the join back: trebol cluster remove {member.name}"
        raise BadInput(f"{member.name} joins at the moment with {member.address}", where="link 0", hint=hint)


class Learning(Waits):
    """The store takes one learner at a time, and has one."""

    def __init__(self, node: str) -> None:
        super().__init__("is getting a vote in the store at the moment", where=node, hint="wait a minute")


def _refuse_taken(applicant: Applicant, members: tuple[Member, ...]) -> None:
    """Names and machines are there once; the node itself may be listed as joining already."""
    for member in members:
        if member.name == applicant.node and member.machine != applicant.machine:
            hint = (
                "give this node another; or, where this machine takes the place of that one: trebol cluster replace"
            )
            raise Refused("is the name of a node of the cluster", where=applicant.node, hint=hint)
        if member.machine == applicant.machine and member.name != applicant.node:
            raise Refused(
                f"has the machine-id(5) of this node {applicant.node}: both are copies of one installation",
                where=member.name,
                hint="rm /etc/machine-id && systemd-machine-id-setup && reboot",
            )
        if member.name == applicant.node and member.state is not State.JOINING:
            hint = f"where it left without the others: trebol cluster remove {applicant.node} --dead"
            raise Refused("is a member of the cluster already", where=applicant.node, hint=hint)
