"""The worker's server, as a program that a test kills: its tasks wait until they are ended.

    python3 worker_program.py SOCKET FOLDER

Says "ready" on stdout when it answers.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.unit.task_program import COMMAND, environment

from trebol_node.tasks import Tasks, Upid
from trebol_node.tasks.start import Starter
from trebol_node.worker.context import Context, Machine
from trebol_node.worker.handlers import perform
from trebol_node.worker.server import Server


async def serve(path: Path, folder: Path) -> None:
    """Answer who started this, for ever."""
    tasks = Tasks(folder / "tasks")

    class Waiting(Starter):
        """Each task waits, whatever it is asked to do."""

        def start(self, kind: str, id: str, user: str, work: Mapping[str, Any]) -> Upid:
            return super().start(kind, id, user, {"ready": str(folder / "ready")})

    context = Context(Machine(folder), tasks, Waiting(tasks, lambda: "node1", COMMAND, environment()))
    server = Server(lambda request: perform(request, context), frozenset({os.getuid()}))
    async with server.listening(path):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), Path(sys.argv[2])))
