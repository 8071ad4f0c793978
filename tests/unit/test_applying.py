"""A member's daemon has corosync's configuration follow the record, and one of them has it loaded everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pydantic import TypeAdapter
from tests.unit.cluster_of_three import records_of
from tests.unit.test_cluster_view import membership, records

from trebol_common.errors import BadInput
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.status import Membership
from trebol_node.cluster.power import records as power
from trebol_node.daemon.applying import Follower
from trebol_node.store.records import MemoryRecords
from trebol_node.worker.cluster_operations import InstallCorosync, LoadCorosync, ReadMembership
from trebol_node.worker.errors import WorkerAbsent
from trebol_node.worker.witness_operations import FollowDevice


@dataclass
class Worker:
    """Does what is asked for; corosync has loaded `version`, and sees `joined`."""

    joined: tuple[int, ...] = (1, 2, 3)
    version: int = 3
    refuses: bool = False
    absent: bool = False
    done: list[str] = field(default_factory=list)
    #: The versions that corosync had loaded when its quorum device was to follow.
    devices: list[int] = field(default_factory=list)
    looks: int = 0

    async def call(self, operation: Any, *, who: str) -> Any:
        match operation:
            case ReadMembership() if self.absent:
                raise WorkerAbsent("does not answer", where="trebol-worker")
            case ReadMembership():
                self.looks += 1
                seen = replace(membership(*self.joined), version=self.version)
                return TypeAdapter(Membership).dump_python(seen, mode="json")
            case InstallCorosync():
                self.done.append("install")
                if self.refuses:
                    raise BadInput("parse error", where="corosync.conf")
            case FollowDevice():
                self.devices.append(self.version)
            case LoadCorosync():
                self.done.append("load")
                self.version = 3
        return None


def follow(found: MemoryRecords, node: str, worker: Worker, until: Callable[[], bool]) -> Follower:
    """Run a node's follower until something is so."""

    async def run() -> Follower:
        follower = Follower(found, node, worker, who="tests")
        task = asyncio.create_task(follower.keep())
        async with asyncio.timeout(10):
            while not until():
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return follower

    return asyncio.run(run())


def applied(found: MemoryRecords, *names: str) -> None:
    """Nodes that say that they have the configuration."""
    totem = cluster.totem(found)
    assert totem is not None
    for name in names:
        found.put(f"{cluster.APPLIED}{name}", {"corosync": totem.digest}, expected=0)


def test_a_new_configuration_is_installed_and_the_others_hear_of_it() -> None:
    found, worker = records(), Worker()
    totem = cluster.totem(found)
    assert totem is not None

    follower = follow(found, "n2", worker, lambda: "n2" in cluster.having(found, totem.digest))

    assert worker.done == ["install"]
    assert follower.seen is not None and follower.seen.quorate


@pytest.mark.parametrize(("node", "loads"), [("n1", ["install", "load"]), ("n2", ["install"])])
def test_the_first_that_is_there_has_it_loaded_once_all_that_are_there_have_it(node: str, loads: list[str]) -> None:
    found, worker = records(), Worker(version=2)
    applied(found, *{"n1", "n2", "n3"} - {node})

    follow(found, node, worker, lambda: worker.done == loads)


def test_a_node_that_is_down_is_not_waited_for() -> None:
    found, worker = records(), Worker(version=2, joined=(1, 2))
    applied(found, "n2")

    follow(found, "n1", worker, lambda: worker.done == ["install", "load"])


def test_it_is_not_loaded_while_one_that_is_there_does_not_have_it() -> None:
    found, worker = records(), Worker(version=2)
    applied(found, "n2")
    totem = cluster.totem(found)
    assert totem is not None

    follow(found, "n1", worker, lambda: "n1" in cluster.having(found, totem.digest))

    assert worker.done == ["install"]


def test_what_corosync_refuses_is_not_said_to_be_there() -> None:
    found, worker = records(), Worker(refuses=True)

    follow(found, "n1", worker, lambda: bool(worker.done))

    assert found.below(cluster.APPLIED) == ()


