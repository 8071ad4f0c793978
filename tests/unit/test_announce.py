"""What a node says of itself is written once, and again only when it is something else."""

from __future__ import annotations

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


def test_what_it_said_under_another_name_goes() -> None:
    records = MemoryRecords()
    say(records, "node1", ABOUT)
    say(records, "node2", {**ABOUT, "addresses": ["192.0.2.20"]})
    say(records, "alpha", {**ABOUT, "fingerprint": "EF:01"})
    assert [record.key for record in records.below("nodes/")] == ["nodes/alpha", "nodes/node2"]
