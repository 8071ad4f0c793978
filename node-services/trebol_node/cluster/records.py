"""The records of a cluster, as values: what it is called, and its members.

cluster/settings      Settings
cluster/corosync      corosync.Totem
cluster/nodes/NAME    Member
cluster/applied/NAME  {"corosync": SHA-256 of that member's corosync.conf}
cluster/renaming      naming.Renaming: the one that is under way
cluster/removed/NAME  {"when": seconds since 1970}, of a node that left or was removed
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Self, TypeVar

from trebol_common.errors import BadInput
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.waiting import NoCluster
from trebol_node.store.errors import Conflict
from trebol_node.store.records import Record, Records

SETTINGS = "cluster/settings"
COROSYNC = "cluster/corosync"
NODES = "cluster/nodes/"
APPLIED = "cluster/applied/"
REMOVED = "cluster/removed/"
RENAMING = "cluster/renaming"

#: What else there is of one node, and goes with it; see `linked`, `diagnosis.told`, `maintenance.records`,
#: `power.records`, `trebol_node.fencing.records`, `trebol_node.daemon.announce`.
OF_NODE = (
    APPLIED,
    "cluster/links/",
    "cluster/told/",
    "cluster/maintenance/",
    "cluster/stopping/",
    "fencing/applied/",
    "nodes/",
)

#: How often a change is tried where somebody was faster each time.
_TRIES = 8


class State(StrEnum):
    """How far a node is: one that joins is listed, and can be removed; so is one that leaves, or is being removed."""

    JOINING = "joining"
    MEMBER = "member"
    LEAVING = "leaving"
    RENAMING = "renaming"


@dataclass(frozen=True)
class Settings:
    """The cluster: its `name`, an `id` that no other one has, since when (ISO 8601, UTC)."""

    name: str
    id: str
    since: str

    def to_members(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> Self:
        """The inverse of `to_members`. Raises BadInput."""
        return made(cls, members, SETTINGS)


@dataclass(frozen=True)
class Member:
    """A node of the cluster: `machine` is its machine-id(5), `address` that of its link 0, by which the others reach
    it; `voter`: it votes in the store; `learner`: the id (hexadecimal) of its member of the store while that only
    learns. Both follow the store's own list (`trebol_node.cluster.voters.acting`)."""

    name: str
    machine: str
    address: str
    state: State = State.JOINING
    voter: bool = False
    learner: str = ""

    def to_members(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "state": self.state.value}

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> Self:
        """The inverse of `to_members`. Raises BadInput."""
        found = made(cls, members, NODES)
        state = one_of(State, found.state, f"{NODES}{found.name}")
        return cls(found.name, found.machine, found.address, state, bool(found.voter), str(found.learner))


def settings(records: Records) -> Settings | None:
    """Of the cluster; None: the node stands alone."""
    record = records.get(SETTINGS)
    return None if record is None else Settings.of(record.value)


def totem(records: Records) -> Totem | None:
    """What corosync.conf is rendered from; None: the node stands alone."""
    record = records.get(COROSYNC)
    return None if record is None else _totem(record)


#: Checked once: that takes milliseconds, and everything that follows the records asks for it at each change.
_checked: deque[tuple[Record, Totem]] = deque(maxlen=8)


def _totem(record: Record) -> Totem:
    # Each change makes a record of its own, whose value nobody changes.
    for known, made_of in tuple(_checked):
        if known is record:
            return made_of
    found = Totem.of(record.value)
    _checked.append((record, found))
    return found


def members(records: Records) -> tuple[Member, ...]:
    """All nodes of the cluster, those that join too, by name."""
    return tuple(Member.of(record.value) for record in records.below(NODES))


def removed(records: Records) -> dict[str, int]:
    """When nodes left or were removed, in seconds since 1970, by name; one that came back is there too."""
    found = records.below(REMOVED)
    return {each.key.removeprefix(REMOVED): int(each.value.get("when", 0)) for each in found}


def is_foreign(records: Records, node: str) -> bool:
    """Whether `node` reads the records of a cluster of which it is no node: it was removed, and came back."""
    return settings(records) is not None and records.get(f"{NODES}{node}") is None


def is_settled(records: Records, node: str) -> bool:
    """Whether `node` stands alone, or is a node of its cluster for good: what joins may yet go back, and then nothing
    of it may be left."""
    record = records.get(f"{NODES}{node}")
    return settings(records) is None or (record is not None and Member.of(record.value).state is not State.JOINING)


def having(records: Records, digest: str) -> frozenset[str]:
    """Names of the nodes that say that their corosync.conf is the one with that SHA-256."""
    found = records.below(APPLIED)
    return frozenset(each.key.removeprefix(APPLIED) for each in found if each.value.get("corosync") == digest)


Change = Callable[[Mapping[str, Any] | None], Mapping[str, Any] | None]


def edit(records: Records, key: str, change: Change) -> Mapping[str, Any] | None:
    """Put what `change` makes of the record's value (None: there is none) in its place; None deletes it.

    Tried anew where somebody was faster. Raises as `Records.put` does, and whatever `change` raises.
    """
    for left in reversed(range(_TRIES)):
        record = records.get(key)
        before = None if record is None else record.value
        after = change(before)
        if after == before:
            return after
        expected = 0 if record is None else record.revision
        try:
            if after is None:
                records.delete(key, expected=expected)
            else:
                records.put(key, after, expected=expected)
        except Conflict:
            if not left:
                raise
        else:
            return after
    raise AssertionError("the last try returns or raises")


def remove(records: Records, key: str) -> None:
    """Delete a record, if it is there."""
    edit(records, key, lambda before: None)


def edit_totem(records: Records, change: Callable[[Totem], Totem]) -> Totem:
    """Put what `change` makes of corosync's configuration in its place, which the members follow. Raises as `edit`,
    Refused where there is no cluster."""

    def changed(before: Mapping[str, Any] | None) -> Mapping[str, Any]:
        if before is None:
            raise stands_alone()
        return change(Totem.of(before)).to_members()

    after = edit(records, COROSYNC, changed)
    assert after is not None
    return Totem.of(after)


def edit_member(records: Records, node: str, change: Callable[[Member], Member]) -> None:
    """The same for a node of the cluster. Raises BadInput where it is none."""

    def changed(before: Mapping[str, Any] | None) -> Mapping[str, Any]:
        if before is None:
            raise BadInput("is no node of the cluster", where=node)
        return change(Member.of(before)).to_members()

    edit(records, f"{NODES}{node}", changed)


def stands_alone() -> NoCluster:
    """For what only a node of a cluster can do."""
    return NoCluster(
        "is of no cluster", where="this node", hint="trebol cluster create NAME, or trebol cluster join TOKEN"
    )


Kind = TypeVar("Kind")
Word = TypeVar("Word", bound=StrEnum)


def known(kind: type[Kind], values: Mapping[str, Any], where: str) -> Kind:
    """A value of a record's members; what a later version added is left out. Raises BadInput."""
    names = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    return made(kind, {name: value for name, value in values.items() if name in names}, where)


def made(kind: type[Kind], values: Mapping[str, Any], where: str) -> Kind:
    """A value of a record's members. Raises BadInput for other ones."""
    try:
        return kind(**values)
    except TypeError as error:
        raise BadInput(f"is damaged, or a newer version's: {error}", where=where) from error


def one_of(words: type[Word], value: str, where: str) -> Word:
    """A word of a record. Raises BadInput for one that is not among those."""
    try:
        return words(value)
    except ValueError as error:
        raise BadInput(f"is damaged, or a newer version's: {error}", where=where) from error