def test_the_quorum_device_follows_once_corosync_has_the_configuration() -> None:
    found, worker = records(), Worker(version=2, joined=(1,))
    follow(found, "n1", worker, lambda: bool(worker.devices))
    assert worker.done == ["install", "load"]
    assert worker.devices == [3]


def test_corosync_is_not_asked_for_each_of_many_records() -> None:
    found, worker = records(), Worker()
    others = iter(range(100))

    def until() -> bool:
        number = next(others, None)
        if number is not None:
            found.put(f"{cluster.APPLIED}other{number}", {"corosync": ""}, expected=0)
        return number is None

    follow(found, "n2", worker, until)
    assert worker.looks == 1


def shut_down(found: MemoryRecords) -> None:
    power.begin(found, power.Shutdown("1", "root@pam", "n1", "then", ("n2", "n1")))


def shut_down_by_a_later_version(found: MemoryRecords) -> None:
    found.put(power.SHUTDOWN, {"phase": "resting"}, expected=0)


LOADED, ALL, ALL_BUT_ONE = 100, tuple(range(1, 17)), tuple(range(1, 16))


@pytest.mark.parametrize(
    ("node", "nodes", "worker", "under_way", "seconds"),
    (
        ("n2", 3, Worker(version=LOADED), None, 2.0),
        ("n2", 16, Worker(ALL, LOADED), None, 4.0),
        ("n2", 32, Worker(tuple(range(1, 33)), LOADED), None, 8.0),
        ("n2", 32, Worker(ALL, LOADED), None, 4.0),
        ("n2", 16, Worker(ALL_BUT_ONE, LOADED), None, 2.0),
        ("n2", 16, Worker(ALL, LOADED), shut_down, 2.0),
        ("n2", 16, Worker(ALL, LOADED), shut_down_by_a_later_version, 2.0),
        ("n2", 16, Worker(ALL, version=1), None, 2.0),
        ("n1", 16, Worker(ALL, version=1), None, 1.0),
        ("n2", 16, Worker(absent=True), None, 2.0),
    ),
)
def test_a_large_cluster_is_looked_at_less_often_and_one_that_changes_more_often(
    node: str,
    nodes: int,
    worker: Worker,
    under_way: Callable[[MemoryRecords], None] | None,
    seconds: float,
) -> None:
    found = records_of(*(f"n{number}" for number in range(1, nodes + 1)))
    if under_way is not None:
        under_way(found)
    totem = cluster.totem(found)
    assert totem is not None
    assert asyncio.run(Follower(found, node, worker, who="tests")._look_when_due(totem)) == seconds


def test_a_worker_that_starts_anew_is_no_lost_cluster_and_one_that_stays_away_is() -> None:
    found, worker, times = records(), Worker(), iter([0.0, *[5.0] * 3, *[60.0] * 100])
    follower = Follower(found, "n2", worker, who="tests", clock=lambda: next(times))

    async def look(absent: bool) -> bool:
        worker.absent = absent
        await follower._look()
        return follower.seen is not None

    assert [asyncio.run(look(absent)) for absent in (False, True, True)] == [True, True, True]
    assert [asyncio.run(look(True)) for _ in range(3)] == [True, False, False]


def test_what_others_were_told_is_known_and_not_asked_for_again() -> None:
    found, worker = records(), Worker()
    follower = Follower(found, "n2", worker, who="tests", clock=lambda: 7.0)
    totem = cluster.totem(found)
    assert totem is not None

    follower.hear(TypeAdapter(Membership).dump_python(membership(1, 2), mode="json"))

    assert follower.there() == frozenset({"n1", "n2"})
    assert asyncio.run(follower._look_when_due(totem)) == 2.0
    assert worker.looks == 0


def test_what_is_only_remembered_is_not_installed() -> None:
    found, worker = records(), Worker()
    found.quorate = False
    looks = iter(range(5))
    follow(found, "n2", worker, lambda: next(looks, None) is None)
    assert worker.done == []


def test_a_node_that_stands_alone_asks_nobody() -> None:
    found, worker = MemoryRecords(), Worker()
    looks = iter(range(5))

    follow(found, "n1", worker, lambda: next(looks, None) is None)

    assert worker.done == []
