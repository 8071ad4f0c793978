"""The inside of a task's process: it gets its work, does it, writes its log, and last its end."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, Any, NoReturn

from trebol_common.errors import TrebolError, of_system, printable
from trebol_common.run import CommandFailed, explain_status
from trebol_node.tasks.folder import OK, Tasks
from trebol_node.tasks.upid import Upid

INTERRUPTED = "received interrupt"


class Interrupted(BaseException):
    """Somebody ended the task. Not an Exception: nothing may take it for a failure that it can go on after."""


@dataclass
class Log:
    """Where a task says what it does, a line at a time."""

    stream: IO[str]
    warnings: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        """One line, or several. What a full disk does not take is lost: work, and undoing it, go on without."""
        with contextlib.suppress(OSError):
            self.stream.write(printable(line.rstrip("\n")) + "\n")

    def warn(self, line: str) -> None:
        """One line, by which the task ends with warnings."""
        self.warnings.append(line)
        self.say(f"warning: {line}")


Work = Callable[[Mapping[str, Any], Upid, Log], None]


def run_inside(work: Work) -> int:
    """Do what stands on stdin with `work`; the exit status. Without anything there, whoever started this is gone."""
    signal.signal(signal.SIGTERM, _interrupt)
    text = sys.stdin.read()
    if not text:
        return 1
    request = json.loads(text)
    tasks = Tasks(Path(request["folder"]))
    upid = Upid.parse(request["upid"])
    with open_log(tasks.log_file(upid)) as stream:
        status = _perform(work, request["work"], upid, Log(stream))
    tasks.write_end(upid, status, int(time.time()))
    return 0 if status == OK else 1


def open_log(path: Path) -> IO[str]:
    """A log to add to, each line of which is there at once; none that could not be written is tried again."""
    return io.TextIOWrapper(path.open("ab", buffering=0), encoding="utf-8", write_through=True)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    # What undoes is not interrupted a second time; SIGKILL comes for what does not end.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # All that it started, as systemd does with a unit: a program that started this very moment is known to nobody yet
    # who would end it.
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGTERM)
    raise Interrupted


def _perform(work: Work, arguments: Mapping[str, Any], upid: Upid, log: Log) -> str:
    """How it ended, as the last line of the log has it too."""
    try:
        work(arguments, upid, log)
    except Interrupted:
        status = INTERRUPTED
    except CommandFailed as error:
        # What the program said stands in the log already.
        status = f"command '{error.command}' failed: {explain_status(error.status)}"
    except TrebolError as error:
        log.say(str(error))
        status = "; ".join(problem.what for problem in error.problems).splitlines()[0]
    except OSError as error:
        problem = of_system(error).problems[0]
        status = f"{problem.where}: {problem.what}"
    except Exception as error:  # noqa: BLE001
        # Its text may hold what no user of the API may read: that goes to the journal.
        traceback.print_exc()
        status = f"internal error: {type(error).__name__}"
    else:
        count = len(log.warnings)
        status = f"WARNINGS: {count}" if count else OK
    log.say(f"TASK {status}" if status == OK or log.warnings else f"TASK ERROR: {status}")
    return status
