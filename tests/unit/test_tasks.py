"""Tasks as their folders tell them: ids, lists, logs, honest ends."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trebol_common.errors import BadInput
from trebol_node.tasks import NoSuchTask, Task, Tasks, Upid
from trebol_node.tasks.process import started

TEXT = "UPID:node1:0000A3B4:0012F5C6:6B49D200:srvrestart:chrony:root@pam:"
UPID = Upid("node1", 0xA3B4, 0x12F5C6, 0x6B49D200, "srvrestart", "chrony", "root@pam")


def test_an_id_is_written_as_clients_split_it() -> None:
    assert str(UPID) == TEXT
    assert Upid.parse(TEXT) == UPID
    assert len(TEXT.split(":")) == 9


def test_an_id_outlives_497_days_of_uptime() -> None:
    long = Upid("n", 1, 0x1_2345_6789, 2, "srvstart", "", "root@pam!token")
    assert str(long) == "UPID:n:00000001:123456789:00000002:srvstart::root@pam!token:"
    assert Upid.parse(str(long)) == long


@pytest.mark.parametrize(
    "text",
    [
        "",
        "UPID:",
        TEXT[:-1],
        TEXT + "\n",
        TEXT.replace("node1", "../x"),
        TEXT.replace("node1", "-n"),
        TEXT.replace("chrony", "../../etc"),
        TEXT.replace("chrony", "a b"),
        TEXT.replace("chrony", "a\x1b[2J"),
        TEXT.replace("chrony", "x" * 65),
        TEXT.replace("0000A3B4", "A3B4"),
        TEXT.replace("0000A3B4", "0000A3BG"),
        TEXT.replace("0000A3B4", "٠٠٠٠٠٠٠١"),
        TEXT.replace("root@pam", ""),
        TEXT.replace("root@pam", "root/pam"),
    ],
)
def test_what_is_no_id_is_refused_whatever_it_points_at(text: str) -> None:
    with pytest.raises(BadInput, match="upid"):
        Upid.parse(text)


@given(
    st.builds(
        Upid,
        node=st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True),
        pid=st.integers(0, 2**32 - 1),
        pstart=st.integers(0, 2**36 - 1),
        start=st.integers(0, 2**32 - 1),
        kind=st.from_regex(r"[a-z]{1,20}", fullmatch=True),
        id=st.from_regex(r"[a-z0-9_.@+-]{0,30}", fullmatch=True),
        user=st.from_regex(r"[a-z]{1,10}@[a-z]{1,10}(![a-z]{1,10})?", fullmatch=True),
    )
)
def test_every_id_is_read_as_it_was_written(upid: Upid) -> None:
    assert Upid.parse(str(upid)) == upid


@pytest.fixture
def proc(tmp_path: Path) -> Callable[..., Path]:
    """A /proc with one process, as proc(5) shows it."""

    def make(pid: int, pstart: int, *, state: str = "S", name: str = "python3") -> Path:
        folder = tmp_path / "proc" / str(pid)
        folder.mkdir(parents=True, exist_ok=True)
        others = " ".join("0" for _field in range(18))
        (folder / "stat").write_text(f"{pid} ({name}) {state} {others} {pstart} 0 0\n")
        return tmp_path / "proc"

    return make


@pytest.mark.parametrize(
    ("state", "name", "expected"),
    [("S", "python3", 77), ("R", "a) Z 1 (b", 77), ("Z", "python3", None), ("X", "python3", None)],
)
def test_a_process_is_over_before_its_parent_hears_of_it(
    proc: Callable[..., Path], state: str, name: str, expected: int | None
) -> None:
    assert started(5, proc(5, 77, state=state, name=name)) == expected
    assert started(6, proc(5, 77)) is None


def make(tasks: Tasks, start: int, *, end: str | None = "OK", **changes: Any) -> Upid:
    """A task in the folder, begun at `start`."""
    members = {"pid": start, "pstart": start, "kind": "srvstart", "id": "chrony", "user": "root@pam", **changes}
    upid = Upid("node1", start=start, **members)
    tasks.create(upid)
    if end is not None:
        tasks.write_end(upid, end, start + 1)
    return upid


@pytest.fixture
def tasks(tmp_path: Path, proc: Callable[..., Path]) -> Tasks:
    return Tasks(tmp_path / "tasks", proc(1, 1))


def test_a_running_task_is_shown_without_an_end(tasks: Tasks, proc: Callable[..., Path]) -> None:
    upid = make(tasks, 100, end=None)
    proc(100, 100)
    members = {
        "upid": str(upid),
        "node": "node1",
        "pid": 100,
        "pstart": 100,
        "starttime": 100,
        "type": "srvstart",
        "id": "chrony",
        "user": "root@pam",
    }
    assert tasks.list() == [members]
    assert tasks.status(str(upid)) == {**members, "status": "running"}
    tasks.write_end(upid, "OK", 160)
    assert tasks.list() == [{**members, "status": "OK", "endtime": 160}]
    assert tasks.status(str(upid)) == {**members, "status": "stopped", "exitstatus": "OK"}


def test_a_task_whose_process_is_gone_ended_unexpectedly(tasks: Tasks, proc: Callable[..., Path]) -> None:
    upid = make(tasks, 100, end=None)
    proc(100, 4711)  # Another process got its number.
    assert tasks.status(str(upid))["exitstatus"] == "unexpected status"
    assert tasks.list(errors=True)[0]["status"] == "unexpected status"


def test_a_damaged_end_is_no_good_end(tasks: Tasks) -> None:
    upid = make(tasks, 100)
    (tasks.folder / str(upid) / "end").write_text("{")
    assert tasks.get(str(upid)) == Task(upid, "unexpected status")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"start": 1, "limit": 2}, [4, 3]),
        ({"errors": True}, [5, 3]),
        ({"source": "active"}, [4]),
        ({"source": "archive"}, [5, 3, 2, 1]),
        ({"user": "bob"}, [2]),
        ({"kind": "srvstop"}, [1]),
        ({"id": "ssh"}, [3]),
        ({"since": 2, "until": 3}, [3, 2]),
        ({"limit": 0}, []),
    ],
)
def test_a_list_has_what_was_asked_for_the_newest_first(
    tasks: Tasks, proc: Callable[..., Path], filters: dict[str, Any], expected: list[int]
) -> None:
    make(tasks, 1, kind="srvstop")
    make(tasks, 2, user="bob@trebol", end="WARNINGS: 1")
    make(tasks, 3, id="ssh", end="it cannot be")
    make(tasks, 4, end=None)
    proc(4, 4)
    make(tasks, 5, end=None)
    (tasks.folder / "lost+found").mkdir()
    assert [item["starttime"] for item in tasks.list(**filters)] == expected


def test_a_log_is_read_by_the_page(tasks: Tasks) -> None:
    upid = make(tasks, 1)
    assert tasks.log(str(upid)) == []
    tasks.log_file(upid).write_text("".join(f"line {number}\n" for number in range(1, 61)) + "unfinished")
    assert tasks.log(str(upid), 58, 50) == [
        {"n": 59, "t": "line 59"},
        {"n": 60, "t": "line 60"},
        {"n": 61, "t": "unfinished"},
    ]
    assert len(tasks.log(str(upid))) == 50
    assert len(tasks.log(str(upid), 0, 0)) == 61
    assert tasks.lines(str(upid)) == 61


def test_progress_that_a_program_writes_over_is_one_line(tasks: Tasks) -> None:
    upid = make(tasks, 1)
    tasks.log_file(upid).write_bytes(b"1 %\r50 %\rdone\r\nend\n")
    assert [line["t"] for line in tasks.log(str(upid))] == ["done", "end"]
    assert tasks.lines(str(upid)) == 2


def test_a_task_that_is_not_there_is_told(tasks: Tasks) -> None:
    for ask in (tasks.status, tasks.log, tasks.lines, tasks.get):
        with pytest.raises(NoSuchTask, match="no such task"):
            ask(TEXT)


def test_old_ends_are_forgotten_and_running_ones_never(tasks: Tasks, proc: Callable[..., Path]) -> None:
    make(tasks, 1, end=None)
    proc(1, 1)
    for number in range(2, 7):
        make(tasks, number)
    tasks.prune(3)
    assert [task.upid.start for task in tasks.all()] == [6, 5, 4, 1]


def test_an_end_is_one_line(tasks: Tasks) -> None:
    upid = make(tasks, 1, end="a\nb  c")
    assert tasks.get(str(upid)).status == "a b c"


def test_how_a_task_ends_needs_no_room_on_a_full_disk(tasks: Tasks) -> None:
    upid = make(tasks, 1, end=None)
    (reserved,) = tasks.log_file(upid).parent.glob("end*")
    room = reserved.stat()
    assert room.st_size >= len(json.dumps("ñ" * 500))
    tasks.write_end(upid, "ñ" * 1000, 2)
    (end,) = tasks.log_file(upid).parent.glob("end*")
    # The same file: no other was made.
    assert end.stat().st_ino == room.st_ino and end.stat().st_size <= room.st_size
    assert tasks.get(str(upid)).status == "ñ" * 500


def test_a_task_that_cannot_begin_leaves_nothing(tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        make(tasks, 1, end=None)
    assert tasks.all() == () and list(tasks.folder.iterdir()) == []


def test_a_node_without_tasks_has_none(tmp_path: Path) -> None:
    assert Tasks(tmp_path / "none").list() == []
