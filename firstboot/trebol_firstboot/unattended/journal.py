"""How far the first boot is, on disk before and after each step, so that a power cut loses none of it; and the marker
of its end. Transitions are pure.

Below `trebol_common.first_boot.FOLDER`::

    journal.json    {"steps": [{"task", "state", "reason", "when"}]}
    done.json       the same with "state" and "when" of the whole: nothing is left to be done by itself
    lock            locked by who is at it
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from trebol_common.errors import TrebolError
from trebol_common.files import sync_folder, write_text
from trebol_common.first_boot import FOLDER, Task, ToDo
from trebol_common.i18n import _
from trebol_common.locks import is_locked, locked

JOURNAL = f"{FOLDER}/journal.json"
DONE = f"{FOLDER}/done.json"
LOCK = f"{FOLDER}/lock"

#: For pydantic, which takes long to load and is needed by `load` and `save` alone.
_CONFIG: dict[str, Any] = {"extra": "forbid"}


class State(StrEnum):
    """How a step is. WAITING: it is for somebody to do. SKIPPED: it was not begun, because of others."""

    PENDING = "pending"
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    WAITING = "waiting"
    SKIPPED = "skipped"


#: A step in one of these did not do what was asked for.
UNDONE = (State.FAILED, State.INTERRUPTED)


@dataclass(frozen=True)
class Step:
    """One task; `reason` says why it is as it is, `when` since when (ISO 8601, UTC)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    task: Task
    state: State = State.PENDING
    reason: str = ""
    when: str = ""


@dataclass(frozen=True)
class Journal:
    """The steps, in their order."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    steps: tuple[Step, ...]

    @classmethod
    def of(cls, to_do: ToDo) -> Journal:
        """Nothing is begun."""
        return cls(tuple(Step(task) for task in to_do.tasks))

    @property
    def is_over(self) -> bool:
        """Whether no step is left to begin or to end."""
        return not any(step.state in (State.PENDING, State.STARTED) for step in self.steps)

    @property
    def state(self) -> State:
        """The whole: FAILED or INTERRUPTED where a step is, else DONE, once it is over."""
        states = {step.state for step in self.steps}
        if not self.is_over:
            return State.PENDING if states <= {State.PENDING} else State.STARTED
        return next((state for state in UNDONE if state in states), State.DONE)

    @property
    def undone(self) -> tuple[Task, ...]:
        """What failed, or was cut off."""
        return tuple(step.task for step in self.steps if step.state in UNDONE)

    @property
    def tries_again(self) -> bool:
        """Whether the next boot has something to do, although this one is over: see `after_a_cut`."""
        return Task.CLUSTER in self.undone

    def marked(self, task: Task, state: State, reason: str, when: datetime) -> Journal:
        """With one step in another state."""
        told = when.astimezone(UTC).isoformat(timespec="seconds")
        return Journal(
            tuple(Step(task, state, reason, told) if step.task is task else step for step in self.steps),
        )

    def after_a_cut(self, when: datetime) -> Journal:
        """What follows where nobody is at it any more: what had begun begins anew, but for the executable, which may
        not bear being run twice. A cluster that was not to be had is tried again: it may be by now."""
        journal = self
        for step in self.steps:
            if step.state is State.STARTED and step.task is Task.EXECUTABLE:
                reason = _("it was running when the power went or the node was restarted; it is not run twice")
                journal = journal.marked(step.task, State.INTERRUPTED, reason, when)
            elif step.state is State.STARTED or (step.state is State.FAILED and step.task is Task.CLUSTER):
                journal = journal.marked(step.task, State.PENDING, "", when)
        return journal

    def again(self) -> Journal:
        """With what was not done to be done once more."""
        return Journal(
            tuple(replace(step, state=State.PENDING) if step.state in UNDONE else step for step in self.steps)
        )


@dataclass(frozen=True)
class Marker:
    """The end: `state` is done, failed or interrupted."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    state: State
    steps: tuple[Step, ...]
    when: str


def marker(journal: Journal, when: datetime) -> Marker:
    """What is left of a journal that is over."""
    return Marker(journal.state, journal.steps, when.astimezone(UTC).isoformat(timespec="seconds"))


Kept = TypeVar("Kept", Journal, Marker)


def save(path: Path, kept: Kept) -> None:
    """Write it, on the disk when this returns: the name too, or a power cut could bring the old file back."""
    from pydantic import TypeAdapter

    write_text(path, TypeAdapter(type(kept)).dump_json(kept, indent=2).decode() + "\n", mode=0o600)
    sync_folder(path.parent)


def load(path: Path, kind: type[Kept]) -> Kept | None:
    """What `save` wrote; None where it did not yet. Raises TrebolError where that cannot be read."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TrebolError(_("cannot be read: {reason}").format(reason=error.strerror), where=str(path)) from error
    except ValidationError as error:
        raise TrebolError(_("is damaged"), where=str(path)) from error


def read(root: Path, to_do: ToDo) -> Journal:
    """How far `to_do` is. Raises TrebolError where that cannot be read, and where it is of something else to do."""
    known = load(root / JOURNAL, Journal) or Journal.of(to_do)
    if tuple(step.task for step in known.steps) != to_do.tasks:
        raise TrebolError(_("is damaged"), where=str(root / JOURNAL))
    return known


def at_it(root: Path) -> AbstractContextManager[bool]:
    """Be the one who is at it; False: somebody else is."""
    return locked(root / LOCK)


def is_anybody_at_it(root: Path) -> bool:
    """Whether somebody is; nothing is written, and whoever begins at this moment is in nobody's way."""
    return is_locked(root / LOCK)
