"""A single survivor goes on alone: never while there is a quorum nor without a yes, and as before where it fails."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.fake_etcd import FakeEtcd, serving
from tests.unit.worker_context import write

from trebol_common.errors import Refused
from trebol_common.run import Argument, CommandFailed, Completed
from trebol_node.cluster import records as cluster
from trebol_node.cluster import recovering, under_way
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.here import store
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.records import Member, State
from trebol_node.cluster.recovery import (
    ONCE,
    ONCE_ENVIRONMENT,
    Plan,
    force,
    plan,
    require_copy,
    require_no_quorum,
    settle,
)
from trebol_node.cluster.under_way import Kind, UnderWay
from trebol_node.store import reached
from trebol_node.store.configuration import PATH, of_cluster, parse, render
from trebol_node.store.errors import Unavailable
from trebol_node.store.gateway import TlsSource
from trebol_node.store.records import MemoryRecords

NOW = datetime(2026, 11, 28, 12, 30, tzinfo=UTC)
ADDRESSES = {f"n{number}": f"192.0.2.{number}" for number in (1, 2, 3)}


def totem() -> Totem:
    made = Totem.first("clover", "n1", {0: ADDRESSES["n1"]})
    for name in ("n2", "n3"):
        made = made.with_node(name, {0: ADDRESSES[name]})
    return made


@dataclass
class Programs:
    """A survivor's: corosync does not run; etcd starts, or does not. `started_with` is its configuration then."""

    root: Path
    starts: bool = True
    started_with: str = ""
    kept_with: str = ""
    ran: list[str] = field(default_factory=list)

    def run(self, command: Sequence[Argument], **options: Any) -> Completed:
        words = [str(each) for each in command]
        self.ran.append(" ".join(words[:2]))
        match words:
            case ["cp", "--archive", before, after]:
                Path(before).rename(after)
                Path(before).mkdir()
                (Path(before) / "content").write_text((Path(after) / "content").read_text())
            case ["systemctl", "enable", "--now", store.UNIT]:
                once = self.root / ONCE_ENVIRONMENT.relative_to("/")
                path = Path(once.read_text().strip().removeprefix("CONFIGURATION=")) if once.exists() else PATH
                self.started_with = (self.root / path.relative_to("/")).read_text()
                self.kept_with = (self.root / PATH.relative_to("/")).read_text()
                if "force-new-cluster: true" in self.started_with:
                    (self.root / "var/lib/etcd/trebol/content").write_text("forced")
                    if not self.starts:
                        raise CommandFailed("systemctl", 1, ())
            case [("corosync-cmapctl" | "corosync-quorumtool"), *_]:
                return Completed(1, "", "Failed to initialize the cmap API. Error CS_ERR_LIBRARY")
        return Completed(0)


@pytest.fixture
def here(tmp_path: Path) -> Here:
    write(tmp_path, "etc/corosync/corosync.conf", totem().render())
    write(tmp_path, "proc/sys/kernel/hostname", "n1\n")
    write(tmp_path, "etc/machine-id", "1" * 32 + "\n")
    write(tmp_path, "etc/trebol/store.yaml", render(of_cluster("n1", ADDRESSES)))
    write(tmp_path, "var/lib/etcd/trebol/content", "before")
    now = [0.0]

    def wait(seconds: float) -> None:
        now[0] += seconds

    return Here(tmp_path, Programs(tmp_path), pause=wait, clock=lambda: now[0])


def programs(here: Here) -> Programs:
    assert isinstance(here.runner, Programs)
    return here.runner


def test_who_is_given_up_is_named_before_anything_is_done(here: Here) -> None:
    found = plan(here)
    assert found == Plan("clover", "n1", "192.0.2.1", ("n2", "n3"), ())
    text = " ".join(found.lines())
    assert "Given up, and no nodes of the cluster any more: n2, n3." in text and "have to be off" in text


def test_a_node_that_stands_alone_has_nothing_to_recover(tmp_path: Path) -> None:
    write(tmp_path, "proc/sys/kernel/hostname", "n1\n")
    with pytest.raises(Refused, match="n1: is of no cluster"):
        plan(Here(tmp_path))


def test_without_a_copy_of_the_records_there_is_nothing_to_go_on_with(here: Here) -> None:
    require_copy(here)
    here.at(PATH).unlink()
    with pytest.raises(Refused, match="does not vote"):
        require_copy(here)


def test_while_one_voter_knows_a_leader_nothing_is_given_up() -> None:
    require_no_quorum(["https://a", "https://b"], lambda url: False)
    with pytest.raises(Refused, match="https://b: the store has a quorum"):
        require_no_quorum(["https://a", "https://b"], lambda url: url == "https://b")


@pytest.mark.parametrize(("leader", "known"), [("7", True), ("0", False), ("", False)])
def test_a_voter_is_asked_whether_it_knows_a_leader(leader: str, known: bool) -> None:
    with serving(FakeEtcd()) as etcd:
        etcd.refusals["maintenance/status"] = (200, {"leader": leader} if leader else {})
        assert recovering.knows_leader(etcd.url, ssl.create_default_context) is known
    assert recovering.knows_leader(etcd.url, ssl.create_default_context) is False, "it has ended"


