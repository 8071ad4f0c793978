"""A node that loses its power while it joins without a hand is a member after its next boot."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from tests.cluster.eventually import eventually
from tests.cluster.left_by_installer import CREATE, JOIN, WITHIN, first_boot_of, installed, seed
from tests.cluster.nodes import built_tree, container_node
from tests.cluster.several import link_on, running_nodes, switch
from tests.cluster.test_cluster import quorate

from trebol_firstboot.unattended.log import LOG
from trebol_node.cluster.steps import disk

#: The step of the join that is cut off: the other members have been told by then.
CUT_AT = "corosync"


def begins(tree: Path, step: str) -> bool:
    """Whether the node of this tree is at that step of its join."""
    journal = json.loads((tree / disk.FOLDER.relative_to("/") / "journal.json").read_text())
    return any(each["name"] == step and each["state"] == "begun" for each in journal["steps"])


@pytest.mark.slow
def test_a_node_whose_power_went_while_it_joined_is_a_member_after_its_next_boot() -> None:
    seeds = {"n1": seed({**CREATE, "nodes": ["n2"]})}
    with switch() as bridge, running_nodes(bridge, ["n1"], seeds) as (first,), built_tree() as tree:
        installed(JOIN, tree)
        with container_node(tree, "n2", link_on(bridge, "n2", 2)) as cut:
            eventually(lambda: begins(tree, CUT_AT), within=WITHIN)
            os.kill(cut.leader, signal.SIGKILL)
        with container_node(tree, "n2", link_on(bridge, "n2", 2)) as again:
            try:
                eventually(lambda: first_boot_of(again)["state"] == "done", within=WITHIN)
            except AssertionError as error:
                raise AssertionError((tree / LOG).read_text()) from error
            log = (tree / LOG).read_text()
            for node in (first, again):
                quorate(node, nodes=2)
    assert "it was cut off, and begins anew" in log
