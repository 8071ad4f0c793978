"""Starting a task: a process in a session of its own, which gets what it is to do by its stdin."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from subprocess import Popen
from typing import Any

from trebol_common.errors import TrebolError
from trebol_common.run import start_session
from trebol_node.tasks.folder import Tasks
from trebol_node.tasks.process import started
from trebol_node.tasks.upid import Upid


@dataclass(frozen=True)
class Starter:
    """Starts tasks into `tasks`; `node` tells the node's name, which may change.

    `command` is a program that calls `trebol_node.tasks.inside.run_inside`; `ended` is called, from another thread,
    when one of them is over. A task is no child of whoever comes after us: that one does not hear of its end.
    """

    tasks: Tasks
    node: Callable[[], str]
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ended: Callable[[Upid], None] = lambda upid: None
    clock: Callable[[], float] = time.time

    def start(self, kind: str, id: str, user: str, work: Mapping[str, Any]) -> Upid:
        """Start `work` as a task; it runs when this returns. Raises TrebolError where that cannot be."""
        with start_session(self.command, env=self.env) as process:
            pstart = started(process.pid)
            if pstart is None:
                raise TrebolError("the task's process ended at once", where=kind)
            upid = Upid(self.node(), process.pid, pstart, int(self.clock()), kind, id, user)
            self.tasks.create(upid)
            # A secret in it is in no argument list, and in no file.
            request = {"folder": str(self.tasks.folder), "upid": str(upid), "work": work}
            assert process.stdin is not None
            process.stdin.write(json.dumps(request).encode())
        threading.Thread(target=self._wait, args=(process, upid), daemon=True).start()
        return upid

    def _wait(self, process: Popen[bytes], upid: Upid) -> None:
        process.wait()
        self.ended(upid)
