"""The worker's process: it serves until it is asked to end, tells systemd how it does, and looks after what killed
tasks left behind."""

from __future__ import annotations

import asyncio
import contextlib
import grp
import logging
import pwd
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from trebol_common.errors import TrebolError
from trebol_common.systemd import ALIVE, READY, STOPPING, notify, watchdog_seconds
from trebol_node.tasks import Tasks
from trebol_node.tasks.start import Starter
from trebol_node.worker.context import Context, Machine
from trebol_node.worker.handlers import perform
from trebol_node.worker.network import recover
from trebol_node.worker.protocol import SOCKET
from trebol_node.worker.server import Server

log = logging.getLogger(__name__)

#: Who runs trebold; on a system without that user root alone is answered.
USER = "trebol"

TASK = (sys.executable, "-P", "-m", "trebol_node.worker.task")

#: Seconds between two looks for a trial whose task is gone; systemd hears at each that we live.
_LOOK = 10.0


def main() -> int:
    """Run the worker; the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    machine, tasks = Machine(), Tasks()
    starter = Starter(tasks, _node, TASK, ended=lambda upid: _recover(machine, tasks))
    asyncio.run(serve(Context(machine, tasks, starter), SOCKET))
    return 0


async def serve(context: Context, path: Path) -> None:
    """Serve `context` at `path` until SIGTERM or SIGINT."""
    allowed, group = _peers()
    server = Server(lambda request: perform(request, context), allowed)
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    async with server.listening(path, group=group):
        notify(READY)
        looking = asyncio.create_task(_look_after(lambda: _recover(context.machine, context.tasks)))
        await ending.wait()
        notify(STOPPING)
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking


async def _look_after(look: Callable[[], None]) -> None:
    """At the start, and then again and again. What hangs does not keep systemd from hearing that the loop runs."""
    pause = min(_LOOK, watchdog_seconds() or _LOOK)
    running: asyncio.Task[None] | None = None
    while True:
        if running is None or running.done():
            running = asyncio.create_task(asyncio.to_thread(look))
        notify(ALIVE)
        await asyncio.sleep(pause)


def _recover(machine: Machine, tasks: Tasks) -> None:
    try:
        recover(machine, tasks, log.warning)
    except (TrebolError, OSError, ValueError, KeyError):
        log.exception("the network could not be brought back")


def _peers() -> tuple[frozenset[int], int | None]:
    """The users that are answered, and the group whose members reach the socket."""
    try:
        return frozenset({0, pwd.getpwnam(USER).pw_uid}), grp.getgrnam(USER).gr_gid
    except KeyError:
        log.warning("there is no user %s: root alone is answered", USER)
        return frozenset({0}), None


def _node() -> str:
    """The node's name: the first label of its host name."""
    return Path("/proc/sys/kernel/hostname").read_text(encoding="utf-8").strip().partition(".")[0]
