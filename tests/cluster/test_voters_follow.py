"""The store follows its cluster: a voter that is gone is replaced, comes back without a vote, and a single survivor
can be told to go on alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.cluster.eventually import eventually
from tests.cluster.nodes import ContainerNode
from tests.cluster.several import running_nodes, switch

from trebol_common.run import CommandRunner

NAMES = ("n1", "n2", "n3", "n4")

#: A voter's silence is borne for 10 minutes, which no test waits for.
DROP_IN = """\
[Service]
ExecStart=
ExecStart=/usr/bin/python3 -P -m trebol_node.trebold --grace 6
"""

LOCAL = "https://127.0.0.1:2379"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[dict[str, ContainerNode]]:
    """Four nodes as one cluster."""
    with switch() as bridge, running_nodes(bridge, NAMES) as nodes:
        for node in nodes:
            folder = node.tree / "etc/systemd/system/trebold.service.d"
            folder.mkdir(parents=True)
            (folder / "tests.conf").write_text(DROP_IN, encoding="utf-8")
            node.run("systemctl", "daemon-reload")
            node.run("systemctl", "restart", "trebold.service")
        first, *others = nodes
        first.run("trebol", "cluster", "create", "clover")
        for node in others:
            made = json.loads(first.run("trebol", "cluster", "token", "create", "--json"))
            node.run("trebol", "cluster", "join", made["token"])
        yield {node.name: node for node in nodes}


def cut(node: ContainerNode, *, off: bool = True) -> None:
    """Pull its cable, or plug it in again: to the others it is as if its power were cut."""
    CommandRunner().run(["ip", "link", "set", f"vb-{node.name}", "down" if off else "up"])


def voters(node: ContainerNode) -> list[str]:
    """As the store lists them."""
    found: dict[str, Any] = json.loads(node.run("trebol", "node", "store", "status", "--json", check=False))
    return sorted(found["members"])


def asked(node: ContainerNode) -> set[str]:
    """Addresses of the voters that a node asks."""
    urls = json.loads(node.run("cat", "/etc/trebol/store-urls.json"))["urls"]
    return {node.address if url == LOCAL else url.removeprefix("https://").removesuffix(":2379") for url in urls}


def await_voters(nodes: list[ContainerNode], *names: str) -> None:
    """Wait until these vote, and each of `nodes` asks these and no others."""
    eventually(lambda: voters(nodes[0]) == sorted(names))
    numbers = {f"10.124.0.{10 + NAMES.index(name) + 1}" for name in names}
    for node in nodes:
        eventually(lambda node=node: asked(node) == numbers)  # type: ignore[misc]


def failed_units(node: ContainerNode) -> str:
    """Units of ours that failed, a line each."""
    return node.run("systemctl", "list-units", "--failed", "--plain", "--no-legend", "trebol*")


def test_of_four_nodes_three_vote_and_all_ask_these(cluster: dict[str, ContainerNode]) -> None:
    await_voters(list(cluster.values()), "n1", "n2", "n3")
    spare = cluster["n4"]
    assert spare.run("systemctl", "is-active", "trebol-store.service", check=False).split()[0] == "inactive"
    spare.run("systemctl", "start", "trebol-store.service", "trebol-snapshot.service")
    assert failed_units(spare) == ""


def test_a_voter_that_is_gone_is_replaced_by_the_fourth_node(cluster: dict[str, ContainerNode]) -> None:
    cut(cluster["n2"])
    there = [cluster[name] for name in ("n1", "n3", "n4")]
    await_voters(there, "n1", "n3", "n4")
    cluster["n4"].run("trebol", "api", "set", "/cluster/options", "description=still here")
    cluster["n4"].await_state("trebol-store.service")


def test_it_comes_back_without_a_vote_and_with_what_is_so_now(cluster: dict[str, ContainerNode]) -> None:
    back = cluster["n2"]
    cut(back, off=False)
    await_voters(list(cluster.values()), "n1", "n3", "n4")
    eventually(lambda: "still here" in back.run("trebol", "api", "get", "/cluster/options"))
    eventually(
        lambda: back.run("systemctl", "is-active", "trebol-store.service", check=False).split()[0] == "inactive"
    )
    back.run("test", "-d", "/var/lib/etcd/trebol.put-away")
    assert failed_units(back) == ""


def refusal(node: ContainerNode, *command: str) -> str:
    """What a command says that has to fail, in one line."""
    said = node.run("sh", "-c", 'if "$@"; then echo DONE; fi', "sh", *command, check=False)
    assert "DONE" not in said
    return " ".join(said.split())


def test_a_single_survivor_goes_on_alone_once_somebody_says_so(cluster: dict[str, ContainerNode]) -> None:
    survivor = cluster["n1"]
    recover = ("trebol", "node", "store", "recover")
    assert "the store has a quorum" in refusal(survivor, *recover, "--yes")
    snapshot = survivor.run("trebol", "node", "store", "snapshot").split()[0]
    assert "has other voters" in refusal(survivor, "trebol", "node", "store", "restore", snapshot)
    for name in ("n2", "n3", "n4"):
        cut(cluster[name])
    eventually(lambda: "has a quorum" not in refusal(survivor, *recover))
    said = refusal(survivor, *recover)
    assert "Given up" in said and "n2, n3, n4" in said and "nothing was done" in said
    assert survivor.run("trebol", "cluster", "status", check=False).startswith("cluster clover: 4 nodes, without")
    survivor.run(*recover, "--yes")
    assert voters(survivor) == ["n1"]
    assert asked(survivor) == {survivor.address}
    eventually(lambda: survivor.run("trebol", "cluster", "status").startswith("cluster clover: 1 nodes, quorate"))
    assert "still here" in survivor.run("trebol", "api", "get", "/cluster/options")
    survivor.run("trebol", "api", "set", "/cluster/options", "description=alone")
    eventually(lambda: "force-new-cluster" not in survivor.run("cat", "/etc/trebol/store.yaml"))
    assert failed_units(survivor) == ""


def test_it_is_restored_from_a_snapshot_as_a_cluster_of_one(cluster: dict[str, ContainerNode]) -> None:
    survivor = cluster["n1"]
    snapshot = survivor.run("trebol", "node", "store", "snapshots").split()[-1]
    survivor.run("trebol", "node", "store", "restore", snapshot)
    eventually(lambda: "still here" in survivor.run("trebol", "api", "get", "/cluster/options"))
    eventually(lambda: survivor.run("trebol", "cluster", "status").startswith("cluster clover: 1 nodes, quorate"))
    assert voters(survivor) == ["n1"]
