"""The records of an orderly shutdown.

cluster/shutdown         Shutdown; there until the cluster is started again
cluster/stopping/NODE    {"id": of the shutdown, "boot": the node's boot id}: it is ready to go

A node goes only in the boot in which it said that it was ready: so none goes again once it is back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Self

from trebol_common.errors import Refused
from trebol_node.cluster import records as cluster
from trebol_node.store.records import Records

SHUTDOWN = "cluster/shutdown"
STOPPING = "cluster/stopping/"

#: Why HA is off meanwhile.
HELD = "the cluster was shut down in order, and is not started yet: trebol cluster start"


class Phase(StrEnum):
    """ASKED: nodes say that they are ready, resources stop. GOING: one after the other goes."""

    ASKED = "asked"
    GOING = "going"


@dataclass(frozen=True)
class Shutdown:
    """`order` is who goes when, `asked` the node that was asked, which goes last; `since` is ISO 8601, UTC."""

    id: str
    who: str
    asked: str
    since: str
    order: tuple[str, ...]
    phase: Phase = Phase.ASKED

    def to_members(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "order": list(self.order), "phase": self.phase.value}

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> Self:
        """The inverse of `to_members`; what a later version added is left out. Raises BadInput."""
        made = cluster.known(cls, members, SHUTDOWN)
        return replace(made, order=tuple(made.order), phase=cluster.one_of(Phase, made.phase, SHUTDOWN))


def order(members: Collection[cluster.Member], there: Collection[str], asked: str) -> tuple[str, ...]:
    """Those that are there: first who does not vote in the store, then voters, then the node that was asked."""
    ranked = sorted(members, key=lambda each: (each.name == asked, each.voter, each.name))
    return tuple(each.name for each in ranked if each.name in there)


def current(records: Records) -> Shutdown | None:
    """The one that is under way, or that was, and holds until the cluster is started."""
    record = records.get(SHUTDOWN)
    return None if record is None else Shutdown.of(record.value)


def boots(records: Records, shutdown: Shutdown) -> dict[str, str]:
    """Boot ids of the nodes that said that they were ready, by name."""
    found = records.below(STOPPING)
    return {
        each.key.removeprefix(STOPPING): str(each.value.get("boot", ""))
        for each in found
        if each.value.get("id") == shutdown.id
    }


def require_up(records: Records) -> None:
    """Raises Refused while the cluster is shut down, and until it is started."""
    if (found := current(records)) is not None:
        raise _down(found)


def _down(found: Shutdown) -> Refused:
    return Refused(f"is shut down, since {found.since}", where="the cluster", hint="trebol cluster start")


def begin(records: Records, wanted: Shutdown) -> None:
    """Say so. Raises Refused where there is one already."""

    def fresh(before: Mapping[str, Any] | None) -> Mapping[str, Any]:
        if before is not None:
            raise _down(Shutdown.of(before))
        return wanted.to_members()

    cluster.edit(records, SHUTDOWN, fresh)


def go(records: Records, shutdown: Shutdown) -> None:
    """All are ready: from now on they go. Nothing to do where somebody has started the cluster meanwhile."""

    def going(before: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        return None if before is None else replace(Shutdown.of(before), phase=Phase.GOING).to_members()

    cluster.edit(records, SHUTDOWN, going)


def ready(records: Records, shutdown: Shutdown, node: str, boot: str) -> None:
    """The node is."""
    value = {"id": shutdown.id, "boot": boot}
    cluster.edit(records, f"{STOPPING}{node}", lambda before: value)


def back(records: Records, node: str) -> None:
    """The node has booted again."""
    cluster.remove(records, f"{STOPPING}{node}")


def end(records: Records) -> None:
    """The cluster is started: nothing is left of it."""
    cluster.remove(records, SHUTDOWN)
    for each in records.below(STOPPING):
        cluster.remove(records, each.key)


def shown(status: list[dict[str, Any]], records: Records) -> list[dict[str, Any]]:
    """The value of GET /cluster/status, with why HA is off."""
    if current(records) is None:
        return status
    return [
        {**each, "ha": 0, "ha-off": [*each["ha-off"], HELD]} if each["type"] == "cluster" else each for each in status
    ]
