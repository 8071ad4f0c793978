"""Random schedules of faults, each made whole from its seed, and what a cluster may answer meanwhile. Pure."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What becomes of a node."""

    #: Its cable leads to the other switch.
    PARTED = "parted"
    #: Its power is cut; it boots again when all is well again.
    OFF = "off"
    COROSYNC = "corosync.service"
    PACEMAKER = "pacemaker.service"
    STORE = "trebol-store.service"
    DAEMON = "trebold.service"
    WORKER = "trebol-worker.service"

    @property
    def kills(self) -> bool:
        """Whether it is the end of one service by kill -9."""
        return self not in (Fault.PARTED, Fault.OFF)


@dataclass(frozen=True)
class Schedule:
    """Faults, one after the other, each with the node that it befalls."""

    name: str
    faults: tuple[tuple[Fault, str], ...]

    def __str__(self) -> str:
        told = ", ".join(f"{fault.value} {node}" for fault, node in self.faults)
        return f"schedule {self.name}: {told}"

    def sides(self, nodes: Collection[str]) -> tuple[frozenset[str], ...]:
        """Who can still talk to each other."""
        off = {node for fault, node in self.faults if fault is Fault.OFF}
        parted = {node for fault, node in self.faults if fault is Fault.PARTED} - off
        return tuple(side for side in (frozenset(nodes) - off - parted, frozenset(parted)) if side)


def schedule(seed: int, nodes: Sequence[str]) -> Schedule:
    """One to three faults; a node is neither parted nor switched off twice."""
    chance = random.Random(seed)
    faults: list[tuple[Fault, str]] = []
    for _each in range(chance.randint(1, 3)):
        fault, node = Fault(chance.choice(list(map(str, Fault)))), chance.choice(nodes)
        if not any(node == other and (fault is Fault.OFF or not known.kills) for known, other in faults):
            faults.append((fault, node))
    return Schedule(str(seed), tuple(faults))


@dataclass(frozen=True)
class View:
    """What a node's corosync says: whether it has quorum, and who is with it."""

    quorate: bool
    members: frozenset[str]


def halves(views: Mapping[str, View]) -> list[tuple[str, str]]:
    """Nodes that both have quorum, and of which neither knows the other: there must never be any."""
    quorate = sorted(name for name, view in views.items() if view.quorate)
    return [
        (one, other)
        for number, one in enumerate(quorate)
        for other in quorate[number + 1 :]
        if other not in views[one].members and one not in views[other].members
    ]


def settled(views: Mapping[str, View], sides: Iterable[frozenset[str]], votes: int) -> bool:
    """Whether each side has found itself, and has quorum where it is more than half of `votes`."""
    return all(views.get(node) == View(2 * len(side) > votes, side) for side in sides for node in side)
