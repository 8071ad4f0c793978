"""A join that is killed at any of its steps: taken back it has left nothing, gone on with the node has joined."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.cluster.eventually import eventually
from tests.cluster.nodes import ContainerNode
from tests.cluster.several import running_nodes, switch
from tests.cluster.test_cluster import status, token

STEPS = ("admit", "keys", "store", "corosync", "pacemaker")
PATIENCE = 60.0

#: It is not the preflight that is tested here.
MEASURED = "rtt-high"


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[ContainerNode, ContainerNode]]:
    """A cluster of one, and a node that is to join it."""
    with switch() as bridge, running_nodes(bridge, ("n1", "n2")) as (first, second):
        first.run("trebol", "cluster", "create", "clover")
        yield first, second


def kill_at(node: ContainerNode, given: str, step: str) -> None:
    """Join, and kill the task with all its programs as soon as it says that a step has begun."""
    join = ("trebol", "api", "create", "--json", "/cluster/config/join", f"token={given}", f"force={MEASURED}")
    upid = json.loads(node.run(*join))
    log = node.tree / "var/log/trebol-tasks" / upid / "log"
    end = time.monotonic() + PATIENCE
    while not any(line.endswith(f" {step}") for line in log.read_text().splitlines()):
        assert time.monotonic() < end, log.read_text()
    node.run("kill", "-KILL", "--", f"-{int(upid.split(':')[2], 16)}")


def of_store(node: ContainerNode) -> dict[str, Any]:
    """What the store's status says."""
    found: dict[str, Any] = json.loads(node.run("trebol", "node", "store", "status", "--json"))
    return found


@pytest.mark.parametrize(
    "step", [pytest.param(each, marks=() if each == "store" else pytest.mark.slow) for each in STEPS]
)
def test_taken_back_it_has_left_nothing(pair: tuple[ContainerNode, ContainerNode], step: str) -> None:
    first, second = pair
    before = second.run("sha256sum", "/etc/trebol/pki/ca.pem", "/etc/corosync/corosync.conf")

    kill_at(second, token(first), step)
    second.run("trebol", "cluster", "join", "--abort")

    assert [each["type"] for each in status(second)] == ["node"]
    assert second.run("sha256sum", "/etc/trebol/pki/ca.pem", "/etc/corosync/corosync.conf") == before
    assert eventually(lambda: of_store(second)["members"]) == ["n2"]
    assert eventually(lambda: [each["name"] for each in status(first)] == ["clover", "n1"])
    assert of_store(first)["members"] == ["n1"]


def test_gone_on_with_the_node_has_joined(pair: tuple[ContainerNode, ContainerNode]) -> None:
    first, second = pair
    kill_at(second, token(first), "corosync")

    second.run("trebol", "cluster", "join", "--resume")

    for node in pair:
        eventually(lambda node=node: [each.get("online") for each in status(node)] == [None, 1, 1])  # type: ignore[misc]
    assert of_store(first)["members"] == ["n1", "n2"]
