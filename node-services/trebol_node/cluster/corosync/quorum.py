"""Who has quorum, as votequorum decides (votequorum(5), its exec/votequorum.c), and what may still fail. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.corosync.values import Algorithm


def majority(expected_votes: int) -> int:
    """Votes that make quorum."""
    return (expected_votes + 2) // 2


def is_quorate(
    partition_votes: int,
    expected_votes: int,
    *,
    two_node: bool = False,
    wait_for_all_seen: bool = True,
    device_votes: int = 0,
) -> bool:
    """Whether nodes that see each other have quorum.

    `partition_votes` are theirs, `device_votes` those that a quorum device gives to them; `expected_votes` those of
    all nodes and of the device. `two_node` as in the file; it goes with wait_for_all: `wait_for_all_seen` is whether
    all were there once since these were started.
    """
    votes = partition_votes + device_votes
    if not partition_votes:
        return False
    if two_node:
        return wait_for_all_seen or votes == expected_votes
    return votes >= majority(expected_votes)


def device_votes(totem: Totem, partition: int, *, reached: bool = True) -> int:
    """Votes that the quorum device gives to `partition` nodes, of which all others are gone (corosync-qdevice(8)).

    Where several sides live, it gives its votes to one of them: this is what it does for that one, the largest, or
    one of two halves.
    """
    if totem.device is None or not reached:
        return 0
    match totem.device.algorithm:
        case Algorithm.FFSPLIT:
            return totem.device_votes if 2 * partition >= len(totem.nodes) else 0
        case Algorithm.LMS:
            return totem.device_votes if partition else 0


@dataclass(frozen=True)
class Margins:
    """What the nodes that are there have, and what may still fail.

    `nodes` is how many of them may be lost, in any choice and order; None where there is no quorum now. `device` says
    whether the quorum device may be lost instead, with all of them there; None where none has a vote.
    `without_device`: how many of them may be lost once it is gone; None where its loss alone takes quorum.
    `fences`: with two nodes each goes on alone, so that what decides between them is fencing.
    """

    quorate: bool
    votes: int
    needed: int
    nodes: int | None
    device: bool | None
    without_device: int | None
    fences: bool


def margins(totem: Totem, online: Collection[str], *, device_online: bool = True) -> Margins:
    """From the configuration, the names of the nodes that are there, and whether the quorum device is.

    Raises BadInput for a name that is no member's.
    """
    there = len({totem.node(name).name for name in online})
    voting = bool(totem.device_votes)
    spare, alone = _spare(totem, there, device_online), _spare(totem, there, False)
    return Margins(
        quorate=spare is not None,
        votes=there + device_votes(totem, there, reached=device_online),
        needed=1 if totem.two_node else majority(totem.expected_votes),
        nodes=spare,
        device=(alone is not None) if voting else None,
        without_device=alone if voting else spare,
        fences=totem.two_node,
    )


def _spare(totem: Totem, there: int, reached: bool) -> int | None:
    """How many of those that are there may be lost; None where these are too few already."""
    enough = [
        left
        for left in range(1, there + 1)
        if is_quorate(
            left,
            totem.expected_votes,
            two_node=totem.two_node,
            device_votes=device_votes(totem, left, reached=reached),
        )
    ]
    return there - enough[0] if enough else None