def test_who_cannot_be_asked_is_not_taken_for_gone(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="certificates cannot be used"):
        recovering.knows_leader("https://127.0.0.1:9", TlsSource(tmp_path))


def test_the_store_goes_on_with_what_it_holds_as_its_only_voter(here: Here) -> None:
    told = list(force(here, plan(here), now=NOW))
    kept = here.at(store.DATA).with_name("trebol.20261128T123000Z")
    assert "force-new-cluster: true" in programs(here).started_with
    after = here.at(PATH).read_text()
    assert "force-new-cluster" not in programs(here).kept_with, "a crash in the middle throws nobody out again"
    assert not any(map(here.is_there, (ONCE, ONCE_ENVIRONMENT))), "for one start"
    assert parse(after) == of_cluster("n1", {"n1": "192.0.2.1"})
    assert (kept / "content").read_text() == "before"
    assert told[0] == "the store runs, n1 is its only voter"


def test_where_it_does_not_start_so_all_is_as_before(here: Here) -> None:
    before = here.at(PATH).read_text()
    programs(here).starts = False
    with pytest.raises(CommandFailed):
        list(force(here, plan(here), now=NOW))
    assert here.at(PATH).read_text() == before
    assert (here.at(store.DATA) / "content").read_text() == "before"
    assert [path.name for path in here.at(store.DATA).parent.iterdir()] == ["trebol"]
    assert programs(here).started_with == before, "it is started as it was"
    assert not any(map(here.is_there, (ONCE, ONCE_ENVIRONMENT)))


def records() -> MemoryRecords:
    values = {
        f"{cluster.NODES}{name}": Member(name, name[1] * 32, address, State.MEMBER, voter=True).to_members()
        for name, address in ADDRESSES.items()
    }
    applied = {f"{cluster.APPLIED}{name}": {"corosync": ""} for name in ADDRESSES}
    joining = {under_way.KEY: UnderWay(Kind.JOIN, "n4", "", "4" * 32, "t").to_members()}
    return MemoryRecords({**values, **applied, **joining, cluster.COROSYNC: totem().to_members()})


def test_records_and_corosync_know_the_survivor_alone(here: Here) -> None:
    kept = records()
    told = list(settle(here, plan(here), kept))
    assert [(each.name, each.voter) for each in cluster.members(kept)] == [("n1", True)]
    assert under_way.found(kept) is None
    smaller = cluster.totem(kept)
    assert smaller is not None and [each.name for each in smaller.nodes] == ["n1"]
    assert (smaller.version, smaller.expected_votes) == (totem().version + 1, 1)
    assert reached.read(here.at(reached.PATH)) == ("https://127.0.0.1:2379",)
    assert told[0] == "corosync is to know these alone: n1"
    assert "systemctl start trebold corosync pacemaker" in told[-1], "what is missing is told"


def test_nodes_that_corosync_sees_stay_and_vote_no_more(here: Here) -> None:
    kept = records()
    cluster.edit_member(kept, "n2", lambda member: replace(member, state=State.LEAVING))
    kept.put("cluster/links/n3", {}, expected=0)
    list(settle(here, Plan("clover", "n1", "192.0.2.1", ("n3",), ("n2",)), kept))
    assert {each.state for each in cluster.members(kept)} == {State.MEMBER}
    assert kept.get("cluster/links/n3") is None
    assert [(each.name, each.voter) for each in cluster.members(kept)] == [("n1", True), ("n2", False)]
    smaller = cluster.totem(kept)
    assert smaller is not None and [each.name for each in smaller.nodes] == ["n1", "n2"]


def test_of_an_old_snapshot_corosync_gets_a_configuration_that_is_newer_than_its_own(here: Here) -> None:
    newer = totem().without_node("n3").with_node("n3", {0: ADDRESSES["n3"]})
    write(here.root, "etc/corosync/corosync.conf", newer.render())
    kept = records()
    list(settle(here, plan(here), kept))
    smaller = cluster.totem(kept)
    assert smaller is not None and smaller.version == newer.version + 1


def test_a_snapshot_from_before_the_cluster_gets_one(here: Here) -> None:
    empty = MemoryRecords({"options": {"language": "es"}})
    list(settle(here, plan(here), empty))
    found, smaller = cluster.settings(empty), cluster.totem(empty)
    assert found is not None and found.name == "clover"
    assert smaller is not None and [each.name for each in smaller.nodes] == ["n1"]
    assert cluster.members(empty) == (Member("n1", "1" * 32, "192.0.2.1", State.MEMBER, voter=True),)


def test_a_cluster_of_one_whose_records_fit_is_left_as_it_is(here: Here) -> None:
    one = Totem.first("clover", "n1", {0: ADDRESSES["n1"]})
    write(here.root, "etc/corosync/corosync.conf", one.render())
    kept = MemoryRecords({cluster.COROSYNC: one.to_members()})
    assert list(settle(here, plan(here), kept)) == []
    assert cluster.totem(kept) == one
