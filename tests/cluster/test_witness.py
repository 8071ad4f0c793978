"""Two nodes and a machine beside them that decides: one node dies, and the other one goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from tests.cluster.eventually import eventually
from tests.cluster.nodes import ContainerNode, built_tree, container_node
from tests.cluster.several import UNTIMED, link_on, running_nodes, switch
from tests.cluster.test_cluster import refusal, status, token
from tests.cluster.witness import witness_machine, witness_tree


@dataclass
class Pair:
    """A node that stays, one that can die and come back, and the machine beside them, which can too."""

    stays: ContainerNode
    dies: ExitStack
    back: Any
    third: ExitStack
    witness: ContainerNode
    bridge: str
    witness_on: Callable[[], ContainerNode]


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """Two nodes as one cluster, without a witness yet."""
    with ExitStack() as stack:
        bridge = stack.enter_context(switch())
        tree = stack.enter_context(built_tree())
        link = link_on(bridge, "n2", 2)
        dies = stack.enter_context(ExitStack())

        def back() -> ContainerNode:
            node = dies.enter_context(container_node(tree, "n2", link))
            node.await_state("trebold.service")
            return node

        (stays,) = stack.enter_context(running_nodes(bridge, ("n1",)))
        beside = stack.enter_context(witness_tree())
        beside_link = link_on(bridge, "third", 9)
        third = stack.enter_context(ExitStack())

        def witness_on() -> ContainerNode:
            return third.enter_context(witness_machine(beside, "third", beside_link))

        second = back()
        stays.run("trebol", "cluster", "create", "clover")
        second.run("trebol", "cluster", "join", token(stays), *UNTIMED)
        yield Pair(stays, dies, back, third, witness_on(), bridge, witness_on)


def invited(node: ContainerNode, host: str) -> str:
    """The token for a witness."""
    told = json.loads(node.run("trebol", "cluster", "witness", "add", host, "--json"))
    return str(told["token"])


def shown(node: ContainerNode) -> dict[str, Any]:
    """What a node says of the witness."""
    found: dict[str, Any] = json.loads(node.run("trebol", "cluster", "witness", "show", "--json", check=False))
    return found


def quorate(node: ContainerNode) -> bool:
    """Whether corosync on a node says that it is."""
    return "Quorate:          Yes" in node.run("corosync-quorumtool", "-s", check=False)


def writes(node: ContainerNode) -> bool:
    """Whether the store takes a write through a node."""
    said = node.run("sh", "-c", "trebol api set /cluster/options description=x$$ && echo DONE", check=False)
    return "DONE" in said


def test_who_cannot_be_the_witness_is_told_why(pair: Pair) -> None:
    for host, says in (
        (pair.stays.address, "cannot decide between members"),
        ("10.124.0.12", "cannot decide between members"),
        ("127.0.0.1", "no address that another machine can have"),
        ("nowhere.invalid", "is not known"),
    ):
        assert says in refusal(pair.stays, "trebol", "cluster", "witness", "add", host), host
    assert shown(pair.stays) is None


def test_a_token_of_a_node_makes_no_witness_and_a_witness_token_no_node(pair: Pair) -> None:
    assert "is not known here" in refusal(pair.witness, "trebol-witness", "join", token(pair.stays))
    assert "no cluster's witness" in pair.witness.run("trebol-witness", "status")


def test_with_the_third_vote_one_node_dies_and_the_other_goes_on(pair: Pair) -> None:
    given = invited(pair.stays, pair.witness.address)
    assert shown(pair.stays)["state"] == "invited"
    pair.witness.run("trebol-witness", "join", given)
    assert shown(pair.stays)["state"] == "votes"
    assert "has a witness already" in refusal(pair.stays, "trebol", "cluster", "witness", "add", "10.124.0.77")
    entry = next(each for each in status(pair.stays) if each["type"] == "witness")
    assert (entry["ip"], entry["online"]) == (pair.witness.address, 1)
    assert "two_node" not in pair.stays.run("cat", "/etc/corosync/corosync.conf")

    eventually(lambda: shown(pair.stays)["store"] == "voter")
    # Of two with a third vote either can be spared.
    eventually(lambda: pair.stays.run("trebol", "node", "maintenance", "n2", "check"))
    assert "store-stranger" not in pair.stays.run("trebol", "cluster", "diagnose", "--json", check=False)

    pair.dies.close()
    eventually(lambda: "Nodes:            1" in pair.stays.run("corosync-quorumtool", "-s", check=False))
    assert quorate(pair.stays), pair.stays.run("corosync-quorumtool", "-s", check=False)
    eventually(lambda: writes(pair.stays))

    second = pair.back()
    eventually(lambda: quorate(second) and shown(second)["state"] == "votes")
    eventually(lambda: writes(second))


def test_a_third_node_takes_its_place_and_gives_it_back(pair: Pair) -> None:
    with running_nodes(pair.bridge, ("n3",), first=3) as (third,):
        third.run("trebol", "cluster", "join", token(pair.stays), *UNTIMED)
        eventually(lambda: (shown(third)["state"], shown(third)["store"]) == ("waits", "waits"))
        eventually(lambda: "device" not in third.run("cat", "/etc/corosync/corosync.conf"))
        assert writes(third)
        third.run("trebol", "cluster", "leave")
        eventually(lambda: (shown(pair.stays)["state"], shown(pair.stays)["store"]) == ("votes", "voter"))


@pytest.mark.slow
def test_with_four_nodes_it_decides_also_after_it_was_off(pair: Pair) -> None:
    with ExitStack() as halves:
        others = halves.enter_context(running_nodes(pair.bridge, ("n3", "n4"), first=3))
        for node in others:
            node.run("trebol", "cluster", "join", token(pair.stays), *UNTIMED)
        eventually(lambda: shown(pair.stays)["state"] == "votes")
        pair.third.close()
        eventually(lambda: shown(pair.stays)["state"] == "silent")
        assert quorate(pair.stays)
        pair.witness = pair.witness_on()
        eventually(lambda: shown(pair.stays)["state"] == "votes")
        # Two of four are off at once: the witness's vote is the third of five.
        halves.close()
        eventually(lambda: "Nodes:            2" in pair.stays.run("corosync-quorumtool", "-s", check=False))
        eventually(lambda: quorate(pair.stays))
        eventually(lambda: writes(pair.stays))
    for name in ("n3", "n4"):
        pair.stays.run("trebol", "cluster", "remove", name, "--dead")
    eventually(lambda: (shown(pair.stays)["state"], shown(pair.stays)["store"]) == ("votes", "voter"))


def test_without_the_witness_again_two_nodes_are_as_before(pair: Pair) -> None:
    pair.stays.run("trebol", "cluster", "witness", "remove")
    assert shown(pair.stays) is None
    eventually(lambda: "no cluster's witness" in pair.witness.run("trebol-witness", "status", check=False))
    assert "store" not in pair.witness.run("ls", "/var/lib/trebol-witness", check=False)
    eventually(lambda: "two_node" in pair.stays.run("cat", "/etc/corosync/corosync.conf"))
    eventually(
        lambda: pair.stays.run("systemctl", "is-active", "corosync-qdevice", check=False).startswith("inactive")
    )


def test_a_witness_leaves_by_itself_and_can_come_again(pair: Pair) -> None:
    pair.witness.run("trebol-witness", "join", invited(pair.stays, pair.witness.address))
    eventually(lambda: shown(pair.stays)["store"] == "voter")
    pair.witness.run("trebol-witness", "leave")
    assert shown(pair.stays) is None
    assert writes(pair.stays)


def test_without_it_the_one_that_is_left_writes_nothing(pair: Pair) -> None:
    pair.dies.close()
    eventually(lambda: "Nodes:            1" in pair.stays.run("corosync-quorumtool", "-s", check=False))
    eventually(lambda: not writes(pair.stays))
