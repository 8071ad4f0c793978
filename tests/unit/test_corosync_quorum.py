"""Who has quorum, and what may still fail; tests/cluster/test_quorum.py asks corosync's own simulator."""

from __future__ import annotations

import pytest
from tests.unit.test_corosync_configuration import of_nodes

from trebol_common.errors import BadInput
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.corosync.quorum import Margins, device_votes, is_quorate, margins
from trebol_node.cluster.corosync.values import Algorithm


@pytest.mark.parametrize(
    ("nodes", "least"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4), (8, 5), (16, 9), (32, 17)]
)
def test_more_than_half_of_the_votes_decide(nodes: int, least: int) -> None:
    assert [votes for votes in range(nodes + 1) if is_quorate(votes, nodes)] == list(range(least, nodes + 1))


def test_each_of_two_nodes_goes_on_alone_once_both_were_there() -> None:
    assert is_quorate(1, 2, two_node=True)
    assert not is_quorate(1, 2, two_node=True, wait_for_all_seen=False)
    assert is_quorate(2, 2, two_node=True, wait_for_all_seen=False)


def device(nodes: int, algorithm: Algorithm = Algorithm.FFSPLIT) -> Totem:
    """A cluster with a quorum device."""
    return of_nodes(nodes).with_device("10.9.9.9", algorithm)


@pytest.mark.parametrize(
    ("totem", "votes"),
    [
        (of_nodes(4), [0, 0, 0, 0, 0]),
        (device(4), [0, 0, 1, 1, 1]),
        (device(2), [0, 1, 1]),
        (device(2).with_node("node3", {0: "10.0.0.3"}), [0, 0, 0, 0]),
        (device(3, Algorithm.LMS), [0, 2, 2, 2]),
    ],
)
def test_a_device_votes_for_a_half_or_for_the_last_one(totem: Totem, votes: list[int]) -> None:
    assert [device_votes(totem, partition) for partition in range(len(totem.nodes) + 1)] == votes


@pytest.mark.parametrize(
    ("totem", "gone", "reached", "margin"),
    [
        # Nodes, and nothing else.
        (of_nodes(1), 0, True, Margins(True, 1, 1, 0, None, 0, fences=False)),
        (of_nodes(3), 0, True, Margins(True, 3, 2, 1, None, 1, fences=False)),
        (of_nodes(3), 1, True, Margins(True, 2, 2, 0, None, 0, fences=False)),
        (of_nodes(3), 2, True, Margins(False, 1, 2, None, None, None, fences=False)),
        (of_nodes(4), 0, True, Margins(True, 4, 3, 1, None, 1, fences=False)),
        (of_nodes(5), 0, True, Margins(True, 5, 3, 2, None, 2, fences=False)),
        # Two: fencing decides.
        (of_nodes(2), 0, True, Margins(True, 2, 1, 1, None, 1, fences=True)),
        (of_nodes(2), 1, True, Margins(True, 1, 1, 0, None, 0, fences=True)),
        # A device for halves is worth a node; its own loss is bearable while no node is lost.
        (device(2), 0, True, Margins(True, 3, 2, 1, True, 0, fences=False)),
        (device(2), 1, True, Margins(True, 2, 2, 0, False, None, fences=False)),
        (device(2), 0, False, Margins(True, 2, 2, 0, True, 0, fences=False)),
        (device(4), 0, True, Margins(True, 5, 3, 2, True, 1, fences=False)),
        (device(4), 2, True, Margins(True, 3, 3, 0, False, None, fences=False)),
        (device(4), 2, False, Margins(False, 2, 3, None, False, None, fences=False)),
        # One that waits has no say.
        (device(2).with_node("node3", {0: "10.0.0.3"}), 0, True, Margins(True, 3, 2, 1, None, 1, fences=False)),
        # Last man standing: all but one node may go, or the device alone.
        (device(5, Algorithm.LMS), 0, True, Margins(True, 9, 5, 4, True, 0, fences=False)),
        (device(5, Algorithm.LMS), 1, True, Margins(True, 8, 5, 3, False, None, fences=False)),
        (device(5, Algorithm.LMS), 1, False, Margins(False, 4, 5, None, False, None, fences=False)),
    ],
)
def test_what_may_still_fail_is_known(totem: Totem, gone: int, reached: bool, margin: Margins) -> None:
    online = [node.name for node in totem.nodes[gone:]]
    assert margins(totem, online, device_online=reached) == margin


def test_a_name_that_is_no_members_is_an_error() -> None:
    with pytest.raises(BadInput, match="no member"):
        margins(of_nodes(2), ["node1", "node7"])


def test_nobody_there_is_nothing_to_lose() -> None:
    assert margins(of_nodes(3), []) == Margins(False, 0, 2, None, None, None, fences=False)
