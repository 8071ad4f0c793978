"""What operations work with: the system below a root, programs, PAM, tasks, time. Tests put others in their place."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from trebol_common.errors import TrebolError
from trebol_common.run import CommandRunner, Runner
from trebol_node.tasks import Tasks, Upid
from trebol_node.tasks.start import Starter
from trebol_node.worker.operation import Operation
from trebol_node.worker.pam import Pam, SystemPam


class Clock(Protocol):
    """Time that only goes forward: no change of the date shortens or lengthens a wait."""

    def now(self) -> float:
        """Seconds since some moment."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The kernel's monotonic clock."""

    def now(self) -> float:
        """See `Clock.now`."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        time.sleep(seconds)


@dataclass(frozen=True)
class Machine:
    """The system that is worked on, as operations and tasks need it."""

    root: Path = Path("/")
    runner: Runner = field(default_factory=CommandRunner)
    clock: Clock = field(default_factory=SystemClock)

    def at(self, path: str) -> Path:
        """A file of the system, by its path below the root ("etc/hosts")."""
        return self.root / path

    def text(self, path: str) -> str:
        """The text of such a file, ends of its lines as they are; empty where there is none. Raises TrebolError where
        it is no text.
        """
        found = self.at(path)
        try:
            return found.read_bytes().decode() if found.exists() else ""
        except UnicodeDecodeError as error:
            raise TrebolError("is no UTF-8 text", where=f"/{path}", hint="mend it by hand") from error


@dataclass(frozen=True)
class Context:
    """What an operation gets beside its arguments. `alone` is held by who makes a file anew from what it has read."""

    machine: Machine
    tasks: Tasks
    starter: Starter
    pam: Pam = field(default_factory=SystemPam)
    alone: threading.Lock = field(default_factory=threading.Lock)

    def start(self, kind: str, id: str, who: str, operation: Operation) -> Upid:
        """Start `operation` as a task of `who`."""
        work = {"operation": operation.name, "arguments": operation.arguments(), "root": str(self.machine.root)}
        return self.starter.start(kind, id, who, work)
