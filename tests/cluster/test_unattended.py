"""Nodes whose answer files say so become one cluster on their first boot, without a hand."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.cluster.eventually import eventually
from tests.cluster.left_by_installer import CREATE, JOIN, NAMES, TEXT, WITHIN, first_boot_of, seed
from tests.cluster.nodes import ContainerNode
from tests.cluster.several import running_nodes, switch
from tests.cluster.test_cluster import quorate

from trebol_common import CLUSTER_INTENT
from trebol_common.first_boot import PENDING
from trebol_firstboot.unattended.log import LOG


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[ContainerNode]]:
    """The three, booted at the same time, once each says that its first boot is done."""
    seeds = {name: seed(CREATE if name == NAMES[0] else JOIN) for name in NAMES}
    with switch() as bridge, running_nodes(bridge, NAMES, seeds) as running:
        for node in running:
            try:
                eventually(lambda: first_boot_of(node)["state"] == "done", within=WITHIN)  # noqa: B023
            except AssertionError as error:
                raise AssertionError(node.run("cat", f"/{LOG}", check=False)) from error
        yield running


def test_the_nodes_are_one_cluster_without_a_hand(nodes: list[ContainerNode]) -> None:
    for node in nodes:
        head, *others = quorate(node)
        assert (head["name"], head["nodes"]) == ("clover", 3)
        assert {each["name"]: each["online"] for each in others} == dict.fromkeys(NAMES, 1)


def test_each_first_boot_says_that_it_is_done_and_no_boot_begins_with_it_again(nodes: list[ContainerNode]) -> None:
    for node in nodes:
        assert [(step["task"], step["state"]) for step in first_boot_of(node)["steps"]] == [("cluster", "done")]
        assert node.run("sh", "-c", f"ls /{PENDING} /{CLUSTER_INTENT} 2>/dev/null || true") == ""


def test_the_text_is_used_up_and_told_by_nobody(nodes: list[ContainerNode]) -> None:
    found = json.loads(nodes[2].run("trebol", "cluster", "token", "list", "--json"))
    assert sorted((each["node"], each["used-by"]) for each in found) == [("n2", "n2"), ("n3", "n3")]
    for node in nodes:
        told = node.run("sh", "-c", f"journalctl --no-pager; cat /{LOG}; grep -r {TEXT} /var/lib/trebol /etc || true")
        assert TEXT not in told


def test_the_banner_says_how_the_cluster_is(nodes: list[ContainerNode]) -> None:
    assert "Cluster      clover: 3 of 3 nodes, quorate" in nodes[1].run("trebol", "firstboot", "banner")
