"""The upkeep of a cluster: what is wrong with it is told, nodes are taken out and back, all of it goes and comes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.eventually import eventually
from tests.cluster.nodes import ContainerNode, built_tree, container_node
from tests.cluster.several import UNTIMED, link_on, switch
from tests.cluster.test_cluster import NAMES, quorate, refusal, status, token
from tests.cluster.test_upkeep import PLACE

#: The socket would have it started again.
DAEMONS = ("trebold.socket", "trebold")

Nodes = dict[str, ContainerNode]


class Rack:
    """Three machines on one switch, which can be off and be switched on again."""

    def __init__(self, stack: ExitStack, bridge: str) -> None:
        self.bridge = bridge
        self.trees = {name: stack.enter_context(built_tree()) for name in NAMES}
        self.running: dict[str, ExitStack] = {}
        self.nodes: Nodes = {}

    def on(self, name: str) -> ContainerNode:
        """Switch one on."""
        self.running[name] = ExitStack()
        link = link_on(self.bridge, name, NAMES.index(name) + 1)
        node = self.running[name].enter_context(container_node(self.trees[name], name, link))
        node.await_state("trebold.service")
        self.nodes[name] = node
        return node

    def off(self, name: str) -> None:
        """Wait for its end; whatever has ended by itself is cleared away."""
        self.running.pop(name).close()


@pytest.fixture(scope="module")
def rack() -> Iterator[Rack]:
    """Three nodes, one cluster."""
    with switch() as bridge, ExitStack() as stack:
        made = Rack(stack, bridge)
        try:
            with ThreadPoolExecutor() as pool:
                list(pool.map(made.on, NAMES))
            made.nodes["n1"].run("trebol", "cluster", "create", "clover")
            for name in NAMES[1:]:
                made.nodes[name].run("trebol", "cluster", "join", token(made.nodes["n1"]), *UNTIMED)
            quorate(made.nodes["n1"])
            yield made
        finally:
            for name in tuple(made.running):
                made.off(name)


def diagnosis(node: ContainerNode) -> dict[str, Any]:
    """Findings by code and place."""
    found = json.loads(node.run("trebol", "cluster", "diagnose", "--json", check=False))
    return {f"{each['code']} {each['where']}".strip(): each for each in found["findings"]}


def errors(node: ContainerNode) -> set[str]:
    """The grave ones."""
    return {key for key, each in diagnosis(node).items() if each["severity"] == "error"}


def is_well(node: ContainerNode) -> bool:
    """Nothing is grave."""
    return not errors(node)


def standby(node: ContainerNode, name: str) -> bool:
    """As pacemaker says."""
    text = node.run("crm_mon", "--one-shot", "--output-as=xml")
    line = next(line for line in text.splitlines() if f'<node name="{name}"' in line)
    return 'standby="true"' in line


def gone(node: ContainerNode) -> bool:
    """Whether its first process has ended."""
    return not Path(f"/proc/{node.leader}").exists()


def test_nothing_is_grave_with_a_cluster_that_is_well(rack: Rack) -> None:
    for node in rack.nodes.values():
        eventually(partial(is_well, node))
        assert json.loads(node.run("trebol", "api", "get", "--json", "/cluster/diagnosis"))
    assert "fencing-unproven n1" in diagnosis(rack.nodes["n1"])


def test_a_node_without_corosync_is_named_by_another_and_by_itself(rack: Rack) -> None:
    first, third = rack.nodes["n1"], rack.nodes["n3"]
    third.run("systemctl", "stop", "pacemaker", "corosync")
    eventually(lambda: "node-lost n3" in errors(first))
    own = errors(third)
    assert {"corosync-silent n3", "pacemaker-silent n3", "unit-down n3"} <= own
    assert "corosync" in refusal(first, "trebol", "node", "maintenance", "n2", "check")
    assert "n3 is missing already" in refusal(first, "trebol", "node", "maintenance", "n2", "on")
    third.run("systemctl", "start", "corosync", "pacemaker")
    quorate(first)
    eventually(lambda: not errors(first))


def test_it_is_told_without_the_nodes_daemon_and_without_quorum(rack: Rack) -> None:
    first = rack.nodes["n1"]
    for name in ("n2", "n3"):
        rack.nodes[name].run("systemctl", "stop", "pacemaker", "corosync", *DAEMONS, "trebol-store")
    first.run("systemctl", "stop", *DAEMONS)
    eventually(lambda: {"no-quorum", "store-no-leader", "node-lost n2", "unit-down n1"} <= errors(first))
    for node in rack.nodes.values():
        node.run("systemctl", "start", "trebol-store", "corosync", "pacemaker", *DAEMONS)
    eventually(lambda: not errors(first))


def test_a_node_is_taken_out_and_back_one_at_a_time(rack: Rack) -> None:
    first, second = rack.nodes["n1"], rack.nodes["n2"]
    assert "✓ store" in first.run("trebol", "node", "maintenance", "n2", "check")
    first.run("trebol", "node", "maintenance", "n2", "on", "--why", "new memory")
    eventually(lambda: standby(first, "n2"))
    assert "in maintenance" in second.run("trebol", "cluster", "status")
    assert "new memory" in diagnosis(rack.nodes["n3"])["maintenance n2"]["measured"]
    assert "n2 is in maintenance" in refusal(first, "trebol", "node", "maintenance", "n3", "on")
    second.run("trebol", "node", "maintenance", "n2", "off")
    eventually(lambda: not standby(first, "n2"))
    assert "maintenance n2" not in diagnosis(first)
    assert not status(first)[2].get("maintenance")


def test_nodes_are_brought_up_to_date_one_after_the_other(rack: Rack) -> None:
    first, second = rack.nodes["n1"], rack.nodes["n2"]
    for node in rack.nodes.values():
        node.run("sh", "-c", PLACE)
    second.run("touch", "/run/reboot-required")
    assert "n3    1         -" in first.run("trebol", "cluster", "update", "--check")
    with ThreadPoolExecutor() as pool:
        said = pool.submit(first.run, "trebol", "cluster", "update", "--yes")
        # A container that boots anew ends.
        eventually(lambda: gone(second), within=120)
        assert json.loads(first.run("trebol", "api", "get", "--json", "/cluster/maintenance"))[0]["node"] == "n2"
        rack.off("n2")
        rack.on("n2")
        lines = said.result()
    assert lines.count("upgraded: toy:all 1 → 2") == len(NAMES)
    assert (
        lines.index("n2: 1 of 3") < lines.index("n2: is back") < lines.index("n3: 2 of 3") < lines.index("n1: 3 of")
    )
    assert "up to date" in first.run("trebol", "cluster", "update", "--yes")
    assert not json.loads(first.run("trebol", "api", "get", "--json", "/cluster/maintenance"))


def test_the_whole_cluster_goes_in_order_and_is_held_until_it_is_started(rack: Rack) -> None:
    second = rack.nodes["n2"]
    assert "is not clover" in refusal(second, "sh", "-c", "echo other | trebol cluster shutdown")
    said = second.run("trebol", "cluster", "shutdown", "--yes", check=False)
    assert "n1, n3, n2" in said
    # The node that was asked is the last.
    eventually(lambda: gone(rack.nodes["n2"]), within=120)
    assert gone(rack.nodes["n1"]) and gone(rack.nodes["n3"])
    for name in NAMES:
        rack.off(name)

    # A voter's daemon waits for its store, which waits for a second voter.
    with ThreadPoolExecutor() as pool:
        list(pool.map(rack.on, ("n1", "n2")))
    first = rack.nodes["n1"]
    eventually(lambda: status(first)[0]["quorate"])
    eventually(lambda: "held" in diagnosis(first))
    assert any("shut down in order" in each for each in status(first)[0]["ha-off"])
    assert "missing: n3" in first.run("trebol", "cluster", "start")
    eventually(lambda: "held" not in diagnosis(rack.nodes["n2"]))
    rack.on("n3")
    quorate(first)
    eventually(lambda: not errors(first))
