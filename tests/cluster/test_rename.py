"""A node of a cluster gets another name, and is the member it was; cut off in between it goes on, or back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from _pytest.mark.structures import ParameterSet
from tests.cluster.eventually import eventually
from tests.cluster.nodes import ContainerNode
from tests.cluster.several import UNTIMED, running_nodes, switch
from tests.cluster.test_cluster import NAMES, quorate, refusal, status, token
from tests.cluster.test_join_cut_off import PATIENCE, of_store

Nodes = dict[str, ContainerNode]


def slow(*values: str) -> ParameterSet:
    """Of the many that `make test-full` runs."""
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    """Three nodes, one cluster; by the names that they begin with."""
    with switch() as bridge, running_nodes(bridge, NAMES) as nodes:
        first, *others = nodes
        first.run("trebol", "cluster", "create", "clover")
        for node in others:
            node.run("trebol", "cluster", "join", token(first), *UNTIMED)
        yield {node.name: node for node in nodes}


def known(node: ContainerNode) -> list[str]:
    """The nodes that a node shows, online and on no way, by their numbers."""
    found = sorted(status(node)[1:], key=lambda each: int(each["nodeid"]))
    return [each["name"] for each in found if each["online"] and not each.keys() & {"renaming", "removed"}]


def await_names(cluster: Nodes, *names: str) -> None:
    """Wait until all nodes show these, and pacemaker, the store and the system say the same."""
    for node in cluster.values():
        eventually(lambda node=node: known(node) == list(names))  # type: ignore[misc]
        quorate(node)
        # A daemon that starts reads the store's members anew.
        eventually(lambda node=node: of_store(node)["members"] == sorted(names))  # type: ignore[misc]
        shown = node.run("crm_mon", "--one-shot", "--output-as=xml")
        assert all(f'<node name="{name}"' in shown for name in names), shown
        assert shown.count('online="true"') == len(names)
        assert len(node.run("crm_node", "--list").split("\n")) == len(names) + 1
    for node, name in zip(cluster.values(), names, strict=True):
        assert node.run("hostname").strip() == name
        assert f"{node.address} {name}.example.org {name}" in node.run("cat", "/etc/hosts")
        for path in ("api.pem", "store.pem"):
            text = node.run("openssl", "x509", "-noout", "-text", "-in", f"/etc/trebol/pki/{path}")
            assert f"DNS:{name}" in text
    assert len({node.run("cat", "/etc/corosync/corosync.conf") for node in cluster.values()}) == 1


def kill_at(node: ContainerNode, new: str, step: str) -> None:
    """Rename, and kill the task with all its programs as soon as it says that a step has begun."""
    path = "/cluster/config/nodes/localhost/name"
    upid = json.loads(node.run("trebol", "api", "set", "--json", path, f"name={new}"))
    log = node.tree / "var/log/trebol-tasks" / upid / "log"
    end = time.monotonic() + PATIENCE
    while not any(line.endswith(f" {step}") for line in log.read_text().splitlines()):
        assert time.monotonic() < end, log.read_text()
    node.run("kill", "-KILL", "--", f"-{int(upid.split(':')[2], 16)}")


def test_a_node_gets_another_name_and_all_know_it_by_that(cluster: Nodes) -> None:
    node, first = cluster["n3"], cluster["n1"]
    node.run("crm_attribute", "--node", "n3", "--name", "rack", "--update", "b4")
    first.run(
        "trebol", "api", "set", "/access/acl", "path=/nodes/n3", "users=root@pam", "roles=PVEAuditor", check=False
    )

    node.run("trebol", "node", "rename", "n7")

    await_names(cluster, "n1", "n2", "n7")
    assert "b4" in first.run("crm_attribute", "--node", "n7", "--name", "rack", "--query")
    assert "n3" not in first.run("cibadmin", "--query")
    first.run("trebol", "api", "set", "/cluster/options", "description=written after")
    eventually(lambda: "written after" in node.run("trebol", "api", "get", "/cluster/options"))


REFUSED = {
    "taken": (("trebol", "node", "rename", "n2"), "is the name of a node of the cluster already"),
    "its own": (("trebol", "node", "rename", "n1"), "is its name already"),
    "none": (("trebol", "node", "rename", "Not_a_name"), "name"),
    "another node": (("trebol", "cluster", "rename", "n2", "n8"), "there: trebol node rename n8"),
    "a stranger": (("trebol", "cluster", "rename", "n99", "n8"), "is no member of the cluster"),
    "nothing to go on with": (("trebol", "cluster", "rename", "--resume"), "nothing to go on with"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_name_that_cannot_be_had_is_refused_and_nothing_begins(cluster: Nodes, case: str) -> None:
    command, says = REFUSED[case]
    assert says in refusal(cluster["n1"], *command)
    assert "nothing to go on with" in refusal(cluster["n1"], "trebol", "cluster", "rename", "--abort")


@pytest.mark.parametrize("step", [slow("configuration"), "records", slow("store")])
def test_cut_off_it_is_taken_back_and_the_node_is_what_it_was(cluster: Nodes, step: str) -> None:
    kill_at(cluster["n2"], "n8", step)
    cluster["n2"].run("trebol", "cluster", "rename", "--abort")
    await_names(cluster, "n1", "n2", "n7")


@pytest.mark.parametrize(("step", "new"), [("name", "n8"), slow("pacemaker", "n9")])
def test_cut_off_it_is_gone_on_with(cluster: Nodes, step: str, new: str) -> None:
    kill_at(cluster["n2"], new, step)
    assert "trebol cluster rename --resume" in eventually(
        lambda: refusal(cluster["n2"], "trebol", "cluster", "link", "set", "0", "--priority", "2")
    )
    cluster["n2"].run("trebol", "cluster", "rename", "--resume")
    await_names(cluster, "n1", new, "n7")


def test_the_cluster_gets_another_name_and_goes_on_with_corosync_started_anew_or_not(cluster: Nodes) -> None:
    node, other = cluster["n3"], cluster["n1"]
    node.run("trebol", "cluster", "rename", "shamrock")
    for each in cluster.values():
        assert quorate(each)[0]["name"] == "shamrock"
        assert "cluster_name: shamrock" in each.run("cat", "/etc/corosync/corosync.conf")
    # One with the new name, the others with the old one: they are one cluster all the same.
    node.run("systemctl", "restart", "pacemaker", "corosync")
    assert "= shamrock" in node.run("corosync-cmapctl", "-g", "totem.cluster_name")
    assert "= clover" in other.run("corosync-cmapctl", "-g", "totem.cluster_name")
    for each in cluster.values():
        eventually(lambda each=each: all(one["online"] for one in quorate(each)[1:]))  # type: ignore[misc]
    says = refusal(node, "trebol", "cluster", "rename", "n1")
    assert "is the name of a node" in says and "trebol: " in refusal(node, "trebol", "cluster", "rename", "No_Name")
