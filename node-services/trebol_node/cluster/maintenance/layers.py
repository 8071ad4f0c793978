"""Whether the cluster bears that a node is away: each layer is asked, and says why not. Pure.

A layer that comes later (shared storage, guests) is one entry more in `LAYERS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.quorum import margins
from trebol_node.cluster.corosync.status import Membership
from trebol_node.cluster.diagnosis.facts import Pacemaker
from trebol_node.cluster.maintenance.records import all_of
from trebol_node.cluster.voters.members import Member, quorum
from trebol_node.store.configuration import peer_url
from trebol_node.store.records import Records


@dataclass(frozen=True)
class Present:
    """How the cluster is now. `members` are the store's, None: it does not answer; `answering` the ids of those that
    do. What does not answer is None."""

    records: Records
    membership: Membership | None
    pacemaker: Pacemaker | None
    members: tuple[Member, ...] | None
    answering: frozenset[int] = frozenset()


class Layer(Protocol):
    """One that a node's absence may harm."""

    @property
    def name(self) -> str:
        """As people are told."""
        ...

    def against(self, node: str, present: Present) -> Sequence[str]:
        """Why the rest does not do without `node`; nothing: it does."""
        ...


@dataclass(frozen=True)
class Verdict:
    """What one layer says."""

    layer: str
    reasons: tuple[str, ...]

    @property
    def survives(self) -> bool:
        """Whether it bears the absence."""
        return not self.reasons

    def to_members(self) -> dict[str, Any]:
        """As the API has it."""
        return {"layer": self.layer, "survives": int(self.survives), "reasons": list(self.reasons)}


_DOES = {
    cluster.State.JOINING: "joins",
    cluster.State.LEAVING: "leaves",
    cluster.State.RENAMING: "gets another name",
}


@dataclass(frozen=True)
class Nodes:
    """One node at a time."""

    name: str = "nodes"

    def against(self, node: str, present: Present) -> Sequence[str]:
        """See `Layer`."""
        others = [f"{each.node} is in maintenance already" for each in all_of(present.records) if each.node != node]
        moving = [
            f"{each.name} {_DOES[each.state]} at the moment"
            for each in cluster.members(present.records)
            if each.state is not cluster.State.MEMBER
        ]
        return (*others, *moving)


@dataclass(frozen=True)
class Corosync:
    """The rest has to be quorate."""

    name: str = "corosync"

    def against(self, node: str, present: Present) -> Sequence[str]:
        """See `Layer`."""
        seen, totem = present.membership, cluster.totem(present.records)
        if seen is None or totem is None:
            return ("corosync does not answer on this node",)
        names = {each.name for each in totem.nodes}
        left = {each.name for each in seen.members if each.joined and each.name in names} - {node}
        if not left:
            return ("no other node is there",)
        found = margins(totem, left, device_online=seen.device_votes is not None)
        if found.quorate:
            return ()
        missing = sorted(names - left - {node})
        gone = f", for {', '.join(missing)} is missing already" if missing else ""
        return (f"without {node} the others have {found.votes} votes, and need {found.needed}{gone}",)


@dataclass(frozen=True)
class Store:
    """The voters that are left have to be a quorum."""

    name: str = "store"

    def against(self, node: str, present: Present) -> Sequence[str]:
        """See `Layer`."""
        if present.members is None:
            return ("the store does not answer, or has no quorum",)
        urls = {peer_url(each.address) for each in cluster.members(present.records) if each.name == node}
        voters = [each for each in present.members if not each.learner]
        left = [each for each in voters if each.id in present.answering and urls.isdisjoint(each.peer_urls)]
        if len(left) >= quorum(len(voters)):
            return ()
        silent = [
            str(each) for each in voters if each.id not in present.answering and urls.isdisjoint(each.peer_urls)
        ]
        why = f": {', '.join(silent)} does not answer" if silent else ""
        return (
            f"without {node} {len(left)} of {len(voters)} voters are left, and {quorum(len(voters))} are needed{why}",
        )


@dataclass(frozen=True)
class Fencing:
    """No node waits for being fenced, which may need the one that goes."""

    name: str = "fencing"

    def against(self, node: str, present: Present) -> Sequence[str]:
        """See `Layer`."""
        if present.pacemaker is None:
            return ("pacemaker does not answer on this node",)
        if not present.pacemaker.leads:
            return ("pacemaker has no coordinator",)
        unclean = [f"{each.name} is to be fenced, and is not yet" for each in present.pacemaker.nodes if each.unclean]
        standby = [
            f"{each.name} is in standby: nothing could move there"
            for each in present.pacemaker.nodes
            if each.name != node and each.standby and not _is_out(present.records, each.name)
        ]
        return (*unclean, *self._absent(node, present), *standby)

    def _absent(self, node: str, present: Present) -> Sequence[str]:
        """Nodes that corosync sees, and on which pacemaker cannot run anything yet, or any more."""
        assert present.pacemaker is not None
        there = {each.name for each in present.membership.members if each.joined} if present.membership else set()
        return [
            f"pacemaker is not ready yet on {each.name}" if each.pending else f"pacemaker does not run on {each.name}"
            for each in present.pacemaker.nodes
            if each.name != node and each.name in there and (each.pending or not each.online) and not each.unclean
        ]


def _is_out(records: Records, node: str) -> bool:
    """In maintenance: `Nodes` says so."""
    return any(each.node == node for each in all_of(records))


#: All of them, in the order in which they are told.
LAYERS: Sequence[Layer] = (Nodes(), Corosync(), Store(), Fencing())


def check(node: str, present: Present, layers: Sequence[Layer] = LAYERS) -> tuple[Verdict, ...]:
    """What each layer says."""
    return tuple(Verdict(each.name, tuple(each.against(node, present))) for each in layers)
