"""A record that cannot be read, and a bug, end nothing of what the daemon does beside its requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.unit.test_applying import Worker, follow
from tests.unit.test_cluster_view import records

from trebol_common.errors import BadInput
from trebol_node.cluster import records as cluster
from trebol_node.cluster import under_way
from trebol_node.daemon.applying_fencing import FencingFollower
from trebol_node.daemon.beside import AGAIN, keep_going
from trebol_node.daemon.voting import Store, Voting
from trebol_node.fencing import records as fencing
from trebol_node.store.records import MemoryRecords

#: Records that this version cannot read, and by which key.
UNREADABLE: Mapping[str, tuple[str, Callable[[MemoryRecords], object]]] = {
    "state": (f"{cluster.NODES}n2", cluster.members),
    "settings": (cluster.SETTINGS, cluster.settings),
    "change": (under_way.KEY, under_way.found),
    "corosync": (cluster.COROSYNC, cluster.totem),
}


def spoil(found: MemoryRecords, key: str, **other: object) -> Mapping[str, Any]:
    """Give a record a field that this version does not know, or other values; what it was."""
    record = found.get(key)
    before = {} if record is None else dict(record.value)
    found.put(key, {**before, **(other or {"newer": 1})}, expected=0 if record is None else record.revision)
    return before


def mend(found: MemoryRecords, key: str, value: Mapping[str, Any]) -> None:
    record = found.get(key)
    assert record is not None
    found.put(key, value, expected=record.revision)


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_record_that_cannot_be_read_is_an_error_that_names_it(case: str) -> None:
    key, read = UNREADABLE[case]
    found = records()
    spoil(found, key, **({"cipher": "newer"} if case == "corosync" else {}))
    with pytest.raises(BadInput) as caught:
        read(found)
    assert "cluster" in str(caught.value) or "corosync" in str(caught.value)


def test_a_state_of_a_newer_version_is_told_with_the_node() -> None:
    found = records()
    spoil(found, f"{cluster.NODES}n2", state="dreaming")
    with pytest.raises(BadInput, match="dreaming") as caught:
        cluster.members(found)
    assert f"{cluster.NODES}n2" in str(caught.value)


def test_corosync_is_followed_again_once_the_record_is_good(caplog: pytest.LogCaptureFixture) -> None:
    found, worker = records(), Worker()
    totem = cluster.totem(found)
    assert totem is not None
    before = spoil(found, cluster.COROSYNC, cipher="newer")

    def look() -> bool:
        told = [each for each in caplog.messages if "does not follow" in each]
        record = found.get(cluster.COROSYNC)
        if told and record is not None and record.value["cipher"] == "newer":
            assert len(told) == 1
            mend(found, cluster.COROSYNC, before)
        return "n2" in cluster.having(found, totem.digest)

    follow(found, "n2", worker, look)
    assert worker.done == ["install"]


def test_fence_devices_and_votes_are_followed_through_damaged_records(caplog: pytest.LogCaptureFixture) -> None:
    found, worker = records(), Worker()
    devices = FencingFollower(found, "n2", worker, lambda: None, who="tests")
    voting = Voting(found, "n2", worker, Store(_use, frozenset, lambda: False), _Acting(), who="tests")
    spoil(found, cluster.COROSYNC, cipher="newer")
    spoil(found, f"{cluster.NODES}n2", state="dreaming")
    found.put(f"{fencing.DEVICES}n2.x", {"newer": 1}, expected=0)

    async def run() -> None:
        tasks = [asyncio.create_task(devices.keep()), asyncio.create_task(voting.keep())]
        async with asyncio.timeout(10):
            while not ("dreaming" in caplog.text and "fence devices are not" in caplog.text):
                await asyncio.sleep(0.01)
        assert not any(each.done() for each in tasks)
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())


def test_what_a_bug_ended_is_in_the_log_and_begins_anew(caplog: pytest.LogCaptureFixture) -> None:
    begun: list[int] = []
    waited: list[float] = []

    async def keep() -> None:
        begun.append(1)
        if len(begun) < 3:
            raise KeyError("a bug")

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    asyncio.run(keep_going("voting", keep, pause))
    assert (len(begun), waited) == (3, [AGAIN, AGAIN])
    assert "voting ended" in caplog.text and "a bug" in caplog.text


def _use(_urls: object) -> None:
    """Other URLs are taken."""


class _Acting:
    def turn(self) -> Any:
        raise AssertionError

    def rest(self) -> None:
        """Another one's turn."""
