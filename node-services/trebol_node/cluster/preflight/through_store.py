"""A preflight as the members of a cluster hear of it: by records, as of everything else.

    cluster/preflight/ID         Request: who would join, and the key of this one measurement
    cluster/preflight/ID/NAME    Answer of a member: its facts at once, the ways that start with it when measured

The key lets its holder have answers of echoes for some seconds, and nothing else: it is worth no more than that, and
stands in the store in the clear. Records go when the preflight is over; what a member that died left is swept by the
next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from trebol_common.errors import BadInput
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.preflight.facts import HostFacts, PathFacts, Way, ways
from trebol_node.cluster.preflight.questions import Candidate
from trebol_node.cluster.preflight.record import Record
from trebol_node.store.records import Records

FOLDER = "cluster/preflight/"

#: Seconds after which nobody waits for answers any more.
KEPT = 20.0


@dataclass(frozen=True)
class Request(Record):
    """`joining` is who would join; `key` in hexadecimal; `since` in seconds since 1970; `members` by name."""

    joining: Candidate
    key: str = field(repr=False)
    since: float
    members: tuple[str, ...]

    def is_over(self, now: float) -> bool:
        """Whether nobody waits for it; of a clock that is behind, the time to come counts too."""
        return abs(now - self.since) > KEPT

    def ways_from(self, own: HostFacts) -> tuple[Way, ...]:
        """Those of a member, whose facts are `own`, to who would join."""
        return tuple(way for way in ways(self.joining, own) if way.source_address in own.links)


@dataclass(frozen=True)
class Answer(Record):
    """`paths` None: not measured yet."""

    facts: HostFacts
    paths: tuple[PathFacts, ...] | None = None


def request_key(ident: str) -> str:
    """Where the request is."""
    return f"{FOLDER}{ident}"


def answer_key(ident: str, member: str) -> str:
    """Where a member answers."""
    return f"{FOLDER}{ident}/{member}"


def requests(records: Records) -> Iterator[tuple[str, Request]]:
    """All that there are, by id. What cannot be read is left out: a newer version's."""
    for record in records.below(FOLDER):
        ident, _slash, member = record.key.removeprefix(FOLDER).partition("/")
        if not member and (found := _read(Request, record.value)) is not None:
            yield ident, found


def answers(records: Records, ident: str) -> dict[str, Answer]:
    """What members answered so far, by name."""
    prefix = f"{FOLDER}{ident}/"
    found = ((each.key.removeprefix(prefix), _read(Answer, each.value)) for each in records.below(prefix))
    return {name: answer for name, answer in found if answer is not None}


def put(records: Records, key: str, value: Record) -> None:
    """Write one. Raises as `Records.put` does."""
    cluster.edit(records, key, lambda before: value.to_members())


def remove(records: Records, ident: str) -> None:
    """All of one."""
    for key in (request_key(ident), *(each.key for each in records.below(f"{FOLDER}{ident}/"))):
        cluster.remove(records, key)


def sweep(records: Records, now: float) -> None:
    """Remove what nobody removed when it was over."""
    live = {ident for ident, request in requests(records) if not request.is_over(now)}
    found = {record.key.removeprefix(FOLDER).partition("/")[0] for record in records.below(FOLDER)}
    for ident in found - live:
        remove(records, ident)


def links_of(totem: Totem, node: str) -> tuple[str, ...]:
    """A node's addresses by number of link, "" where there is none of a number."""
    return by_number(totem.node(node).addresses)


def by_number(addresses: Mapping[int, str]) -> tuple[str, ...]:
    """The same of addresses by their links' numbers."""
    return tuple(addresses.get(link, "") for link in range(max(addresses) + 1))


def _read(kind: Any, value: Mapping[str, Any]) -> Any:
    try:
        return kind.of_members(value)
    except BadInput:
        return None
