"""What becomes of a node in the store when it goes: by itself (`trebol_node.cluster.leave`), or removed by a member.

Each bears being done twice, so that whoever asks again goes on with what was cut short.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from trebol_common.errors import BadInput, Refused
from trebol_node.cluster import records as cluster
from trebol_node.cluster import under_way
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.corosync.status import Membership
from trebol_node.cluster.corosync.values import Node
from trebol_node.cluster.records import Member, State
from trebol_node.cluster.tokens import keeping as tokens
from trebol_node.cluster.under_way import Kind, UnderWay
from trebol_node.cluster.voters.members import Members
from trebol_node.fencing.records import forget_node
from trebol_node.store.configuration import peer_url
from trebol_node.store.records import Records


@dataclass(frozen=True)
class Removal:
    """`now` in seconds since 1970."""

    records: Records
    now: Callable[[], float]

    def require_possible(self, node: str, by: str, membership: Membership, *, dead: bool) -> Member:
        """The node, where `by` may remove it; `dead`: somebody made sure that it is off.

        Raises BadInput where it is none of the cluster, Busy while another one comes or goes, Refused with what to do
        instead.
        """
        record = self.records.get(f"{cluster.NODES}{node}")
        if record is None:
            names = ", ".join(each.name for each in cluster.members(self.records))
            raise BadInput("is no node of the cluster", where=node, hint=f"its nodes: {names}")
        if node == by:
            raise Refused("is this node itself", where=node, hint="trebol cluster leave")
        member = Member.of(record.value)
        under_way.require_none(self.records, but=node)
        if member.state is not State.JOINING:
            _require_dead(node, membership, dead=dead)
        return member

    def is_unlisted_join(self, node: str) -> bool:
        """Whether all that there is of it is a join that began: the member that let it in died before listing it."""
        joining = under_way.joining(self.records)
        listed = self.records.get(f"{cluster.NODES}{node}") is not None
        return joining is not None and joining.node == node and not listed

    def begin(self, node: str, kind: Kind = Kind.REMOVE) -> None:
        """From here on nobody else comes or goes until it is gone. Raises Busy where somebody is at that already."""
        mine = self._change(node, kind)
        under_way.take(self.records, mine)

        def leaving(member: Member) -> Member:
            # One that joins is in nobody's way but its own, and stays one that can be removed at any time.
            return member if member.state is State.JOINING else replace(member, state=State.LEAVING)

        try:
            cluster.edit_member(self.records, node, leaving)
        except BadInput:
            # Somebody else has ended it meanwhile.
            under_way.give_back(self.records, mine)
            raise

    def stay(self, node: str) -> None:
        """The inverse, of a leave."""
        cluster.edit_member(self.records, node, lambda member: replace(member, state=State.MEMBER))
        under_way.give_back(self.records, self._change(node, Kind.LEAVE))

    def configure(self, node: str) -> Totem:
        """Corosync's configuration without it, written to the store; members follow it. Refused for the last."""

        def without(totem: Totem) -> Totem:
            for name in _names(self.records, node):
                totem = totem.without_node(name) if totem.has(name) else totem
            return totem

        return cluster.edit_totem(self.records, without)

    def configure_again(self, node: Node) -> Totem:
        """The inverse: with the node as it was."""
        return cluster.edit_totem(
            self.records,
            lambda totem: totem if totem.has(node.name) else totem.with_node(node.name, node.addresses, node.id),
        )

    def end(self, node: str) -> None:
        """Nothing of it is left, but since when it is gone: its tokens count no more."""
        gone = {"when": int(self.now())}
        there = self.records.get(f"{cluster.NODES}{node}") is not None
        cluster.edit(self.records, f"{cluster.REMOVED}{node}", lambda before: gone if there else before)
        joining = under_way.joining(self.records)
        if joining is not None and joining.node == node:
            tokens.free(self.records, joining.token, machine=joining.machine)
        names = _names(self.records, node)
        # The last is what it is asked for by.
        for name in sorted(names, key=lambda name: name == node):
            forget_node(self.records, name)
            for folder in (*cluster.OF_NODE, cluster.NODES):
                cluster.remove(self.records, f"{folder}{name}")
        if len(names) > 1:
            cluster.remove(self.records, cluster.RENAMING)
        under_way.give_back(self.records, self._change(node, Kind.REMOVE))

    def _change(self, node: str, kind: Kind) -> UnderWay:
        return UnderWay(kind, node, under_way.moment(self.now()))


def _names(records: Records, node: str) -> frozenset[str]:
    """Its own, and where it died while it was being renamed the other one too."""
    found = records.get(cluster.RENAMING)
    both = frozenset() if found is None else frozenset({str(found.value.get("old")), str(found.value.get("new"))})
    return both if node in both else frozenset({node})


def take_vote(members: Members, address: str) -> None:
    """The store's member of the node with that address of link 0, voter or learner, is none any more. Raises as
    `Members.remove`."""
    found = members.at(peer_url(address))
    if found is not None:
        members.remove(found.id)


def _require_dead(node: str, membership: Membership, *, dead: bool) -> None:
    if any(each.name == node and each.joined for each in membership.members):
        raise Refused("is online: a node that works leaves by itself", where=node, hint="there: trebol cluster leave")
    if not dead:
        hint = f"see that it is switched off and never starts as it is; then: trebol cluster remove {node} --dead"
        raise Refused("is not seen, which may be the network alone", where=node, hint=hint)
