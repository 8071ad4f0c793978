"""An operation's context for tests: a system in a folder, a clock that jumps, a PAM that knows one password."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trebol_common.run import Runner
from trebol_node.tasks import Tasks, Upid
from trebol_node.tasks.start import Starter
from trebol_node.worker.context import Context, Machine


@dataclass
class JumpingClock:
    """Sleeping takes no time; what is due at a time is done on the way."""

    time: float = 1000.0
    due: dict[float, Callable[[], None]] = field(default_factory=dict)

    def now(self) -> float:
        """See `Clock.now`."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        self.time += seconds
        for moment in sorted(each for each in self.due if each <= self.time):
            self.due.pop(moment)()


class OnePassword:
    """Knows a user and a password; remembers who was asked for."""

    def __init__(self, user: str = "root", password: str = "hunter2") -> None:
        self.known = (user, password)
        self.asked: list[str] = []

    def accepts(self, user: str, password: str) -> bool:
        """See `Pam.accepts`."""
        self.asked.append(user)
        return (user, password) == self.known


@dataclass(frozen=True)
class RememberingStarter(Starter):
    """Starts nothing: notes what was to be started, as a task that runs for as long as /proc says so."""

    started: list[tuple[str, str, str, Mapping[str, Any]]] = field(default_factory=list)

    def start(self, kind: str, id: str, user: str, work: Mapping[str, Any]) -> Upid:
        """See `Starter.start`."""
        self.started.append((kind, id, user, work))
        upid = Upid(self.node(), 4711, 815, 1790000000, kind, id, user)
        self.tasks.create(upid)
        return upid


def context(root: Path, runner: Runner) -> Context:
    """A context whose system lies below `root`."""
    tasks = Tasks(root / "tasks", root / "proc")
    starter = RememberingStarter(tasks, lambda: "node1", ())
    return Context(Machine(root, runner, JumpingClock()), tasks, starter, OnePassword())


def write(root: Path, path: str, text: str = "") -> Path:
    """Put a file below `root`."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file
