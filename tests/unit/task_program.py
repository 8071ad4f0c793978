"""A task whose work the test says: run as a program by a `Starter`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trebol_common.errors import BadInput
from trebol_common.run import CommandRunner
from trebol_node.tasks import Upid
from trebol_node.tasks.inside import Log, run_inside

#: How a test starts it.
COMMAND = (sys.executable, __file__)


def environment() -> dict[str, str]:
    """So that the program finds what the test imports."""
    return {"PYTHONPATH": ":".join(path for path in sys.path if path)}


def work(arguments: Mapping[str, Any], upid: Upid, log: Log) -> None:
    """`say` lines, `warn` one, `fail` with what; `ready` is a pipe that is opened before `wait`ing for a signal."""
    for line in arguments.get("say", ()):
        log.say(line)
    if warning := arguments.get("warn"):
        log.warn(warning)
    match arguments.get("fail"):
        case "bad":
            raise BadInput("it cannot be", where="here", hint="do otherwise")
        case "disk":
            raise OSError(28, "No space left on device", "/var/log")
        case "bug":
            raise ValueError("hunter2")
    if ready := arguments.get("ready"):
        log.say("waiting")
        Path(ready).write_text("ready")
        if arguments.get("program"):
            CommandRunner().run(["sh", "-c", f"echo program >{ready}; exec sleep 1000"])
        if arguments.get("deaf"):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            Path(ready).write_text("deaf")
        while True:
            signal.pause()


if __name__ == "__main__":
    sys.exit(run_inside(work))
