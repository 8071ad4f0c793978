"""What records do for whoever uses them, whatever is behind them: run by several suites."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from trebol_common.errors import BadInput
from trebol_node.store.errors import Conflict, TooLarge
from trebol_node.store.limits import VALUE
from trebol_node.store.records import Records

KEY = "access/users/root@pam"


def wait_for(records: Records, happened: Callable[[], bool], *, seconds: float = 10) -> None:
    """Wait until a change made it true."""
    changed = threading.Event()
    records.on_change(changed.set)
    while not happened():
        assert changed.wait(seconds), "no change came"
        changed.clear()


def what_is_written_is_read(records: Records) -> None:
    """Put, get, list, replace, delete."""
    written = records.put(KEY, {"enable": 1, "comment": "Ñandú"}, expected=0)
    assert records.get(KEY) == written
    assert written.value == {"enable": 1, "comment": "Ñandú"}
    records.put("access/users/zoe@pam", {}, expected=0)
    records.put("options", {"language": "es"}, expected=0)
    assert [record.key for record in records.below("access/users/")] == [KEY, "access/users/zoe@pam"]

    again = records.put(KEY, {"enable": 0}, expected=written.revision)
    assert again.revision > written.revision
    assert records.get(KEY) == again
    records.delete(KEY, expected=again.revision)
    assert records.get(KEY) is None
    assert [record.key for record in records.below("")] == ["access/users/zoe@pam", "options"]


def two_writers_never_undo_each_other(records: Records) -> None:
    """Each way in which somebody else may have been faster."""
    first = records.put(KEY, {"by": "one"}, expected=0)
    with pytest.raises(Conflict, match="already exists"):
        records.put(KEY, {"by": "other"}, expected=0)
    second = records.put(KEY, {"by": "two"}, expected=first.revision)
    with pytest.raises(Conflict, match=f"at revision {second.revision}, not {first.revision}"):
        records.put(KEY, {"by": "other"}, expected=first.revision)
    with pytest.raises(Conflict, match=f"at revision {second.revision}, not {first.revision}"):
        records.delete(KEY, expected=first.revision)
    assert records.get(KEY) == second
    records.delete(KEY, expected=second.revision)
    with pytest.raises(Conflict, match="does not exist"):
        records.put(KEY, {"by": "other"}, expected=second.revision)
    with pytest.raises(Conflict, match="does not exist"):
        records.delete(KEY, expected=second.revision)
    third = records.put(KEY, {"by": "three"}, expected=0)
    assert third.revision > second.revision


def one_of_many_writers_wins(records: Records) -> None:
    """Eight threads add one to the same number: none is lost."""

    def add() -> None:
        while True:
            found = records.get("counter")
            value = {"count": (found.value["count"] if found else 0) + 1}
            try:
                records.put("counter", value, expected=found.revision if found else 0)
            except Conflict:
                continue
            return

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = records.get("counter")
    assert found is not None and found.value == {"count": 8}


def what_cannot_be_stored_is_refused(records: Records) -> None:
    """Keys, values and sizes; nothing is written."""
    for key in ("", "/a", "a/", "a//b", "a b", "a\nb", "a\0", "x" * 513):
        with pytest.raises(BadInput, match="is no key"):
            records.put(key, {}, expected=0)
    unfit: tuple[Any, ...] = ({"a": object()}, {"a": float("nan")}, {"a": b"bytes"}, {"a": "\udc00"})
    for value in unfit:
        with pytest.raises(BadInput, match="cannot be stored as JSON"):
            records.put(KEY, value, expected=0)
    with pytest.raises(TooLarge, match="a record has at most 256 KiB"):
        records.put(KEY, {"notes": "x" * VALUE}, expected=0)
    assert records.below("") == ()
    largest = {"notes": "x" * (VALUE - len('{"notes":""}'))}
    assert records.put(KEY, largest, expected=0).value == largest


def changes_are_told(records: Records) -> None:
    """Once for each change, and not for what was refused."""
    told: list[int] = []
    records.on_change(lambda: told.append(records.revision))
    before = records.revision
    record = records.put(KEY, {"a": 1}, expected=0)
    with pytest.raises(Conflict):
        records.put(KEY, {"a": 2}, expected=0)
    records.delete(KEY, expected=record.revision)
    assert told == [before + 1, before + 2] and records.revision == before + 2


BEHAVIOUR = (
    what_is_written_is_read,
    two_writers_never_undo_each_other,
    one_of_many_writers_wins,
    what_cannot_be_stored_is_refused,
    changes_are_told,
)
