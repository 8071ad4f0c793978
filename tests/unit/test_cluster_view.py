"""What a node shows of its cluster, from memory: members by what corosync says, and half-joined ones too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync import status as corosync
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.records import Member, State
from trebol_node.cluster.view import status
from trebol_node.commands import cluster as commands
from trebol_node.store.records import MemoryRecords

ADDRESSES = ("192.0.2.11", "2001:db8::11")


def membership(*joined: int, quorate: bool = True) -> corosync.Membership:
    members = tuple(
        corosync.Member(id, f"n{id}", 1, local=id == 1, joined=id in joined, links={0: True}, version=3)
        for id in range(1, max((3, *joined)) + 1)
    )
    return corosync.Membership("clover", 3, "1.8", quorate, False, 3, len(joined), 2, None, members)


def records() -> MemoryRecords:
    totem = Totem.first("clover", "n1", {0: "192.0.2.11"})
    totem = totem.with_node("n2", {0: "192.0.2.12"}).with_node("n3", {0: "192.0.2.13"})
    made = MemoryRecords({cluster.COROSYNC: totem.to_members()})
    for number in (1, 2, 3):
        member = Member(f"n{number}", f"{number:032x}", f"192.0.2.1{number}", State.MEMBER)
        made.put(f"{cluster.NODES}n{number}", member.to_members(), expected=0)
    return made


def by_name(found: list[dict[str, Any]], member: str) -> dict[str, Any]:
    return {each["name"]: each[member] for each in found if each["type"] == "node" and member in each}


def test_a_node_alone_shows_itself() -> None:
    (found,) = status(MemoryRecords(), "n1", ADDRESSES, None)
    assert (found["type"], found["name"], found["ip"], found["quorate"]) == ("node", "n1", "192.0.2.11", 1)


def test_the_cluster_comes_first_then_its_nodes() -> None:
    head, *nodes = status(records(), "n2", ADDRESSES, membership(1, 2))
    assert (head["type"], head["name"], head["nodes"], head["quorate"]) == ("cluster", "clover", 3, 1)
    assert by_name(nodes, "online") == {"n1": 1, "n2": 1, "n3": 0}
    assert by_name(nodes, "local") == {"n1": 0, "n2": 1, "n3": 0}
    assert by_name(nodes, "nodeid") == {"n1": 1, "n2": 2, "n3": 3}


def test_a_node_whose_corosync_is_silent_says_so_and_not_that_quorum_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    class Answers:
        def __init__(self, socket: Path) -> None:
            pass

        def get(self, path: str) -> list[dict[str, Any]]:
            return status(records(), "n1", ADDRESSES, None)

    monkeypatch.setattr(commands, "Api", Answers)
    told = CliRunner().invoke(commands.app, ["status"])
    assert told.exit_code == 1
    assert "corosync does not say here whether there is quorum" in told.stdout and "without quorum" not in told.stdout


def test_without_quorum_it_says_so_and_waits_for_nobody() -> None:
    assert status(records(), "n1", ADDRESSES, membership(1, quorate=False))[0]["quorate"] == 0


def test_where_corosync_does_not_run_this_node_alone_is_sure_to_be_there() -> None:
    head, *nodes = status(records(), "n1", ADDRESSES, None)
    assert (head["quorate"], head["silent"]) == (0, 1)
    assert "silent" not in status(records(), "n1", ADDRESSES, membership(1, quorate=False))[0]
    assert by_name(nodes, "online") == {"n1": 1, "n2": 0, "n3": 0}


def test_a_node_that_joins_is_listed_before_corosync_knows_it() -> None:
    found = records()
    found.put(f"{cluster.NODES}n4", Member("n4", "4" * 32, "192.0.2.14").to_members(), expected=0)
    nodes = status(found, "n1", ADDRESSES, membership(1, 2, 3))
    assert by_name(nodes, "joining") == {"n4": 1}
    assert by_name(nodes, "online")["n4"] == 0
