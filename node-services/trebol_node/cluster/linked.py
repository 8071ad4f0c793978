"""What each member says of its links, in the record `cluster/links/NAME`: what its corosync has loaded, to which
nodes packets come and go on which link, and which addresses it has. What one node cannot see of two others, they say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from trebol_common.errors import BadInput
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.corosync.status import Membership
from trebol_node.cluster.corosync.values import Node
from trebol_node.store.records import Records

LINKED = "cluster/links/"


@dataclass(frozen=True)
class Linked:
    """Of one member: the `version` of the configuration that its corosync has loaded; `connected`, the numbers of the
    nodes that it reaches, by number of link; all `addresses` of its interfaces."""

    version: int
    connected: Mapping[int, frozenset[int]]
    addresses: frozenset[str] = frozenset()

    @classmethod
    def seen(cls, membership: Membership, addresses: Collection[str]) -> Self:
        """As corosync says it on the node itself."""
        found: dict[int, set[int]] = {}
        for each in membership.members:
            for link, is_up in each.links.items():
                found.setdefault(link, set()).update({each.id} if is_up else ())
        connected = {link: frozenset(ids) for link, ids in found.items()}
        return cls(membership.version, connected, frozenset(addresses))

    def to_members(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "version": self.version,
            "connected": {str(link): sorted(ids) for link, ids in sorted(self.connected.items())},
            "addresses": sorted(self.addresses),
        }

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> Self:
        """The inverse of `to_members`. Raises BadInput."""
        try:
            connected = {int(link): frozenset(map(int, ids)) for link, ids in members["connected"].items()}
            return cls(int(members["version"]), connected, frozenset(map(str, members["addresses"])))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInput(f"is damaged: {error!r}", where=LINKED) from error


def said(records: Records) -> dict[str, Linked]:
    """What members have said last, by name; one that is dead said it while it was alive."""
    return {each.key.removeprefix(LINKED): Linked.of(each.value) for each in records.below(LINKED)}


def without(totem: Totem, found: Mapping[str, Linked], names: Collection[str], links: Collection[int]) -> list[str]:
    """Pairs of the nodes `names`, "n1 and n2", that none of these links connects, as both of them say. Pure."""
    nodes = [node for node in totem.nodes if node.name in names]

    def reaches(one: str, other: int) -> bool:
        return one in found and any(other in found[one].connected.get(link, ()) for link in links)

    def parted() -> Iterator[str]:
        for index, one in enumerate(nodes):
            for other in nodes[index + 1 :]:
                if not (reaches(one.name, other.id) and reaches(other.name, one.id)):
                    yield f"{one.name} and {other.name}"

    return list(parted())


def links(totem: Totem, found: Mapping[str, Linked], online: Collection[str] | None) -> list[dict[str, Any]]:
    """The value of GET /cluster/config/links: what should be, and what corosync says is. Pure.

    `online` names the members that corosync sees; None where it does not say. `connected` and `missing` of a node
    name others that are online: those that it reaches, as neither of both denies, for one that is cut off from the
    store cannot say so; and the others. Nobody is in either of whom neither has said anything of this link yet.
    """
    there = [node for node in totem.nodes if online is not None and node.name in online]

    def says(node: Node, other: Node, link: int) -> bool | None:
        reached = found[node.name].connected.get(link) if node.name in found else None
        return None if reached is None else other.id in reached

    def shown(node: Node, link: int) -> dict[str, Any]:
        told = {
            other.name: {says(node, other, link), says(other, node, link)} - {None}
            for other in there
            if other != node and node in there
        }
        return {
            "node": node.name,
            "address": node.addresses[link],
            "online": int(node in there),
            "connected": sorted(name for name, said in told.items() if said == {True}),
            "missing": sorted(name for name, said in told.items() if False in said),
        }

    return [
        {"link": link, "priority": priority, "nodes": [shown(node, link) for node in totem.nodes]}
        for link, priority in sorted(totem.links.items())
    ]
