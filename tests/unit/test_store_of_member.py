"""A member's own store begins when it gets a vote, and is put away when it loses it; whoever takes over trebold can
name nodes of the cluster, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.unit.worker_context import context, write

from trebol_common.errors import BadInput, Refused
from trebol_common.run import Argument, Completed, Runner, ScriptedRunner
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.here import store
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.steps import disk
from trebol_node.cluster.steps.journal import Journal
from trebol_node.store import reached
from trebol_node.store.configuration import PATH, parse
from trebol_node.worker import cluster_operations
from trebol_node.worker.handlers import perform
from trebol_node.worker.operation import Operation
from trebol_node.worker.protocol import Request

VOTERS = {"n1": "192.0.2.1", "n4": "192.0.2.4"}


@dataclass
class Systemctl:
    """Notes what it was asked for; all goes well."""

    asked: list[str] = field(default_factory=list)

    def run(self, command: list[Argument], **options: Any) -> Completed:
        assert command[0] == "systemctl" and command[-1] == store.UNIT
        self.asked.append(" ".join(map(str, command[1:-1])))
        return Completed(0)


@pytest.fixture
def systemctl() -> Systemctl:
    return Systemctl()


@pytest.fixture
def here(tmp_path: Path, systemctl: Systemctl) -> Here:
    (tmp_path / "etc/trebol").mkdir(parents=True)
    (tmp_path / "var/lib/etcd").mkdir(parents=True)
    runner: Runner = systemctl  # type: ignore[assignment]
    return Here(tmp_path, runner)


def data(here: Here, content: str) -> None:
    """etcd has begun, and holds this."""
    folder = here.at(store.DATA)
    (folder / "member/wal").mkdir(parents=True)
    (folder / "content").write_text(content)


def test_a_new_voter_begins_with_nothing_of_its_own(here: Here, systemctl: Systemctl) -> None:
    data(here, "of a member that was removed while the node was off")
    write(here.root, "etc/trebol/store.yaml", "of then\n")
    store.learn(here, "n4", VOTERS, "a1b2")
    assert not here.is_there(store.DATA)
    assert (here.at(store.DATA_AWAY) / "content").exists()
    found = parse(here.at(PATH).read_text())
    assert (found.name, found.joins, len(found.cluster)) == ("n4", True, 2)
    assert systemctl.asked == ["disable --now", "enable", "restart --no-block"]


def test_asked_twice_a_store_that_has_begun_goes_on_with_what_it_has(here: Here, systemctl: Systemctl) -> None:
    store.learn(here, "n4", VOTERS, "a1b2")
    data(here, "what it has learnt")
    systemctl.asked = []
    store.learn(here, "n4", {**VOTERS, "n3": "192.0.2.3"}, "a1b2")
    assert (here.at(store.DATA) / "content").exists()
    assert systemctl.asked == ["enable", "start --no-block"]


def test_one_that_has_not_begun_is_told_of_other_voters(here: Here, systemctl: Systemctl) -> None:
    store.learn(here, "n4", VOTERS, "a1b2")
    systemctl.asked = []
    store.learn(here, "n4", {**VOTERS, "n3": "192.0.2.3"}, "a1b2")
    assert len(parse(here.at(PATH).read_text()).cluster) == 3
    assert systemctl.asked == ["enable", "restart --no-block"]


def test_a_store_without_a_vote_is_put_away_twice_as_once(here: Here, systemctl: Systemctl) -> None:
    store.learn(here, "n4", VOTERS, "a1b2")
    data(here, "what it held")
    for _time in range(2):
        store.abstain(here)
        assert not any(here.is_there(path) for path in (PATH, store.DATA, store.MARK))
        assert (here.at(store.DATA_AWAY) / "content").read_text() == "what it held"
    assert systemctl.asked[-1] == "disable --now"


@pytest.fixture
def member(tmp_path: Path) -> Path:
    """A node n1 of a cluster of two."""
    totem = Totem.first("clover", "n1", {0: "192.0.2.1"}).with_node("n4", {0: "192.0.2.4"})
    write(tmp_path, "etc/corosync/corosync.conf", totem.render())
    write(tmp_path, "proc/sys/kernel/hostname", "n1\n")
    (tmp_path / "etc/trebol").mkdir()
    return tmp_path


def ask(root: Path, operation: Operation, runner: Runner | None = None) -> None:
    perform(Request(1, "trebold", operation), context(root, runner or ScriptedRunner()))


def test_where_the_store_is_reached_is_written_by_names_of_nodes(member: Path) -> None:
    ask(member, cluster_operations.ReachStore.of(voters=["n4", "n1"]))
    urls = reached.read(member / "etc/trebol/store-urls.json")
    assert urls == ("https://127.0.0.1:2379", "https://192.0.2.4:2379")


@pytest.mark.parametrize(
    "operation",
    [
        cluster_operations.ReachStore(voters=["n1", "n9"]),
        cluster_operations.LearnStore(voters=["n9"], member="1"),
    ],
)
def test_what_is_no_node_of_the_cluster_is_never_asked(member: Path, operation: Operation) -> None:
    with pytest.raises(BadInput, match="n9: is no node of the cluster"):
        ask(member, operation)
    assert not (member / "etc/trebol/store-urls.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [{"voters": []}, {"voters": ["https://192.0.2.66:2379"]}, {"voters": ["n1"] * 8}, {"voters": ["../n1"]}],
)
def test_what_is_no_name_is_refused_before_it_is_looked_up(arguments: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        cluster_operations.ReachStore.of(**arguments)


@pytest.mark.parametrize(
    "operation",
    [
        cluster_operations.ReachStore(voters=["n1"]),
        cluster_operations.LearnStore(voters=["n1"], member="1"),
        cluster_operations.LeaveStore(),
    ],
    ids=lambda operation: operation.name,
)
def test_the_store_of_a_node_that_stands_alone_is_left_alone(tmp_path: Path, operation: Operation) -> None:
    write(tmp_path, "proc/sys/kernel/hostname", "n1\n")
    with pytest.raises(Refused, match="is of no cluster"):
        ask(tmp_path, operation)


def test_while_the_node_joins_its_store_is_the_joins(member: Path) -> None:
    folder = member / disk.FOLDER.relative_to("/")
    folder.mkdir(parents=True)
    disk.create(disk.Kept(folder, Journal.of("join", ["admit"], {})))
    with pytest.raises(Refused, match="a join is under way"):
        ask(member, cluster_operations.LeaveStore())
