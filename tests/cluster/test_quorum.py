"""Trebol's quorum is corosync's: each file and each partition is given to votequorum itself (corosync-vqsim)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cluster.simulator import simulated
from tests.effort import effort
from tests.unit.test_corosync_configuration import of_nodes

from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.corosync.quorum import device_votes, is_quorate
from trebol_node.cluster.corosync.values import Algorithm

#: The same partitions in every run.
SEED = 20260


def partitions(nodes: int, tries: int) -> Iterator[list[list[int]]]:
    """Networks that fell apart, the largest piece first: into halves, into single nodes, then somehow."""
    chance, numbers = random.Random(SEED + nodes), range(1, nodes + 1)
    half = (nodes + 1) // 2
    yield [list(numbers[:half]), list(numbers[half:])]
    yield [[number] for number in numbers]
    for _try in range(tries - 2):
        pieces = chance.choice((1, 2, 2, 2, 3, 4))
        where = [chance.randrange(pieces) for _node in numbers]
        found = (
            [number for number, piece in zip(numbers, where, strict=True) if piece == at] for at in range(pieces)
        )
        yield sorted(filter(None, found), key=len, reverse=True)


def expected(totem: Totem, apart: list[list[int]], favoured: list[int] | None = None) -> dict[int, bool]:
    """Number of node → whether it has quorum, as we take it; the device votes for `favoured`."""
    return {
        node: is_quorate(
            len(members),
            totem.expected_votes,
            two_node=totem.two_node,
            device_votes=device_votes(totem, len(members)) if members is favoured else 0,
        )
        for members in apart
        for node in members
    }


@pytest.mark.parametrize("nodes", range(2, 17))
def test_votequorum_decides_as_we_say(nodes: int, tmp_path: Path) -> None:
    totem = of_nodes(nodes)
    everybody = range(1, nodes + 1)
    with simulated(totem.render(), tmp_path, everybody) as simulator:
        for apart in partitions(nodes, effort(20)):
            assert simulator.split(apart) == expected(totem, apart), apart
            simulator.heal(everybody)


@pytest.mark.parametrize("restarted", [1, 2])
def test_of_two_nodes_one_that_starts_alone_waits_for_the_other(restarted: int, tmp_path: Path) -> None:
    totem, other = of_nodes(2), 3 - restarted
    with simulated(totem.render(), tmp_path, (1, 2)) as simulator:
        assert simulator.restart(restarted, partition=1) == {
            restarted: is_quorate(1, 2, two_node=totem.two_node, wait_for_all_seen=False),
            other: is_quorate(1, 2, two_node=totem.two_node),
        }
        simulator.heal((1, 2))
        assert simulator.split([[1], [2]]) == {1: True, 2: True}, "it has seen the other since"


#: Sizes and algorithms of which a device has a vote.
DEVICES = [
    *((nodes, Algorithm.FFSPLIT) for nodes in (2, 4, 8, 16)),
    *((nodes, Algorithm.LMS) for nodes in (2, 3, 4, 5, 9)),
]


@pytest.mark.parametrize(("nodes", "algorithm"), DEVICES)
def test_a_quorum_device_turns_the_scale_as_we_say(nodes: int, algorithm: Algorithm, tmp_path: Path) -> None:
    totem = of_nodes(nodes).with_device("10.9.9.9", algorithm)
    everybody = range(1, nodes + 1)
    # The simulator's device is asked every few milliseconds, not every few seconds.
    text = totem.render().replace("    model: net\n", "    model: net\n    timeout: 200\n    sync_timeout: 200\n")
    with simulated(text, tmp_path, everybody) as simulator:
        for apart in partitions(nodes, effort(12)):
            # While the device is away its votes are missing.
            assert simulator.split(apart) == expected(totem, apart), apart
            favoured = apart[0]
            if device_votes(totem, len(favoured)):
                simulator.device(True, favoured)
                simulator.becomes(expected(totem, apart, favoured))
                simulator.device(False, favoured)
                simulator.becomes(expected(totem, apart))
            simulator.heal(everybody)
