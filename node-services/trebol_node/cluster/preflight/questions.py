"""What is asked of the program that reads and measures (`trebol_node.cluster.preflight.program`), and its answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from trebol_node.cluster.preflight.facts import HostFacts, PathFacts, Way, require_hosts
from trebol_node.cluster.preflight.record import Record

#: Bytes of the key of one measurement.
KEY = 32

#: Nodes of a cluster that is measured at most, and ways from one host: each on eight links.
NODES = 64
_WAYS = NODES * 8

#: Seconds, at most: see `Pace`.
_LONGEST_MEETING, _LONGEST = 10.0, 15.0

_KEY = re.compile(rf"[0-9a-f]{{{2 * KEY}}}", re.ASCII)


@dataclass(frozen=True)
class Candidate(Record):
    """Who would join, as members have to know it before they measure; `links` as `HostFacts` has them."""

    name: str
    machine_id: str
    links: tuple[str, ...]

    def __post_init__(self) -> None:
        _require_links(self.links)


@dataclass(frozen=True)
class FactsQuestion(Record):
    """`links`, `others` and `joining` are those of `reading.read`."""

    links: tuple[str, ...]
    others: tuple[str, ...] = ()
    joining: bool = False

    def __post_init__(self) -> None:
        if len(self.others) > NODES:
            raise ValueError("more nodes than a cluster has")
        _require_links(self.links)


@dataclass(frozen=True)
class MeasureQuestion(Record):
    """Measure `ways`, and answer meanwhile on the links of `own`, the facts of this host. `key` in hexadecimal;
    `meet` and `whole` as `Pace` has them."""

    own: HostFacts
    ways: tuple[Way, ...]
    # No log and no error has it: not since it were worth much, but it need not be there.
    key: str = field(repr=False)
    meet: float
    whole: float

    def __post_init__(self) -> None:
        if len(self.ways) > _WAYS:
            raise ValueError(f"more than {_WAYS} ways")
        if not _KEY.fullmatch(self.key):
            raise ValueError("no key")
        if not (0 <= self.meet <= _LONGEST_MEETING and 0 < self.whole <= _LONGEST):
            raise ValueError("longer than a measurement takes")
        for way in self.ways:
            require_hosts(way.source_address, way.target_address)


@dataclass(frozen=True)
class Measured(Record):
    """The ways of a `MeasureQuestion`, in their order."""

    paths: tuple[PathFacts, ...]


def _require_links(links: tuple[str, ...]) -> None:
    if len(links) > 8:
        raise ValueError("more links than a cluster has")
    require_hosts(*filter(None, links))
