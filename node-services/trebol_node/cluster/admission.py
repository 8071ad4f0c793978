"""A member's side of a join: what it does, step by step, for a node that shows a token.

Everything is in the store, so that any member can go on with what another one began, and bears being done twice. One
node joins at a time: two that changed the configuration at once would not know of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from trebol_common.errors import BadInput, Refused
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.corosync.rules import canonical
from trebol_node.cluster.linked import LINKED
from trebol_node.cluster.records import Joining, Member, State
from trebol_node.cluster.tokens import keeping as tokens
from trebol_node.cluster.tokens.admission import Admitted, Garbled, NotAdmitted, Unknown, Used
from trebol_node.cluster.voters.choice import wanted
from trebol_node.store.records import Records

#: What a node says to one that would join through it and has come too early.
#: And where somebody guessed: the node itself, or another one that has the same address for this one.
LOCKED_OUT = "too many wrong tokens from this address: wait five minutes"


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

        Raises NotAdmitted, Busy while another node joins, Learning while one gets a vote, Refused for a name or
        machine that the cluster has, BadInput for addresses that do not fit.
        """
        settings = self._settings()
        self._require_known(applicant)
        under_way = cluster.joining(self.records)
        if under_way is not None and under_way.machine != applicant.machine:
            raise Busy(under_way)
        members = cluster.members(self.records)
        learning = next((each.name for each in members if each.learner), None)
        if under_way is None and learning is not None:
            raise Learning(learning)
        _refuse_while_one_leaves(members)
        _refuse_taken(applicant, members)
        totem = self._totem()
        for member in members:
            if member.name == applicant.node:
                require_admitted(member, addresses)
        if not totem.has(applicant.node):
            totem = totem.with_node(applicant.node, addresses)
        self.let_in(applicant)
        self._begin(applicant)
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

    def require_fitting(self, applicant: Applicant, addresses: Mapping[int, str]) -> None:
        """Whether the node fits in the place of the one of its name. Raises BadInput, Refused for the last node."""
        totem = self._totem()
        others = totem.without_node(applicant.node) if totem.has(applicant.node) else totem
        others.with_node(applicant.node, addresses)

    def require(self, applicant: Applicant) -> Member:
        """The node that a later step is for. Raises NotAdmitted, Refused where its join is not the one under way."""
        # A token that has begun no join stays unused.
        begun = self._require_good(applicant).again
        under_way, member = cluster.joining(self.records), self._listed(applicant.node)
        if not begun or under_way is None or under_way.machine != applicant.machine or member is None:
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
        under_way, member = cluster.joining(self.records), self._listed(applicant.node)
        own = member is not None and member.machine == applicant.machine
        if own and member is not None and member.state is not State.JOINING:
            raise Refused("is a member by now", where=applicant.node, hint="trebol cluster leave")
        is_under_way = under_way is not None and (under_way.node, under_way.machine) == (
            applicant.node,
            applicant.machine,
        )
        if under_way is not None and is_under_way and under_way.token != applicant.token:
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
        under_way = cluster.joining(self.records)
        if under_way is None or under_way.token != token:
            return tokens.delete(self.records, token)
        tokens.expire(self.records, token, machine=under_way.machine, now=int(self.now()))
        return True

    def wants_voter(self) -> bool:
        """Whether one node more should vote in the store, from the moment on that it is a member."""
        members = self._members()
        return sum(member.voter for member in members) < wanted(len(members) + 1)

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
        """Step 7: it is a member."""
        cluster.edit_member(self.records, applicant.node, lambda member: replace(member, state=State.MEMBER))
        for token in self._shown_by(applicant):
            tokens.end(self.records, token, machine=applicant.machine)
        self._over(applicant.machine)

    def undo(self, applicant: Applicant) -> None:
        """As if it had never asked; its configuration and its voter are to be gone by now."""
        cluster.remove(self.records, f"{cluster.NODES}{applicant.node}")
        cluster.remove(self.records, f"{cluster.APPLIED}{applicant.node}")
        cluster.remove(self.records, f"{LINKED}{applicant.node}")
        for token in self._shown_by(applicant):
            tokens.free(self.records, token, machine=applicant.machine)
        self._over(applicant.machine)

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
        under_way = cluster.joining(self.records)
        own = under_way is not None and under_way.machine == applicant.machine
        return {applicant.token, under_way.token} if under_way is not None and own else {applicant.token}

    def _listed(self, node: str) -> Member | None:
        record = self.records.get(f"{cluster.NODES}{node}")
        return None if record is None else Member.of(record.value)

    def _begin(self, applicant: Applicant) -> None:
        since = datetime.fromtimestamp(self.now(), UTC).isoformat(timespec="seconds")
        mine = Joining(applicant.node, applicant.machine, applicant.token, since)

        def begun(before: Mapping[str, Any] | None) -> Mapping[str, Any]:
            if before is not None and before["machine"] != applicant.machine:
                raise Busy(Joining.of(before))
            return before or mine.to_members()

        cluster.edit(self.records, cluster.JOINING, begun)

    def _over(self, machine: str) -> None:
        cluster.edit(
            self.records, cluster.JOINING, lambda before: before if before and before["machine"] != machine else None
        )

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


class Busy(Refused):
    """Another node joins at the moment; this one's turn comes after."""

    def __init__(self, under_way: Joining) -> None:
        super().__init__(
            f"joins at the moment, since {under_way.since}: one node at a time",
            where=under_way.node,
            hint=f"wait, or take that join back: trebol cluster remove {under_way.node}",
        )


class Learning(Refused):
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


def _refuse_while_one_leaves(members: tuple[Member, ...]) -> None:
    """Which votes there should be depends on who stays."""
    for member in members:
        if member.state is State.LEAVING:
            hint = f"wait; where that was cut short: trebol cluster remove {member.name} --dead"
            raise Refused("leaves at the moment: one node at a time", where=member.name, hint=hint)
        if member.state is State.RENAMING:
            hint = "wait; where that was cut short, there: trebol cluster rename --resume"
            raise Refused("gets another name at the moment: one node at a time", where=member.name, hint=hint)
