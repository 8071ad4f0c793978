"""Tasks as processes: real ones, killed in every way."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from tests.unit.task_program import COMMAND, end_all, environment

from trebol_common.run import CommandFailed
from trebol_node.tasks import Tasks, Upid
from trebol_node.tasks.inside import Log, open_log
from trebol_node.tasks.process import end, started
from trebol_node.tasks.start import Starter

#: Far beyond what a busy machine needs.
PATIENCE = 50


class Started:
    """Tasks that a test starts, and the news of their ends."""

    def __init__(self, folder: Path) -> None:
        self.tasks = Tasks(folder / "tasks")
        self.ended: Queue[Upid] = Queue()
        self.starter = Starter(
            self.tasks, lambda: "node1", COMMAND, environment(), self.ended.put, lambda: 1790000000.5
        )
        self.ready = folder / "ready"
        os.mkfifo(self.ready)

    def start(self, **work: Any) -> Upid:
        """Start one that does `work`."""
        return self.starter.start("srvstart", "chrony", "root@pam", work)

    def start_waiting(self, **work: Any) -> Upid:
        """Start one that waits, and wait for it."""
        upid = self.start(ready=str(self.ready), **work)
        self.waits = int(self.ready.read_text())
        return upid

    @contextmanager
    def waiting(self) -> Iterator[int]:
        """The process that waits; its descriptor can be read when it is over (pidfd_open(2))."""
        handle = os.pidfd_open(self.waits)
        try:
            yield handle
        finally:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            os.close(handle)

    def end_of(self, upid: Upid) -> str:
        """How it ended, once it did."""
        assert self.ended.get(timeout=PATIENCE) == upid
        return str(self.tasks.status(str(upid))["exitstatus"])

    def log_of(self, upid: Upid) -> list[str]:
        """The lines of its log."""
        return [line["t"] for line in self.tasks.log(str(upid))]


@pytest.fixture
def started_tasks(tmp_path: Path) -> Iterator[Started]:
    """None of them outlives its test, also where that fails."""
    started_here = Started(tmp_path)
    yield started_here
    end_all(started_here.tasks)


@pytest.mark.parametrize(
    ("work", "status", "log"),
    [
        ({"say": ["one", "two\n", "a\x1bb"]}, "OK", ["one", "two", "a\\x1bb", "TASK OK"]),
        ({"warn": "careful"}, "WARNINGS: 1", ["warning: careful", "TASK WARNINGS: 1"]),
        (
            {"fail": "bad"},
            "it cannot be",
            ["here: it cannot be", "  → do otherwise", "TASK ERROR: it cannot be"],
        ),
        (
            {"fail": "disk"},
            "/var/log: No space left on device",
            ["TASK ERROR: /var/log: No space left on device"],
        ),
        (
            {"fail": "program"},
            "command 'sh -c 'echo why >&2; exit 3'' failed: exit status 3",
            ["why", "TASK ERROR: command 'sh -c 'echo why >&2; exit 3'' failed: exit status 3"],
        ),
        ({"fail": "bug"}, "internal error: ValueError", ["TASK ERROR: internal error: ValueError"]),
    ],
)
def test_a_task_says_what_it_did_and_how_it_ended(
    started_tasks: Started, work: dict[str, Any], status: str, log: list[str]
) -> None:
    upid = started_tasks.start(**work)
    assert started_tasks.end_of(upid) == status
    assert started_tasks.log_of(upid) == log
    assert (upid.start, upid.user) == (1790000000, "root@pam")


def test_a_task_is_a_session_of_its_own_and_its_work_in_no_argument_list(started_tasks: Started) -> None:
    upid = started_tasks.start_waiting(secret="hunter2")
    assert os.getsid(upid.pid) == upid.pid
    assert started_tasks.tasks.get(str(upid)).runs
    assert b"hunter2" not in Path(f"/proc/{upid.pid}/cmdline").read_bytes()
    assert end(upid.pid, upid.pstart, PATIENCE)
    assert started_tasks.end_of(upid) == "received interrupt"


@pytest.mark.parametrize("program", ["waited for", "just started"])
def test_a_task_that_is_ended_ends_its_program_too(started_tasks: Started, program: str) -> None:
    upid = started_tasks.start_waiting(program=program)
    with started_tasks.waiting() as waiting:
        assert end(upid.pid, upid.pstart, PATIENCE)
        assert started_tasks.end_of(upid) == "received interrupt"
        assert select.select([waiting], [], [], PATIENCE)[0]


def test_a_task_that_does_not_listen_is_killed(started_tasks: Started) -> None:
    upid = started_tasks.start_waiting(deaf=True)
    assert end(upid.pid, upid.pstart, 0.1)
    assert started_tasks.end_of(upid) == "unexpected status"


def test_a_killed_task_says_that_nobody_knows_its_end(started_tasks: Started) -> None:
    upid = started_tasks.start_waiting()
    os.kill(upid.pid, signal.SIGKILL)
    assert started_tasks.end_of(upid) == "unexpected status"
    assert not end(upid.pid, upid.pstart, PATIENCE)


def test_another_process_with_the_number_of_a_task_is_left_alone() -> None:
    mine = started(os.getpid())
    assert mine is not None
    assert not end(os.getpid(), mine + 1, 0)


def test_a_full_disk_takes_the_log_and_not_the_work() -> None:
    with open_log(Path("/dev/full")) as stream:
        log = Log(stream)
        log.say("one")
        log.warn("two")
    assert log.warnings == ["two"]


def test_a_task_that_cannot_be_started_leaves_nothing(tmp_path: Path) -> None:
    tasks = Tasks(tmp_path / "tasks")
    with pytest.raises(CommandFailed):
        Starter(tasks, lambda: "node1", ("/no/such/program",)).start("srvstart", "", "root@pam", {})
    assert tasks.list() == []
