"""As many nodes as a cluster may have become one, and bear the loss of as many as they can spare."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise

import pytest
from tests.cluster.eventually import eventually
from tests.cluster.nodes import ContainerNode
from tests.cluster.several import UNTIMED, running_nodes, switch
from tests.cluster.test_cluster import quorate, status

from trebol_common.run import CommandRunner

NODES = 16
#: Sixteen share two processors here: not each has measured all others in the time that a preflight has.
FORCED = (*UNTIMED, "--force", "not-measured", "--force", "loss")
#: Nodes that boot at the same time: more only wait for each other.
_AT_ONCE = 4
#: Of sixteen votes nine are quorum.
SPARE = 7

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[list[ContainerNode]]:
    """Sixteen nodes as one cluster; each joins through the one before it."""
    with ExitStack() as stack:
        bridge = stack.enter_context(switch())
        nodes: list[ContainerNode] = []
        for start in range(0, NODES, _AT_ONCE):
            names = [f"n{number}" for number in range(start + 1, start + _AT_ONCE + 1)]
            nodes += stack.enter_context(running_nodes(bridge, names, first=start + 1))
        nodes[0].run("trebol", "cluster", "create", "clover")
        for before, node in pairwise(nodes):
            made = json.loads(before.run("trebol", "cluster", "token", "create", "--json"))
            node.run("trebol", "cluster", "join", made["token"], *FORCED)
        yield nodes


def test_each_of_sixteen_sees_all_of_them(cluster: list[ContainerNode]) -> None:
    for node in cluster:
        head, *others = quorate(node, NODES)
        assert head["nodes"] == NODES
        assert sum(each["online"] for each in others) == NODES


def test_five_of_them_vote_in_the_store(cluster: list[ContainerNode]) -> None:
    def voters() -> int:
        return len(json.loads(cluster[-1].run("trebol", "node", "store", "status", "--json"))["members"])

    assert eventually(lambda: voters() == 5, within=180)


def test_they_bear_the_loss_of_seven_and_take_them_back(cluster: list[ContainerNode]) -> None:
    # Those that do not vote in the store: with three of its five voters it would be gone.
    lost = cluster[-SPARE:]
    for node in lost:
        CommandRunner().run(["ip", "link", "set", f"vb-{node.name}", "down"])
    there = cluster[0]
    eventually(lambda: sum(each.get("online", 0) for each in status(there)) == NODES - SPARE, within=120)
    assert status(there)[0]["quorate"]
    there.run("trebol", "api", "set", "/cluster/options", "description=nine are enough")
    for node in lost:
        CommandRunner().run(["ip", "link", "set", f"vb-{node.name}", "up"])
    for node in cluster:
        quorate(node, NODES)
    eventually(lambda: "nine are enough" in lost[-1].run("trebol", "api", "get", "/cluster/options"))
