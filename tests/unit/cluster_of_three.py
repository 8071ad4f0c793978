"""The records of a cluster, what corosync says of it, and a node of it that goes."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tests.unit.cluster_tokens import NOW

from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.corosync.status import Member as Seen
from trebol_node.cluster.corosync.status import Membership
from trebol_node.cluster.records import Member, State
from trebol_node.cluster.removal import Removal
from trebol_node.cluster.under_way import KEY, Kind, UnderWay
from trebol_node.store.records import MemoryRecords

NAMES = ("n1", "n2", "n3")


def address(name: str) -> str:
    return f"192.0.2.{10 + int(name[1:])}"


def totem_of(names: Collection[str]) -> Totem:
    first, *others = names
    totem = Totem.first("clover", first, {0: address(first)})
    for name in others:
        totem = totem.with_node(name, {0: address(name)})
    return totem


def records_of(*names: str, joining: str = "", leaving: str = "") -> MemoryRecords:
    """Of a cluster of these; one of them may join, or leave."""
    state = {joining: State.JOINING, leaving: State.LEAVING}
    found: dict[str, Mapping[str, object]] = {
        "cluster/settings": {"name": "clover", "id": "c1", "since": "2026-11-28T12:00:00+00:00"},
        "cluster/corosync": totem_of(names).to_members(),
    }
    for name in names:
        member = Member(name, f"m{name[1:]}", address(name), state.get(name, State.MEMBER), voter=True)
        found[f"cluster/nodes/{name}"] = member.to_members()
        found[f"cluster/applied/{name}"] = {"corosync": totem_of(names).digest}
        found[f"nodes/{name}"] = {"version": "1", "addresses": [address(name)]}
    if joining:
        found[KEY] = UnderWay(Kind.JOIN, joining, "then", f"m{joining[1:]}", "0" * 16).to_members()
    if leaving:
        found[KEY] = UnderWay(Kind.LEAVE, leaving, "then").to_members()
    return MemoryRecords(found)


def seen(names: Collection[str], online: Collection[str], *, quorate: bool = True) -> Membership:
    members = tuple(Seen(number, name, 1, number == 1, name in online, {}, 1) for number, name in enumerate(names, 1))
    return Membership("clover", 1, "1.2", quorate, False, len(members), len(online), 2, None, members)


def removal(records: MemoryRecords) -> Removal:
    return Removal(records, lambda: NOW)
