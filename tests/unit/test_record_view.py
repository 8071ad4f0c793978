"""What is known of the records is right in whatever order answers and changes come."""

from __future__ import annotations

import random

import pytest

from trebol_node.store.view import Entry, View


def entry(key: str, revision: int, content: str | None = "") -> Entry:
    return Entry(key, None if content is None else f'{{"at":{revision}}}'.encode(), revision)


def known(view: View) -> dict[str, int]:
    return {key: record.revision for key, record in view.records.items()}


def test_an_answer_that_comes_before_its_change_counts_once() -> None:
    view = View()
    view.load([entry("a", 2)], 5)
    assert view.know(entry("a", 7))
    assert (known(view), view.revision) == ({"a": 7}, 5)
    assert not view.follow([entry("a", 6)], 6), "what is older than our own write comes late"
    assert known(view) == {"a": 7}
    assert not view.follow([entry("a", 7)], 7)
    assert view.follow([entry("a", 8)], 8)
    assert known(view) == {"a": 8}


def test_every_change_of_what_is_known_is_counted_and_nothing_else() -> None:
    """What others make of the records is made anew by this count."""
    view = View()
    view.load([entry("a", 2)], 5)
    counts = [view.changes]
    view.know(entry("mine", 7))
    counts.append(view.changes)
    view.follow([entry("theirs", 6)], 6)
    counts.append(view.changes)
    assert counts == [1, 2, 3]
    view.follow([entry("mine", 7)], 7)
    view.follow([], 9)
    view.loading()
    view.load([entry("a", 2), entry("theirs", 6), entry("mine", 7)], 10)
    assert view.changes == 3
    assert view.load([], 1) and view.changes == 6


def test_an_answer_that_comes_after_later_changes_is_old() -> None:
    view = View()
    view.load([], 5)
    view.follow([entry("a", 6)], 6)
    view.follow([entry("a", 7, None)], 7)
    assert not view.know(entry("a", 6))
    assert known(view) == {}


def test_what_we_deleted_does_not_come_back_with_what_was_before() -> None:
    view = View()
    view.load([], 1)
    assert view.know(entry("a", 2)) and view.know(entry("a", 3, None))
    assert not view.follow([entry("a", 2)], 2)
    assert known(view) == {}
    assert not view.follow([entry("a", 3, None)], 3)


def test_what_we_wrote_while_all_was_read_stays() -> None:
    view = View()
    view.load([entry("a", 2), entry("b", 3)], 3)
    view.loading()
    view.know(entry("c", 5))
    view.know(entry("a", 6, None))
    view.load([entry("a", 2), entry("b", 3)], 4)
    assert known(view) == {"b": 3, "c": 5}


def test_what_is_gone_from_the_store_is_gone() -> None:
    view = View()
    view.load([entry("a", 2), entry("b", 3)], 3)
    assert view.load([entry("b", 3)], 9)
    assert not view.load([entry("b", 3)], 10)
    assert (known(view), view.revision) == ({"b": 3}, 10)


def test_another_store_with_lower_revisions_replaces_all() -> None:
    view = View()
    view.load([entry("a", 90)], 100)
    view.know(entry("b", 101))
    view.loading()
    assert view.load([entry("a", 2)], 3)
    assert (known(view), view.revision) == ({"a": 2}, 3)


@pytest.mark.parametrize("seed", range(20))
def test_sizes_are_those_of_what_is_there(seed: int) -> None:
    chance, view = random.Random(seed), View()
    for revision in range(1, 200):
        key = chance.choice("abcdef") * chance.randint(1, 3)
        changed = Entry(key, b'{"x":"%s"}' % (b"y" * chance.randint(0, 50)), revision)
        changed = Entry(key, None, revision) if chance.random() < 0.3 else changed
        if chance.random() < 0.5:
            view.know(changed)
        view.follow([changed], revision)
        view.load([], revision) if chance.random() < 0.02 else None
    expected = sum(len(key) + len(record.value["x"]) + len('{"x":""}') for key, record in view.records.items())
    assert view.size == expected
    assert all(view.size_of(key) > 0 for key in view.records)
