"""A task whose work the test says: run as a program by a `Starter`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trebol_common.errors import BadInput
from trebol_common.run import CommandRunner
from trebol_node.tasks import Tasks, Upid
from trebol_node.tasks.inside import Log, run_inside
from trebol_node.tasks.process import end

#: How a test starts it.
COMMAND = (sys.executable, __file__)


def environment() -> dict[str, str]:
    """So that the program finds what the test imports."""
    return {"PYTHONPATH": ":".join(path for path in sys.path if path)}


def end_all(tasks: Tasks) -> None:
    """End those that run."""
    for task in tasks.all():
        if task.runs:
            end(task.upid.pid, task.upid.pstart, 0)


def work(arguments: Mapping[str, Any], upid: Upid, log: Log) -> None:
    """`say` lines, `warn` of one, `fail` in one way.

    `ready` is a pipe that hears when the task waits to be ended, and the number of the process that waits: its own,
    that of a `program` ("waited for", or "just started", that nobody waits for), or its own and `deaf` to SIGTERM.
    """
    for line in arguments.get("say", ()):
        log.say(line)
    if warning := arguments.get("warn"):
        log.warn(warning)
    match arguments.get("fail"):
        case "bad":
            raise BadInput("it cannot be", where="here", hint="do otherwise")
        case "disk":
            raise OSError(28, "No space left on device", "/var/log")
        case "program":
            CommandRunner().run(["sh", "-c", "echo why >&2; exit 3"], on_line=log.say)
        case "bug":
            raise ValueError("hunter2")
    if ready := arguments.get("ready"):
        if arguments.get("deaf"):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        program = ["sh", "-c", f"echo $$ >{ready}; exec sleep 1000"]
        match arguments.get("program"):
            case "waited for":
                CommandRunner().run(program)
            case "just started":
                subprocess.Popen(program)
                while True:
                    signal.pause()
        Path(ready).write_text(f"{os.getpid()}\n")
        while True:
            signal.pause()


if __name__ == "__main__":
    sys.exit(run_inside(work))
