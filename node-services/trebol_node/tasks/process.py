"""Processes as /proc shows them: whether one is still the one that was meant, and ending it."""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path

PROC = Path("/proc")

#: proc(5): the process is over, but its parent has not heard it yet.
_OVER = frozenset("ZXx")


def started(pid: int, proc: Path = PROC) -> int | None:
    """When process `pid` started, in clock ticks since the boot; None where it is over or never was."""
    try:
        text = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in parentheses, which may hold spaces and parentheses itself.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in _OVER else int(fields[19])


def end(pid: int, pstart: int, seconds: float) -> bool:
    """End the session of the process `pid` that started at `pstart`; False where it was over already.

    SIGTERM to it, which sends it on to its programs, and undoes; what is left of its group after `seconds` gets
    SIGKILL. Returns when it is over.
    """
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        # Asked after the handle was taken: now nobody else can have this number.
        if started(pid) != pstart:
            return False
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        if not _over(handle, seconds):
            os.killpg(pid, signal.SIGKILL)
            _over(handle, seconds)
    except ProcessLookupError:
        pass  # It ended by itself meanwhile.
    finally:
        os.close(handle)
    return True


def _over(handle: int, seconds: float) -> bool:
    """Wait for the end of a process; whether it came."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
