"""What a node says of itself is written once, and again only when it is something else."""

from __future__ import annotations

import pytest

from trebol_node.cluster import records as cluster
from trebol_node.cluster.records import Member, Settings, State
from trebol_node.daemon.announce import say
from trebol_node.store.records import MemoryRecords

ABOUT = {"version": "1", "addresses": ["192.0.2.10"], "fingerprint": "AB:CD"}


def test_it_is_written_where_it_is_new() -> None:
    records = MemoryRecords()
    assert say(records, "node1", ABOUT)
    first = records.get("nodes/node1")
    assert first is not None and first.value == ABOUT
    assert say(records, "node1", ABOUT)
    assert records.get("nodes/node1") == first
    say(records, "node1", {**ABOUT, "addresses": ["192.0.2.11"]})
    changed = records.get("nodes/node1")
    assert changed is not None and changed.revision > first.revision


def test_without_the_store_it_waits() -> None:
    records = MemoryRecords()
    records.quorate = False
    assert not say(records, "node1", ABOUT)


@pytest.mark.parametrize(("state", "says"), [("joining", False), ("member", True), ("", False)])
def test_one_that_joins_says_nothing_until_it_is_a_member_and_one_that_was_removed_never(
    state: str, says: bool
) -> None:
    records = MemoryRecords({cluster.SETTINGS: Settings("clover", "c1", "2026-11-29T12:00:00+00:00").to_members()})
    if state:
        member = Member("node1", "1" * 32, "192.0.2.10", State(state))
        records.put(f"{cluster.NODES}node1", member.to_members(), expected=0)
    assert say(records, "node1", ABOUT) is says
    assert (records.get("nodes/node1") is not None) is says


def test_what_it_said_under_another_name_goes() -> None:
    records = MemoryRecords()
    say(records, "node1", ABOUT)
    say(records, "node2", {**ABOUT, "addresses": ["192.0.2.20"]})
    say(records, "alpha", {**ABOUT, "fingerprint": "EF:01"})
    assert [record.key for record in records.below("nodes/")] == ["nodes/alpha", "nodes/node2"]
