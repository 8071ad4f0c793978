"""Nodes leave a cluster, are removed from it, come back, and are replaced: the others stay one, with quorum."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from proxmoxer import ResourceException
from tests.cluster.client import signed_in
from tests.cluster.eventually import eventually
from tests.cluster.nodes import ContainerNode, built_node
from tests.cluster.several import UNTIMED, link_on, running_nodes, switch
from tests.cluster.test_cluster import await_said, quorate, refusal, status, token

from trebol_common.run import CommandRunner

NAMES = ("n1", "n2", "n3", "spare")

#: The port of the switch for the machine that takes n2's place.
_PLACE = 2


@pytest.fixture(scope="module")
def bridge() -> Iterator[str]:
    """What they are all on."""
    with switch() as made:
        yield made


@pytest.fixture(scope="module")
def nodes(bridge: str) -> Iterator[dict[str, ContainerNode]]:
    """Three nodes as one cluster, and a spare one that stands alone, by name."""
    with running_nodes(bridge, NAMES) as running:
        found = {node.name: node for node in running}
        found["n1"].run("trebol", "cluster", "create", "clover")
        for name in ("n2", "n3"):
            found[name].run("trebol", "cluster", "join", token(found["n1"]))
        yield found


def stands_alone(node: ContainerNode) -> bool:
    """Whether it does, once its daemon has begun anew."""

    def look() -> bool:
        return "stands alone" in node.run("trebol", "cluster", "status")

    return bool(eventually(look))


def state_in(node: ContainerNode, name: str) -> dict[str, object]:
    """What a node shows of another."""
    return next((each for each in status(node) if each["type"] == "node" and each["name"] == name), {})


def knows(node: ContainerNode, name: str) -> bool:
    """Whether pacemaker has heard of a node."""
    return f'name="{name}"' in node.run("crm_mon", "--one-shot", "--output-as=xml")


def kill_task(node: ContainerNode, upid: str) -> None:
    """End it as a power cut does: nothing is undone."""
    node.run("kill", "-9", str(int(upid.split(":")[2], 16)))


def begun(node: ContainerNode, path: str, *arguments: str) -> str:
    """The UPID of a task that nobody waits for."""
    return node.run("trebol", "api", "create", path, *arguments).strip().strip('"')


def unplug(node: ContainerNode, *, state: str = "down") -> None:
    """Take its cable out of the switch, or put it back."""
    CommandRunner().run(["ip", "link", "set", f"vb-{node.name}", state])


def test_a_node_that_works_is_not_removed_by_others(nodes: dict[str, ContainerNode]) -> None:
    quorate(nodes["n1"])
    api = signed_in(nodes["n1"])
    with pytest.raises(ResourceException, match="n3: is online"):
        api.cluster.config.nodes("n3").delete()
    said = refusal(nodes["n1"], "trebol", "cluster", "remove", "n3", "--dead")
    assert "n3: is online" in said and "trebol cluster leave" in said
    assert "is this node itself" in refusal(nodes["n1"], "trebol", "cluster", "remove", "n1", "--dead")
    assert "is no node of the cluster" in refusal(nodes["n1"], "trebol", "cluster", "remove", "other")
    quorate(nodes["n1"])


def test_a_node_leaves_stands_alone_and_joins_again(nodes: dict[str, ContainerNode]) -> None:
    first, leaver = nodes["n1"], nodes["n3"]
    leaver.run("trebol", "api", "set", "/cluster/options", "description=of the cluster")
    leaver.run("trebol", "cluster", "leave")

    assert stands_alone(leaver)
    quorate(first, 2)
    eventually(lambda: not knows(first, "n3"))
    assert "of the cluster" not in leaver.run("trebol", "api", "get", "/cluster/options")
    assert leaver.run("ls", "/var/lib/etcd").split() == ["trebol", "trebol.left"]
    assert leaver.run("sha256sum", "/etc/trebol/pki/ca.pem") != first.run("sha256sum", "/etc/trebol/pki/ca.pem")

    leaver.run("trebol", "cluster", "join", token(first))
    quorate(first, 3)
    await_said(leaver, "of the cluster", "trebol", "api", "get", "/cluster/options")
    eventually(lambda: knows(first, "n3"))


@pytest.mark.slow
def test_the_last_node_ends_its_cluster_and_nobody_elses(nodes: dict[str, ContainerNode]) -> None:
    spare = nodes["spare"]
    assert "is of no cluster" in refusal(spare, "trebol", "cluster", "leave", "--last")
    spare.run("trebol", "cluster", "create", "small")
    assert "trebol cluster leave --last" in refusal(spare, "trebol", "cluster", "leave")
    spare.run("trebol", "cluster", "leave", "--last")
    assert stands_alone(spare)
    assert "is not the last node" in refusal(nodes["n1"], "trebol", "cluster", "leave", "--last")
    assert "works together with" in refusal(nodes["n1"], "trebol", "cluster", "leave", "--forced")


def test_a_node_that_has_joined_by_halves_is_removed_at_any_time(nodes: dict[str, ContainerNode]) -> None:
    first, spare = nodes["n1"], nodes["spare"]
    upid = begun(spare, "/cluster/config/join", f"token={token(first)}")
    eventually(lambda: state_in(first, "spare").get("joining") and state_in(first, "spare").get("nodeid"))
    kill_task(spare, upid)

    assert "joins at the moment" in refusal(nodes["n3"], "trebol", "cluster", "leave")
    first.run("trebol", "cluster", "remove", "spare")
    assert "spare" not in first.run("trebol", "cluster", "status")
    quorate(first, 3)
    spare.run("trebol", "cluster", "join", "--abort")
    assert stands_alone(spare)


@pytest.mark.slow
def test_a_dead_node_is_removed_and_says_so_when_it_comes_back(nodes: dict[str, ContainerNode]) -> None:
    first, lost = nodes["n1"], nodes["n3"]
    unplug(lost)
    eventually(lambda: not state_in(first, "n3")["online"])
    assert "which may be the network alone" in refusal(first, "trebol", "cluster", "remove", "n3")
    assert "would have no quorum" in refusal(nodes["n2"], "trebol", "cluster", "leave")
    first.run("trebol", "cluster", "remove", "n3", "--dead")
    quorate(first, 2)

    unplug(lost, state="up")
    eventually(lambda: state_in(lost, "n3").get("removed"))
    said = lost.run("trebol", "cluster", "status", check=False)
    assert "was removed from the cluster" in said
    assert "trebol cluster leave --forced" in refusal(lost, "trebol", "cluster", "leave")
    lost.run("trebol", "cluster", "leave", "--forced")
    assert stands_alone(lost)
    assert "n3" not in first.run("trebol", "api", "get", "/nodes")
    lost.run("trebol", "cluster", "join", token(first))
    quorate(first, 3)


@pytest.mark.slow
def test_a_leave_that_was_cut_off_is_taken_back_or_gone_on_with(nodes: dict[str, ContainerNode]) -> None:
    first, leaver = nodes["n1"], nodes["n3"]
    for how in ("--abort", "--resume"):
        upid = begun(leaver, "/cluster/config/leave")
        eventually(lambda: state_in(first, "n3").get("leaving"))
        kill_task(leaver, upid)
        leaver.run("trebol", "cluster", "leave", how)
        quorate(first, 3 if how == "--abort" else 2)
    assert stands_alone(leaver)
    leaver.run("trebol", "cluster", "join", token(first), *UNTIMED)
    quorate(first, 3)


def test_of_two_that_leave_at_once_one_does_and_the_other_is_told(nodes: dict[str, ContainerNode]) -> None:
    with ThreadPoolExecutor() as pool:
        leavers = {name: nodes[name] for name in ("n2", "n3")}
        leave = {name: pool.submit(node.run, "trebol", "cluster", "leave") for name, node in leavers.items()}
        failed = {name: str(error) for name, each in leave.items() if (error := each.exception()) is not None}
    assert len(failed) == 1, failed
    ((stays, said),) = failed.items()
    (gone,) = leavers.keys() - failed.keys()
    assert f"{gone}: leaves at the moment" in said and "one change at a time" in said
    assert stands_alone(nodes[gone])
    quorate(nodes["n1"], 2)
    assert not state_in(nodes["n1"], stays).get("leaving")
    nodes[gone].run("trebol", "cluster", "join", token(nodes["n1"]), *UNTIMED)
    quorate(nodes["n1"], 3)


@pytest.mark.slow
def test_of_two_nodes_the_first_one_leaves_too(nodes: dict[str, ContainerNode]) -> None:
    first, second = nodes["n1"], nodes["n2"]
    nodes["n3"].run("trebol", "cluster", "leave")
    quorate(second, 2)
    first.run("trebol", "cluster", "leave")
    assert stands_alone(first)
    quorate(second, 1)
    second.run("trebol", "api", "set", "/cluster/options", "description=of the second")
    for name in ("n1", "n3"):
        nodes[name].run("trebol", "cluster", "join", token(second))
    quorate(first, 3)
    await_said(first, "of the second", "trebol", "api", "get", "/cluster/options")


@pytest.mark.slow
def test_a_new_machine_takes_the_place_of_one_that_was_killed(nodes: dict[str, ContainerNode], bridge: str) -> None:
    first, dead = nodes["n1"], nodes["n2"]
    # All of its processes end with the first one.
    os.kill(dead.leader, signal.SIGKILL)
    eventually(lambda: not state_in(first, "n2")["online"])
    said = refusal(nodes["spare"], "trebol", "cluster", "replace", "n2", token(first))
    assert "trebol node name n2" in said
    with built_node("n2", link_on(bridge, "n2", _PLACE)) as machine:
        assert "is the name of a node" in refusal(machine, "trebol", "cluster", "join", token(first))
        machine.run("trebol", "cluster", "replace", "n2", token(first, "--node", "n2"))
        quorate(first, 3)
        quorate(machine, 3)
        assert len({node.run("sha256sum", "/etc/corosync/corosync.conf") for node in (first, machine)}) == 1
