"""Nodes become one cluster: created, joined through any member, and what does not fit is refused with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.cluster.client import signed_in
from tests.cluster.eventually import eventually
from tests.cluster.nodes import PASSWORD, ContainerNode
from tests.cluster.several import UNTIMED, running_nodes, switch

NAMES = ("n1", "n2", "n3")


@pytest.fixture(scope="module")
def alone() -> Iterator[dict[str, ContainerNode]]:
    """Nodes that stand alone, by name."""
    with switch() as bridge, running_nodes(bridge, (*NAMES, "spare", "p1", "p2")) as nodes:
        yield {node.name: node for node in nodes}


@pytest.fixture(scope="module")
def cluster(alone: dict[str, ContainerNode]) -> dict[str, ContainerNode]:
    """Three of them as one cluster, the third joined through the second; the spare one still stands alone."""
    alone["n1"].run("trebol", "cluster", "create", "clover")
    alone["n2"].run("trebol", "cluster", "join", token(alone["n1"]), *UNTIMED)
    alone["n3"].run("trebol", "cluster", "join", token(alone["n2"]), *UNTIMED)
    return alone


@pytest.fixture
def pair(alone: dict[str, ContainerNode]) -> dict[str, ContainerNode]:
    """Two more that stand alone."""
    return alone


def members(nodes: dict[str, ContainerNode]) -> list[ContainerNode]:
    """Those of the cluster."""
    return [nodes[name] for name in NAMES]


def token(member: ContainerNode, *options: str) -> str:
    """A new one of a member's."""
    return str(json.loads(member.run("trebol", "cluster", "token", "create", "--json", *options))["token"])


def status(node: ContainerNode) -> list[dict[str, Any]]:
    """What a node shows of its cluster."""
    found: list[dict[str, Any]] = json.loads(node.run("trebol", "cluster", "status", "--json", check=False))
    return found


def quorate(node: ContainerNode, nodes: int = len(NAMES)) -> list[dict[str, Any]]:
    """The same, once it is quorate with so many nodes."""

    def look() -> list[dict[str, Any]] | None:
        head, *others = status(node)
        return [head, *others] if head.get("quorate") and len(others) == nodes else None

    found: list[dict[str, Any]] = eventually(look)
    return found


def await_said(node: ContainerNode, text: str, *command: str) -> None:
    """Wait until a command says it."""
    eventually(lambda: text in node.run(*command))


def refusal(node: ContainerNode, *command: str) -> str:
    """What a command says that has to fail, in one line."""
    said = node.run("sh", "-c", 'if "$@"; then echo DONE; fi', "sh", *command, check=False)
    assert "DONE" not in said
    return " ".join(said.split())


def test_every_member_shows_all_of_them_online_and_quorate(cluster: dict[str, ContainerNode]) -> None:
    for node in members(cluster):
        head, *others = quorate(node)
        assert (head["name"], head["nodes"]) == ("clover", 3)
        assert {each["name"]: each["online"] for each in others} == dict.fromkeys(NAMES, 1)
        assert [each["name"] for each in others if each["local"]] == [node.name]


def test_what_is_written_on_one_is_read_on_all(cluster: dict[str, ContainerNode]) -> None:
    cluster["n3"].run("trebol", "api", "set", "/cluster/options", "description=one for all")
    for node in members(cluster):
        await_said(node, "one for all", "trebol", "api", "get", "/cluster/options")


def test_all_have_the_same_configuration_of_corosync(cluster: dict[str, ContainerNode]) -> None:
    assert len({node.run("sha256sum", "/etc/corosync/corosync.conf") for node in members(cluster)}) == 1


def test_clients_log_in_at_any_member_with_the_ticket_of_another(cluster: dict[str, ContainerNode]) -> None:
    first = signed_in(cluster["n1"])
    ticket, _csrf = first.get_tokens()
    other = signed_in(cluster["n2"], password=ticket)
    assert [each["name"] for each in other.cluster.config.nodes.get()] == list(NAMES)


def test_a_member_neither_creates_nor_joins_another_cluster(cluster: dict[str, ContainerNode]) -> None:
    for command in (("create", "other"), ("join", token(cluster["n1"]))):
        assert "is of the cluster clover already" in refusal(cluster["n2"], "trebol", "cluster", *command)


#: What is wrong with a token, how it is spoiled, and what the node that shows it is told.
TOKENS: dict[str, tuple[Callable[[str], str], str]] = {
    "garbled": (lambda text: text[:-8] + "AAAAAAAA", "is garbled"),
    "cut off": (lambda text: text[:-20], "was cut off"),
    "none": (lambda text: "hello", "names no member"),
}


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_that_is_none_is_told_apart_and_nothing_begins(cluster: dict[str, ContainerNode], name: str) -> None:
    spoil, says = TOKENS[name]
    assert says in refusal(cluster["spare"], "trebol", "cluster", "join", spoil(token(cluster["n1"])))
    assert "stands alone" in cluster["spare"].run("trebol", "cluster", "status")


def test_a_token_for_another_node_lets_this_one_not_in(cluster: dict[str, ContainerNode]) -> None:
    given = token(cluster["n1"], "--node", "other")
    assert "is for node other, not for spare" in refusal(cluster["spare"], "trebol", "cluster", "join", given)
    assert "stands alone" in cluster["spare"].run("trebol", "cluster", "status")


def test_a_deleted_token_lets_nobody_in(cluster: dict[str, ContainerNode]) -> None:
    made = json.loads(cluster["n1"].run("trebol", "cluster", "token", "create", "--json"))
    cluster["n2"].run("trebol", "cluster", "token", "delete", made["id"])
    assert "is not known here" in refusal(cluster["spare"], "trebol", "cluster", "join", made["token"])
    assert "nothing to go on with" in refusal(cluster["spare"], "trebol", "cluster", "join", "--abort")


def test_a_client_of_proxmox_creates_and_joins(pair: dict[str, ContainerNode]) -> None:
    first, second = signed_in(pair["p1"]), signed_in(pair["p2"])
    await_task(pair["p1"], first.cluster.config.post(clustername="proxy"))
    (member,) = eventually(lambda: [each for each in first.cluster.config.join.get()["nodelist"] if each["pve_fp"]])
    joined = second.cluster.config.join.post(
        hostname=member["pve_addr"], fingerprint=member["pve_fp"], password=PASSWORD
    )
    await_task(pair["p2"], joined)

    def all_there() -> bool:
        found = first.cluster.status.get()
        return [each["name"] for each in found if each.get("online")] == ["p1", "p2"]

    eventually(all_there)


def await_task(node: ContainerNode, task: str) -> None:
    """Wait for the good end of a task. Whoever has the ticket of a node that has joined since logs in anew, as with
    Proxmox VE."""

    def ended() -> dict[str, Any] | None:
        seen: dict[str, Any] = signed_in(node).nodes(node.name).tasks(task).status.get()
        return seen if seen["status"] == "stopped" else None

    assert eventually(ended)["exitstatus"] == "OK"
