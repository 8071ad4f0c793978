"""What a node does next in an orderly shutdown, and after it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from trebol_node.cluster.power.records import Phase, Shutdown


class Step(StrEnum):
    """READY: say so. STOP: have pacemaker stop everything. GO: write that all go. OFF: power off. BACK: say that it
    has booted again. START: all are back, end the hold."""

    WAIT = "wait"
    READY = "ready"
    STOP = "stop"
    GO = "go"
    OFF = "off"
    BACK = "back"
    START = "start"


@dataclass(frozen=True)
class Seen:
    """What the node knows. `there`: names that corosync sees, None: it does not say; `nodes`: all of the cluster, the
    first by number first; `boots` by name, as in the records; `stopped`: pacemaker was told to run nothing, and does
    not."""

    node: str
    boot: str
    there: frozenset[str] | None
    quorate: bool
    nodes: tuple[str, ...]
    boots: Mapping[str, str]
    stopped: bool = False


def next_step(shutdown: Shutdown, seen: Seen) -> Step:
    """One step; asked again after each, and when something has changed."""
    mine = seen.boots.get(seen.node)
    if shutdown.phase is Phase.ASKED:
        if seen.node in shutdown.order and mine != seen.boot:
            return Step.READY
        if shutdown.asked != seen.node:
            return Step.WAIT
        # Nothing is stopped before all can go. One that boots meanwhile is not there, and says so anew.
        if seen.there is None or not set(shutdown.order) <= seen.boots.keys() & seen.there:
            return Step.WAIT
        return Step.GO if seen.stopped else Step.STOP
    if mine is not None and mine != seen.boot:
        return Step.BACK
    if mine is not None:
        return Step.OFF if _is_turn(shutdown.order, seen) else Step.WAIT
    if _all_back(seen) and not seen.boots:
        return Step.START
    return Step.WAIT


def _is_turn(order: Collection[str], seen: Seen) -> bool:
    """Whether all that go before are gone, or are back already."""
    before = [each for each in list(order)[: list(order).index(seen.node)] if each in seen.boots]
    return seen.there is not None and seen.there.isdisjoint(before)


def _all_back(seen: Seen) -> bool:
    """Whether this node is the first by number, and all are there."""
    return (
        seen.quorate
        and seen.there is not None
        and set(seen.nodes) <= seen.there
        and bool(seen.nodes)
        and seen.nodes[0] == seen.node
    )
