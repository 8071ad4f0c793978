"""The tasks of a node as their folders tell them.

    /var/log/trebol-tasks/
        UPID:…:/log    what it said, a line each
        UPID:…:/end    {"status": "OK", "time": 1790000000}, once it is over; until then end.reserved, room for it
        UPID:…:/result what it found out, where it has more to tell than lines: JSON

Whether one runs is what its process says: nobody has to remember it. One that is over without an end was killed, or
its machine was.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from trebol_common.errors import BadInput
from trebol_common.files import write_text
from trebol_node.tasks.process import PROC, started
from trebol_node.tasks.upid import Upid

#: Where a node's tasks lie; users of the API read them by trebold, whose group may.
FOLDER = Path("/var/log/trebol-tasks")

#: Ended tasks that are kept.
KEPT = 1000

OK = "OK"
UNEXPECTED = "unexpected status"

_MODE = 0o640

#: Bytes that are reserved for an end, and letters of its status, each of which may need six bytes (JSON).
_END, _STATUS = 4096, 500

Items = list[dict[str, Any]]


class NoSuchTask(BadInput):
    """There is no task of this UPID."""


@dataclass(frozen=True)
class Task:
    """A task as it stands: `status` how it ended ("OK", "WARNINGS: 2", or what went wrong), None while it runs; `end`
    when, in seconds since 1970, None also where nobody was there to see."""

    upid: Upid
    status: str | None = None
    end: int | None = None

    @property
    def runs(self) -> bool:
        """Whether it is not over."""
        return self.status is None

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than well; warnings are well."""
        return self.status not in (None, OK) and not str(self.status).startswith("WARNINGS:")

    def _members(self) -> dict[str, Any]:
        upid = self.upid
        return {
            "upid": str(upid),
            "node": upid.node,
            "pid": upid.pid,
            "pstart": upid.pstart,
            "starttime": upid.start,
            "type": upid.kind,
            "id": upid.id,
            "user": upid.user,
        }

    def item(self) -> dict[str, Any]:
        """As an item of Proxmox VE's lists of tasks: `status` and `endtime` once it is over."""
        ended = {} if self.status is None else {"status": self.status, "endtime": self.end or self.upid.start}
        return self._members() | ended

    def state(self) -> dict[str, Any]:
        """As Proxmox VE's `/nodes/N/tasks/UPID/status`: `status` "running" or "stopped", then with `exitstatus`."""
        if self.status is None:
            return self._members() | {"status": "running"}
        return self._members() | {"status": "stopped", "exitstatus": self.status}


