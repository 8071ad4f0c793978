"""The wizard's cluster by the node's API: what is asked, what is shown, and a join after which no ticket counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.test_wizard_node import UPID, Queue

from trebol_common.answers.cluster import ClusterMode
from trebol_common.locks import locked
from trebol_common.run import ScriptedRunner
from trebol_firstboot.cluster_seen import ClusterSeen, NodeSeen, NodeState
from trebol_firstboot.screens import api_cluster
from trebol_firstboot.screens.node import ApiWorld
from trebol_firstboot.screens.world import Task, TaskNews, Unended
from trebol_node.client import NotAllowed, Unreachable
from trebol_node.cluster.steps import disk
from trebol_node.cluster.steps.journal import Journal

STATUS: list[dict[str, Any]] = [
    {"type": "cluster", "name": "clover", "nodes": 3, "quorate": 1},
    {"type": "node", "name": "n1", "ip": "192.0.2.11", "online": 1, "local": 1},
    {"type": "node", "name": "n2", "ip": "192.0.2.12", "online": 0, "local": 0},
    {"type": "node", "name": "n3", "ip": "192.0.2.13", "online": 0, "local": 0, "joining": 1},
]
TASK = f"/nodes/localhost/tasks/{UPID}"


@pytest.fixture
def api() -> Queue:
    return Queue()


@pytest.fixture
def world(api: Queue, tmp_path: Path) -> ApiWorld:
    return ApiWorld(api, root=tmp_path, runner=ScriptedRunner(), pause=lambda seconds: None)


def test_a_member_shows_the_others_and_who_joins(tmp_path: Path) -> None:
    found = api_cluster.known(tmp_path, ("192.0.2.11/24", "2001:db8::11/64", "192.0.2.11/32"), STATUS)

    assert found.intent.mode is ClusterMode.STAND_ALONE
    assert found.addresses == ("192.0.2.11", "2001:db8::11")
    assert found.cluster == ClusterSeen("clover", 2, 1, quorate=True)
    assert found.nodes == (
        NodeSeen("n1", "192.0.2.11", NodeState.ONLINE, here=True),
        NodeSeen("n2", "192.0.2.12", NodeState.OFFLINE),
        NodeSeen("n3", "192.0.2.13", NodeState.JOINING),
    )


def test_a_node_that_stands_alone_shows_nobody(tmp_path: Path) -> None:
    found = api_cluster.known(tmp_path, (), STATUS[1:2])
    assert (found.cluster, found.nodes, found.unended) == (None, (), None)


@pytest.mark.parametrize(
    ("journal", "ways"),
    [
        (Journal.of("join", ["admit"], {}), ("resume", "abort")),
        (Journal.of("join", ["admit"], {}).going_back("timed out"), ("abort",)),
    ],
)
def test_what_was_cut_off_can_be_ended(tmp_path: Path, journal: Journal, ways: tuple[str, ...]) -> None:
    folder = tmp_path / disk.FOLDER.relative_to("/")
    folder.mkdir(parents=True)
    disk.create(disk.Kept(folder, journal))

    assert api_cluster.unended(tmp_path) == Unended("join", reason=journal.reason, ways=ways)
    with locked(folder / "lock") as mine:
        assert mine
        assert api_cluster.unended(tmp_path) == Unended("join", running=True)


def test_each_button_is_one_call(world: ApiWorld, api: Queue) -> None:
    api.expect("POST cluster/config", UPID, clustername="clover", link0="192.0.2.11")
    api.expect("POST cluster/config/join", UPID, token="trebol1-A", hostname="n1", link0="192.0.2.12")
    api.expect("POST cluster/config/join", UPID, token="trebol1-A", hostname=None, link0="192.0.2.12")
    api.expect("POST cluster/config/go-on", UPID, how="abort")
    api.expect("POST cluster/tokens", {"id": "0", "token": "trebol1-A", "end": 1_796_000_000}, node=None, ttl="1h")

    assert world.create_cluster("clover", "192.0.2.11") == Task(UPID)
    assert world.join_cluster("trebol1-A", "n1", "192.0.2.12") == Task(UPID, signs_out=True)
    assert world.join_cluster("trebol1-A", "", "192.0.2.12") == Task(UPID, signs_out=True)
    assert world.end_join("abort") == Task(UPID)
    said = world.new_token("", "1h")
    assert said.splitlines()[-1] == "trebol1-A" and "until 2026-11-30 00:53 UTC" in said


def test_a_join_is_followed_through_the_restart_of_the_daemon_and_without_the_ticket_of_before(
    world: ApiWorld, api: Queue
) -> None:
    lines = [{"n": 1, "t": "7/7 end"}]
    api.expect(f"GET {TASK}/status", Unreachable("does not answer"))
    api.expect(f"GET {TASK}/status", NotAllowed("no ticket"))
    api.expect(f"GET {TASK}/status", {"status": "stopped", "exitstatus": "OK"})
    api.expect(f"GET {TASK}/log", NotAllowed("no ticket"), start=0, limit=500)
    api.expect(f"GET {TASK}/log", lines, start=0, limit=500)
    api.expect(f"GET {TASK}/log", NotAllowed("no ticket"), start=1, limit=500)
    api.expect(f"GET {TASK}/log", [{"n": 1, "t": "no content"}], start=1, limit=500)

    assert list(world.follow(Task(UPID, signs_out=True))) == [TaskNews(("7/7 end",)), TaskNews(ended="OK")]
    assert not api.expected
