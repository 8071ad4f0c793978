"""The one change of the cluster that is under way: a node joins, leaves, is removed, or gets another name.

    cluster/change    UnderWay

Two changes at once would not know of each other, and could take the quorum together. So each takes this record before
anything else, by compare-and-swap, and gives it back when it is over; what it needs to know of the others it looks at
once more when it has it. A leave or a removal of a node that is no longer listed is over: cut short, its record is in
nobody's way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from trebol_node.cluster import records as cluster
from trebol_node.cluster.power import records as power
from trebol_node.cluster.waiting import Waits
from trebol_node.store.records import Records

KEY = "cluster/change"


class Kind(StrEnum):
    """What becomes of the node."""

    JOIN = "join"
    LEAVE = "leave"
    REMOVE = "remove"
    RENAME = "rename"


@dataclass(frozen=True)
class UnderWay:
    """Which change of which node, since when (ISO 8601, UTC). Of a join: of which `machine`, by which `token`.
    Of a rename: the other name (`also`)."""

    kind: Kind
    node: str
    since: str
    machine: str = ""
    token: str = ""
    also: str = ""

    def to_members(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "kind": self.kind.value}

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> Self:
        """The inverse of `to_members`. Raises BadInput."""
        made = cluster.made(cls, members, KEY)
        return cls(cluster.one_of(Kind, made.kind, KEY), made.node, made.since, made.machine, made.token, made.also)

    def goes_on_with(self, found: UnderWay) -> bool:
        """Whether this is no second change: asked for once more, or what ends the one that was `found`."""
        if self.kind is Kind.JOIN:
            return found.kind is Kind.JOIN and found.machine == self.machine
        if self.kind is Kind.RENAME:
            return found.kind is Kind.RENAME and found.node == self.node
        return self.node in (found.node, found.also) and (found.kind is not Kind.JOIN or self.kind is Kind.REMOVE)


#: What a node does, and how that is ended.
_WORDS: Mapping[Kind, tuple[str, str]] = {
    Kind.JOIN: ("joins", "wait, or take that join back: trebol cluster remove {node}"),
    Kind.LEAVE: (
        "leaves",
        "wait; where that was cut short: trebol cluster leave --resume (or --abort) on {node}, or, where it is off: "
        "trebol cluster remove {node} --dead",
    ),
    Kind.REMOVE: ("is being removed", "wait; where that was cut short: trebol cluster remove {node} --dead"),
    Kind.RENAME: (
        "gets another name",
        "wait; where that was cut short: trebol cluster rename --resume (or --abort) on {node}, or, where it is off: "
        "trebol cluster remove {node} --dead",
    ),
}


class Busy(Waits):
    """Another change is under way; this one's turn comes after."""

    def __init__(self, found: UnderWay) -> None:
        does, ends = _WORDS[found.kind]
        super().__init__(
            f"{does} at the moment, since {found.since}: one change at a time",
            where=found.node,
            hint=ends.format(node=found.node),
        )


def found(records: Records) -> UnderWay | None:
    """The change that is under way; None where there is none, or only what is left of one that is over."""
    record = records.get(KEY)
    change = None if record is None else UnderWay.of(record.value)
    return None if change is None or _is_over(records, change) else change


def joining(records: Records) -> UnderWay | None:
    """The join that is under way."""
    change = found(records)
    return change if change is not None and change.kind is Kind.JOIN else None


def require_none(records: Records, *, but: str = "") -> None:
    """Raises Busy while any other node than `but` comes or goes."""
    change = found(records)
    if change is not None and but not in (change.node, change.also):
        raise Busy(change)


def take(records: Records, mine: UnderWay) -> None:
    """Begin a change, or go on with it. Raises Busy while another one is under way, Refused while the cluster is
    shut down, and as `Records.put` does."""

    def taken(before: Mapping[str, Any] | None) -> Mapping[str, Any]:
        change = None if before is None else UnderWay.of(before)
        if before is None or change is None or _is_over(records, change):
            power.require_up(records)
            return mine.to_members()
        if not mine.goes_on_with(change):
            raise Busy(change)
        # Of a join it says by which token: whoever removes its node gives that back.
        return before if change.kind is Kind.JOIN else mine.to_members()

    cluster.edit(records, KEY, taken)


def give_back(records: Records, mine: UnderWay) -> None:
    """The change is over. Nothing to do where another one is under way."""

    def given_back(before: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        return None if before is None or mine.goes_on_with(UnderWay.of(before)) else before

    cluster.edit(records, KEY, given_back)


def moment(seconds: float) -> str:
    """A time in seconds since 1970, as `since` has it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _is_over(records: Records, change: UnderWay) -> bool:
    # A node that joins is listed after its join has begun, one that goes until all of it is gone; under which name
    # one is listed that gets another is not said here.
    return change.kind in (Kind.LEAVE, Kind.REMOVE) and records.get(f"{cluster.NODES}{change.node}") is None