class Tasks:
    """The tasks below `folder`. Reading them needs no right but to read the folder, and /proc."""

    def __init__(self, folder: Path = FOLDER, proc: Path = PROC) -> None:
        self.folder = folder
        self._proc = proc
        #: An ended task never changes again.
        self._ended: dict[Upid, Task] = {}

    def all(self) -> tuple[Task, ...]:
        """Every task, the newest first."""
        return tuple(map(self._look, self._upids()))

    def list(
        self,
        *,
        start: int = 0,
        limit: int = 50,
        source: str = "all",
        errors: bool = False,
        kind: str | None = None,
        id: str | None = None,
        user: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Items:
        """Items of tasks, the newest first, after skipping `start` of them, at most `limit`.

        `source` is "active" for those that run, "archive" for ended ones, "all"; `errors` those that failed; `user`
        those that have it in their user's name; `since` and `until` in seconds since 1970.
        """

        def wanted(task: Task) -> bool:
            upid = task.upid
            return (
                (source == "all" or task.runs == (source == "active"))
                and (not errors or task.failed)
                and (user is None or user in upid.user)
                and (kind is None or kind == upid.kind)
                and (id is None or id == upid.id)
                and (since is None or upid.start >= since)
                and (until is None or upid.start <= until)
            )

        # Lazily: a page of fifty does not look at the rest of a thousand.
        found = (task.item() for task in map(self._look, self._upids()) if wanted(task))
        return [*islice(found, start, start + limit)]

    def status(self, upid: str) -> dict[str, Any]:
        """See `Task.state`. Raises BadInput for what is no UPID, NoSuchTask."""
        return self.get(upid).state()

    def get(self, upid: str) -> Task:
        """The task of a UPID. Raises BadInput for what is no UPID, NoSuchTask."""
        parsed = self._known(upid)
        return self._look(parsed)

    def log(self, upid: str, start: int = 0, limit: int = 50) -> Items:
        """Lines of a task's log as `{"n": 1, "t": "…"}` after skipping `start` of them, at most `limit` (0: all).

        Raises as `get`.
        """
        path = self.log_file(self._known(upid))
        if not path.exists():
            return []
        # Programs write into it too, with "\r" before what takes the place of the line so far.
        with path.open(encoding="utf-8", errors="replace", newline="\n") as stream:
            lines = islice(stream, start, start + limit if limit else None)
            shown = (line.rstrip("\r\n").rpartition("\r")[2] for line in lines)
            return [{"n": number, "t": line} for number, line in enumerate(shown, start + 1)]

    def lines(self, upid: str) -> int:
        """How many lines the log of a task has. Raises as `get`."""
        path = self.log_file(self._known(upid))
        if not path.exists():
            return 0
        with path.open("rb") as stream:
            return sum(1 for _line in stream)

    def log_file(self, upid: Upid) -> Path:
        """Where a task writes what it has to say."""
        return self.folder / str(upid) / "log"

    def create(self, upid: Upid) -> None:
        """Make the folder of a task that begins, and forget the oldest ended ones beyond KEPT.

        Raises OSError, and leaves nothing, where a disk is full: a task that begins can say how it ended.
        """
        folder = self.folder / str(upid)
        folder.mkdir(parents=True, mode=0o750)
        try:
            self.log_file(upid).touch(mode=_MODE)
            _write_through(self._reserved(upid), b" " * _END, "xb")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self.prune(KEPT)

    def write_end(self, upid: Upid, status: str, time: int) -> None:
        """Say how a task ended, in one line; in the room that is reserved for it."""
        line = " ".join(status.split())[:_STATUS]
        reserved = self._reserved(upid)
        _write_through(reserved, json.dumps({"status": line, "time": time}).encode() + b"\n", "r+b")
        reserved.chmod(_MODE)
        reserved.rename(self._end_file(upid))

    def write_result(self, upid: Upid, text: str) -> None:
        """Keep what a task found out, for as long as it is kept itself."""
        write_text(self._result_file(upid), text, mode=_MODE)

    def result(self, upid: str) -> str | None:
        """What a task found out, None where it has nothing of the kind. Raises as `get`."""
        path = self._result_file(self._known(upid))
        return path.read_text(encoding="utf-8") if path.exists() else None

    def prune(self, kept: int) -> None:
        """Remove all but the newest `kept` ended tasks. What cannot be removed stays."""
        ended = [task.upid for task in self.all() if not task.runs]
        for upid in ended[kept:]:
            shutil.rmtree(self.folder / str(upid), ignore_errors=True)
            self._ended.pop(upid, None)

    def _end_file(self, upid: Upid) -> Path:
        return self.folder / str(upid) / "end"

    def _result_file(self, upid: Upid) -> Path:
        return self.folder / str(upid) / "result"

    def _reserved(self, upid: Upid) -> Path:
        return self.folder / str(upid) / "end.reserved"

    def _upids(self) -> Sequence[Upid]:
        """The newest first; what else lies in the folder is none of ours."""
        if not self.folder.is_dir():
            return ()
        found = filter(None, map(_parsed, self.folder.iterdir()))
        return sorted(found, key=lambda upid: (upid.start, upid.pstart), reverse=True)

    def _known(self, upid: str) -> Upid:
        parsed = Upid.parse(upid)
        if not (self.folder / str(parsed)).is_dir():
            raise NoSuchTask("no such task", where="upid")
        return parsed

    def _look(self, upid: Upid) -> Task:
        if (ended := self._ended.get(upid)) is not None:
            return ended
        # In this order: it may write its end and be over between the two.
        runs = started(upid.pid, self._proc) == upid.pstart
        task = _ended(upid, self._end_file(upid))
        if task is None:
            return Task(upid) if runs else Task(upid, UNEXPECTED)
        self._ended[upid] = task
        return task


def _write_through(path: Path, content: bytes, mode: str) -> None:
    """Let a file hold `content` and nothing more, on the disk; `mode` as of `open`."""
    with path.open(mode) as stream:
        stream.write(content)
        stream.truncate()
        stream.flush()
        os.fsync(stream.fileno())


def _parsed(path: Path) -> Upid | None:
    try:
        return Upid.parse(path.name)
    except BadInput:
        return None


def _ended(upid: Upid, path: Path) -> Task | None:
    """From the file that says how a task ended; a damaged one says nothing."""
    try:
        members = json.loads(path.read_text(encoding="utf-8"))
        return Task(upid, str(members["status"]), int(members["time"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return Task(upid, UNEXPECTED)
