"""The records of maintenance.

cluster/maintenance/NODE   Maintenance: the node is out, who said so, why, and since when
cluster/maintaining        {"node": NODE}: whose turn it is; two that ask at once are told apart by it
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from trebol_common.errors import BadInput, Refused
from trebol_node.cluster import records as cluster
from trebol_node.store.records import Records

MAINTENANCE = "cluster/maintenance/"
TURN = "cluster/maintaining"


@dataclass(frozen=True)
class Maintenance:
    """`since` is ISO 8601, UTC. `forced`: something stood against it."""

    node: str
    who: str
    since: str
    why: str = ""
    forced: bool = False

    def to_members(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> Self:
        """The inverse of `to_members`; what a later version added is left out. Raises BadInput."""
        return cluster.known(cls, members, MAINTENANCE)


def all_of(records: Records) -> tuple[Maintenance, ...]:
    """All nodes that are out, by name."""
    return tuple(Maintenance.of(each.value) for each in records.below(MAINTENANCE))


def of_node(records: Records, node: str) -> Maintenance | None:
    """Whether, and why, that one is."""
    record = records.get(f"{MAINTENANCE}{node}")
    return None if record is None else Maintenance.of(record.value)


def require_node(records: Records, node: str) -> None:
    """Raises Refused on a node that stands alone, BadInput for a name that no node of the cluster has."""
    if cluster.totem(records) is None:
        raise cluster.stands_alone()
    if records.get(f"{cluster.NODES}{node}") is None:
        names = ", ".join(sorted(each.name for each in cluster.members(records)))
        raise BadInput("is no node of the cluster", where=node, hint=f"its nodes: {names}")


def begin(records: Records, wanted: Maintenance) -> None:
    """Say so; one that is out already stays as it is. Raises Refused where another node is out, unless forced."""

    def mine(before: Mapping[str, Any] | None) -> Mapping[str, Any]:
        other = "" if before is None else str(before.get("node", ""))
        # Of one that was removed meanwhile nobody would take the turn back.
        listed = records.get(f"{cluster.NODES}{other}") is not None
        if listed and other != wanted.node and not wanted.forced:
            raise Refused(
                "is in maintenance: one node at a time", where=other, hint=f"trebol node maintenance {other} off"
            )
        return {"node": wanted.node}

    cluster.edit(records, TURN, mine)
    cluster.edit(records, f"{MAINTENANCE}{wanted.node}", lambda before: before or wanted.to_members())


def end(records: Records, node: str) -> None:
    """It is over; where another one is out, by force, it is that one's turn."""
    cluster.remove(records, f"{MAINTENANCE}{node}")
    others = [each.node for each in all_of(records) if each.node != node]

    def whose(before: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        if before is None or before.get("node") != node:
            return before
        return {"node": others[0]} if others else None

    cluster.edit(records, TURN, whose)


def move(records: Records, old: str, new: str) -> None:
    """It is of the same node by another name."""
    found = of_node(records, old)
    if found is not None:
        moved = replace(found, node=new).to_members()
        cluster.edit(records, f"{MAINTENANCE}{new}", lambda before: moved)
        cluster.remove(records, f"{MAINTENANCE}{old}")
    mine = {"node": new}
    cluster.edit(records, TURN, lambda before: mine if before == {"node": old} else before)


def shown(status: list[dict[str, Any]], records: Records) -> list[dict[str, Any]]:
    """The value of GET /cluster/status, with `"maintenance": 1` at each node that is out."""
    out = {each.node for each in all_of(records)}
    return [{**each, "maintenance": 1} if each["type"] == "node" and each["name"] in out else each for each in status]
