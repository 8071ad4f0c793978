"""Links of corosync come, change and go while the cluster runs; what would part nodes is refused, or taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.cluster.eventually import eventually
from tests.cluster.nodes import ContainerNode
from tests.cluster.second_network import INTERFACE, address, give, plug, second_network
from tests.cluster.several import UNTIMED, running_nodes, switch
from tests.cluster.test_cluster import NAMES, quorate, refusal, status, token
from tests.cluster.test_join_cut_off import PATIENCE

from trebol_common.run import CommandRunner

Nodes = dict[str, ContainerNode]
SET = ("trebol", "cluster", "link", "set")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    """Three nodes, one cluster, each with an interface on a second network."""
    with switch() as bridge, running_nodes(bridge, NAMES) as nodes, second_network(nodes):
        first, *others = nodes
        first.run("trebol", "cluster", "create", "clover")
        for node in others:
            node.run("trebol", "cluster", "join", token(first), *UNTIMED)
        yield {node.name: node for node in nodes}


def links(node: ContainerNode) -> dict[int, dict[str, Any]]:
    """What `trebol cluster link list` shows on a node, by number."""
    found = json.loads(node.run("trebol", "cluster", "link", "list", "--json", check=False))
    return {each["link"]: each for each in found}


def connected(node: ContainerNode, link: int) -> bool:
    """Whether all nodes reach each other on it."""
    found = links(node)[link]["nodes"]
    return all(len(each["connected"]) == len(found) - 1 and not each["missing"] for each in found)


def addresses(*numbers: int) -> list[str]:
    """For each node, its address on the second network."""
    return [f"{name}={address(number)}" for name, number in zip(NAMES, numbers, strict=True)]


def version(node: ContainerNode) -> int:
    """Of corosync's configuration."""
    return int(status(node)[0]["version"])


def configurations(cluster: Nodes) -> set[str]:
    """All that there are."""
    return {node.run("cat", "/etc/corosync/corosync.conf") for node in cluster.values()}


def test_a_second_link_comes_for_all_nodes_and_carries_the_cluster_when_the_first_is_cut(cluster: Nodes) -> None:
    first = cluster["n1"]
    # A node's new address is known within ten seconds.
    eventually(lambda: first.run(*SET, "1", *addresses(1, 2, 3), "--priority", "5"))

    assert eventually(lambda: connected(cluster["n2"], 1)) and links(first)[1]["priority"] == 5
    assert len(configurations(cluster)) == 1

    runner = CommandRunner()
    runner.run(["ip", "link", "set", "vb-n3", "down"])
    try:
        eventually(lambda: links(first)[0]["nodes"][2]["missing"] == ["n1", "n2"])
        head, *nodes = status(first)
        assert head["quorate"] and all(each["online"] for each in nodes)
        assert "does not reach n1, n2" in first.run("trebol", "cluster", "link", "list", check=False)
        says = refusal(first, "trebol", "cluster", "link", "remove", "1")
        assert "the only link by which n1 and n3; n2 and n3 reach each other" in says
    finally:
        runner.run(["ip", "link", "set", "vb-n3", "up"])
    eventually(lambda: connected(first, 0))


def test_an_address_changes_while_the_other_link_carries_the_cluster(cluster: Nodes) -> None:
    give(cluster["n2"], address(20))

    eventually(lambda: cluster["n3"].run(*SET, "1", f"n2={address(20)}"))

    assert eventually(lambda: connected(cluster["n1"], 1))
    assert links(cluster["n1"])[1]["nodes"][1]["address"] == address(20)


def test_a_change_by_which_nodes_do_not_reach_each_other_is_taken_back_by_itself(cluster: Nodes) -> None:
    before = links(cluster["n1"])[1]
    plug(cluster["n3"], plugged=False)
    give(cluster["n1"], address(30))
    try:
        says = eventually(lambda: _parted(cluster["n2"], f"n1={address(30)}"))
    finally:
        plug(cluster["n3"], plugged=True)
    assert "n1 and n3" in says and "do not reach each other on link 1" in says and "all is as before" in says

    assert eventually(lambda: connected(cluster["n1"], 1))
    after = links(cluster["n1"])[1]
    assert [each["address"] for each in after["nodes"]] == [each["address"] for each in before["nodes"]]
    assert len(configurations(cluster)) == 1
    quorate(cluster["n1"])


def _parted(node: ContainerNode, given: str) -> str:
    says = refusal(node, *SET, "1", given)
    return "" if "is no address of this node" in says else says


#: What is asked, and what is said.
REFUSED = {
    "an address that the node does not have": ((*SET, "1", "n1=10.125.0.99"), "is no address of this node"),
    "a new link without a node": ((*SET, "2", "n1=10.125.0.41"), "has no address on link 2"),
    "the same address twice": ((*SET, "1", f"n1={address(3)}"), "is the address of"),
    "loopback": ((*SET, "1", "n1=127.0.0.2"), "every machine has"),
    "mixed versions": ((*SET, "1", "n1=fd00::1"), "take one version"),
    "no address": ((*SET, "1", "n1=hello"), "is not an IP address"),
    "a stranger": ((*SET, "1", "n9=10.125.0.19"), "is no member of the cluster"),
    "link 0": ((*SET, "0", "n1=10.125.0.30"), "cannot be changed while the cluster runs"),
    "the last link": (("trebol", "cluster", "link", "remove", "0"), "cannot do without link 0"),
    "none there": (("trebol", "cluster", "link", "remove", "4"), "there is no such link"),
    "nothing": ((*SET, "1"), "is missing"),
    "no pair": ((*SET, "1", "10.125.0.19"), "is not NODE=ADDRESS"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_cluster_can_have_is_refused_and_nothing_changes(cluster: Nodes, case: str) -> None:
    command, says = REFUSED[case]
    before = version(cluster["n1"])
    assert says in refusal(cluster["n1"], *command)
    assert version(cluster["n1"]) == before


def test_a_priority_changes_on_any_link(cluster: Nodes) -> None:
    cluster["n1"].run(*SET, "0", "--priority", "9")
    assert links(cluster["n3"])[0]["priority"] == 9
    used = cluster["n2"].run("corosync-cmapctl", "-g", "totem.interface.0.knet_link_priority")
    assert used.split()[-1] == "9"
    quorate(cluster["n1"])


def test_a_change_that_was_cut_off_is_gone_on_with(cluster: Nodes) -> None:
    node = cluster["n1"]
    give(node, address(40))
    upid = eventually(
        lambda: json.loads(
            node.run("trebol", "api", "set", "--json", "/cluster/config/links/1", f"addresses=n1={address(40)}")
        )
    )
    log = node.tree / "var/log/trebol-tasks" / upid / "log"
    eventually(lambda: "without link 1" in log.read_text(), within=PATIENCE)
    node.run("kill", "-KILL", "--", f"-{int(upid.split(':')[2], 16)}")

    says = refusal(node, *SET, "0", "--priority", "8")
    assert "trebol cluster link set --resume" in says
    node.run(*SET, "--resume")

    assert eventually(lambda: connected(cluster["n2"], 1))
    assert links(node)[1]["nodes"][0]["address"] == address(40)


def test_a_link_goes_and_nothing_else_does(cluster: Nodes) -> None:
    cluster["n3"].run("trebol", "cluster", "link", "remove", "1")
    for node in cluster.values():
        assert list(links(node)) == [0]
        quorate(node)
    assert "ring1_addr" not in configurations(cluster).pop()
    assert INTERFACE in cluster["n1"].run("ip", "address")
