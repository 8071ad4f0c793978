"""How far the first boot is, for people, for programs, and in one line for the banner."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trebol_common.errors import TrebolError, of_system, printable
from trebol_common.first_boot import PENDING, read_to_do
from trebol_common.i18n import _
from trebol_firstboot.unattended import journal
from trebol_firstboot.unattended.journal import DONE, UNDONE, Marker, State, Step
from trebol_firstboot.unattended.log import LOG

#: Of a node that was left nothing to do, and of one that is at it.
NONE = "none"
RUNNING = "running"

_COMMAND = "trebol firstboot status"


@dataclass(frozen=True)
class Status:
    """`state` is NONE, RUNNING, or a `State`: PENDING and STARTED (not over, and nobody at it), DONE, FAILED,
    INTERRUPTED. `when` is that of the end."""

    state: str
    steps: tuple[Step, ...] = ()
    when: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether something was not done that should have been."""
        return self.state in UNDONE

    def to_members(self) -> dict[str, Any]:
        """As JSON members."""
        steps = [
            {"task": step.task.value, "state": step.state.value, "reason": step.reason, "when": step.when}
            for step in self.steps
        ]
        return {"state": str(self.state), "steps": steps, "when": self.when}


def read(root: Path) -> Status:
    """The node's. Raises TrebolError where what it is told by cannot be read."""
    to_do = read_to_do(root)
    if to_do is None:
        return Status(NONE)
    known = journal.read(root, to_do)
    if journal.is_anybody_at_it(root):
        return Status(RUNNING, known.steps)
    # While what is pending is there, the marker is of an earlier run.
    done = None if (root / PENDING).exists() else journal.load(root / DONE, Marker)
    return Status(done.state, done.steps, done.when) if done else Status(known.state, known.steps)


def render(status: Status) -> str:
    """Lines of at most 80 columns."""
    return "\n".join(_lines(status)) + "\n"


def _lines(status: Status) -> Iterator[str]:
    if status.state == NONE:
        yield _("Nothing was left for the first boot to do by itself.")
        return
    yield _("First boot: {state}").format(state=words(status.state))
    for step in status.steps:
        yield f"  {step.task.value:<14}{words(step.state):<14}{step.when}".rstrip()
        for line in printable(step.reason).splitlines():
            yield from textwrap.wrap(line, 79, initial_indent=" " * 4, subsequent_indent=" " * 4)
    yield _("Log: {file}").format(file=f"/{LOG}")
    if status.is_bad:
        yield _("To do again what was not done: {command}").format(command="trebol firstboot run --again")


def words(state: str) -> str:
    """A state in words."""
    told = {
        RUNNING: _("running"),
        State.PENDING: _("not begun"),
        State.STARTED: _("begun"),
        State.DONE: _("done"),
        State.FAILED: _("failed"),
        State.INTERRUPTED: _("interrupted"),
        State.WAITING: _("waiting"),
        State.SKIPPED: _("left out"),
    }
    return told[state]


def line(root: Path) -> str | None:
    """What a console should say of it; None where there is nothing to say: all was done, or nothing was to do."""
    try:
        status = read(root)
    except (TrebolError, OSError) as error:
        failed = of_system(error) if isinstance(error, OSError) else error
        return _("unknown: {reason}").format(reason=failed.problems[0].what)
    tasks = ", ".join(step.task.value for step in status.steps if step.state in (*UNDONE, State.STARTED))
    match status.state:
        case state if state in UNDONE:
            return _("{state}: {tasks} - see: {command}").format(state=words(state), tasks=tasks, command=_COMMAND)
        case str() if status.state == RUNNING:
            return _("running: {tasks}").format(tasks=tasks) if tasks else _("running")
        case _:
            return None
