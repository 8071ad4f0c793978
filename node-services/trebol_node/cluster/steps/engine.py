"""Going on and going back: all steps are done, or none.

A step is marked before it begins and when it has ended. Where one fails, or somebody ends the task, those that are
done or begun are undone, the last one first. Where the process is killed or the power goes, whoever comes next goes
on in the direction that the journal says. So each `do` and each `undo` may meet its own work, whole or by halves, and
has to bear that; and an `undo` may meet nothing at all.

A step that is a point of no return is one once it has begun: nobody knows what of it is done. What can fail without
harm belongs in a step before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn

from trebol_common.errors import BadInput, Problem, Refused, TrebolError, of_system
from trebol_node.cluster.steps import disk
from trebol_node.cluster.steps.disk import Kept
from trebol_node.cluster.steps.journal import Direction, Journal, State
from trebol_node.tasks.inside import Interrupted

Say = Callable[[str], None]


class Outcome(StrEnum):
    """How a transaction ended."""

    DONE = "done"
    UNDONE = "undone"


class Unfinished(TrebolError):
    """It stands between, and stays so until somebody has it go on, or back."""


@dataclass(frozen=True)
class Work:
    """What a step works with, and says what it does by, a line at a time."""

    _kept: Kept
    say: Say

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What the transaction was begun with."""
        return self._kept.journal.arguments

    @property
    def facts(self) -> Mapping[str, Any]:
        """What steps have remembered."""
        return self._kept.journal.facts

    @property
    def secrets(self) -> Mapping[str, str]:
        """What it was begun with that no journal may hold, and what steps have kept."""
        return self._kept.secrets

    def remember(self, **facts: Any) -> None:
        """Have facts (JSON, no secrets) on the disk: what an undo needs, before there is something to undo."""
        self._kept.write(self._kept.journal.knowing(facts))

    def keep_secret(self, **secrets: str) -> None:
        """The same for secrets; they go when the transaction is over."""
        self._kept.write_secrets({**self._kept.secrets, **secrets})


def _nothing(_work: Work) -> None:
    """For a step that leaves nothing to undo."""


@dataclass(frozen=True)
class Step:
    """One step; see this module for what `do` and `undo` have to bear."""

    name: str
    do: Callable[[Work], None]
    undo: Callable[[Work], None] = field(default=_nothing)
    point_of_no_return: bool = False


def start(
    folder: Path,
    kind: str,
    steps: Sequence[Step],
    *,
    arguments: Mapping[str, Any],
    secrets: Mapping[str, str],
    say: Say,
    now: Callable[[], datetime] = disk.utc_now,
    supersedes: bool = False,
) -> Outcome:
    """Begin a transaction and bring it to its end.

    What failed is raised as it is where all was undone; Unfinished where something is left. Raises Busy and Refused,
    with nothing done, where another one is under way or was not ended. `supersedes`: this one clears up after it,
    however far it was, and takes the place of its journal, even of a damaged one.
    """
    with disk.alone(folder):
        if not supersedes and (found := disk.look(folder)) is not None:
            raise _unended(found, steps)
        kept = Kept(folder, Journal.of(kind, [step.name for step in steps], arguments), secrets, now)
        disk.create(kept)
        return run(kept, steps, say=say)


def resume(folder: Path, steps: Sequence[Step], *, say: Say, now: Callable[[], datetime] = disk.utc_now) -> Outcome:
    """Go on with what was cut off, in the direction in which it went. Raises as `start` does, BadInput where there is
    nothing to go on with."""
    with disk.alone(folder):
        return run(_found(folder, steps, now), steps, say=say)


def abort(folder: Path, steps: Sequence[Step], *, say: Say, now: Callable[[], datetime] = disk.utc_now) -> Outcome:
    """Take back what was cut off, or what could not be undone before. Raises Unfinished where something is left,
    Refused beyond the point of no return, BadInput where there is nothing to take back."""
    with disk.alone(folder):
        kept = _found(folder, steps, now)
        if _is_beyond(kept.journal, steps):
            what = f"is beyond the point of no return: {_left(kept.journal)} is left to do"
            raise Refused(what, where=kept.journal.kind, hint=_only_on(kept.journal))
        # All done, and cut off before the journal was gone.
        if kept.journal.is_done and kept.journal.direction is Direction.FORWARD:
            return run(kept, steps, say=say)
        kept.write(kept.journal.going_back("taken back"))
        return run(kept, steps, say=say)


def run(kept: Kept, steps: Sequence[Step], *, say: Say) -> Outcome:
    """Bring a transaction to its end from wherever it stands, in its direction. Raises as `start` does."""
    work = Work(kept, say)
    if kept.journal.direction is Direction.BACK:
        _require_undone(_go_back(kept, steps, work), kept)
        kept.remove()
        return Outcome.UNDONE
    _go_forward(kept, steps, work)
    kept.remove()
    return Outcome.DONE


def _go_forward(kept: Kept, steps: Sequence[Step], work: Work) -> None:
    index = 0
    try:
        for index in kept.journal.to_do():
            work.say(_numbered(steps, index))
            kept.mark(index, State.BEGUN)
            steps[index].do(work)
            kept.mark(index, State.DONE)
    except (Exception, KeyboardInterrupt, Interrupted) as error:
        # Whoever wanted to end it came too late.
        if kept.journal.is_done:
            return
        # A bug is a failure like others: it leaves nothing between either.
        _fail(error, index, kept, steps, work)


def _fail(error: BaseException, index: int, kept: Kept, steps: Sequence[Step], work: Work) -> NoReturn:
    """End with `error`, of one step: as before, or with Unfinished where that cannot be had."""
    reason = _reason(error)
    work.say(f"{_numbered(steps, index)}: {reason}")
    if _is_beyond(kept.journal, steps):
        _note(kept, index, reason)
        what = f"is beyond the point of no return: {_left(kept.journal)} is left to do"
        raise _also(error, Problem(what, kept.journal.kind, _only_on(kept.journal)), work=work)
    try:
        kept.write(kept.journal.going_back(reason))
    except OSError as full:
        # Undone steps that the journal has as done would not be done again.
        what = f"nothing was undone: the journal cannot be written: {full.strerror}"
        raise _also(error, Problem(what, str(kept.folder), _command(kept.journal, "--abort")), work=work) from full
    if problems := _go_back(kept, steps, work):
        raise _also(error, *problems, _not_all(kept.journal), work=work)
    kept.remove()
    work.say("all is as before")
    raise error


def _go_back(kept: Kept, steps: Sequence[Step], work: Work) -> list[Problem]:
    """Undo what is done or begun; what could not be. One that fails keeps no other from being undone."""
    problems = []
    for index in kept.journal.to_undo():
        told = f"undo {_numbered(steps, index)}"
        work.say(told)
        try:
            steps[index].undo(work)
            kept.mark(index, State.UNDONE)
        except Exception as error:  # noqa: BLE001
            # Told below, and by the journal.
            reason = _reason(error)
            work.say(f"{told}: {reason}")
            _note(kept, index, reason)
            problems.append(Problem(reason, told))
    return problems


def _require_undone(problems: Sequence[Problem], kept: Kept) -> None:
    if problems:
        raise Unfinished.of((*problems, _not_all(kept.journal)))


def _note(kept: Kept, index: int, reason: str) -> None:
    """Have the journal say why; it stays as it is where the disk is full."""
    try:
        kept.mark(index, kept.journal.steps[index].state, reason)
    except OSError:
        return


def _found(folder: Path, steps: Sequence[Step], now: Callable[[], datetime]) -> Kept:
    kept = disk.load(folder, now)
    if kept is None:
        raise BadInput("there is nothing to go on with, and nothing to take back", where=str(folder))
    if kept.journal.names != tuple(step.name for step in steps):
        what = f"is of other steps than these: {', '.join(kept.journal.names)}"
        hint = "it was begun by another version of Trebol: have that one end it"
        raise TrebolError(what, where=f"{kept.journal.kind} in {folder}", hint=hint)
    return kept


def _is_beyond(journal: Journal, steps: Sequence[Step]) -> bool:
    """Whether a point of no return has begun, and something is left to do."""
    begun = any(step.point_of_no_return and journal.has_begun(index) for index, step in enumerate(steps))
    return begun and not journal.is_done and journal.direction is Direction.FORWARD


def _also(error: BaseException, *problems: Problem, work: Work) -> BaseException:
    """What to end with where `problems` came on top of `error`."""
    if isinstance(error, TrebolError | OSError):
        first = error if isinstance(error, TrebolError) else of_system(error)
        return Unfinished.of((*first.problems, *problems))
    # Who ended it, or what bug it was, is for whoever runs the task to tell; the rest stands in its log.
    for problem in problems:
        work.say(str(problem))
    return error


def _not_all(journal: Journal) -> Problem:
    left = ", ".join(journal.steps[index].name for index in journal.to_undo())
    what = (
        f"is not as before: {left} could not be undone" if left else "is as before, but the journal does not say so"
    )
    return Problem(what, journal.kind, f"mend what is wrong, then {_command(journal, '--abort')}")


def _reason(error: BaseException) -> str:
    """One line for the journal."""
    if isinstance(error, TrebolError):
        return "; ".join(" ".join(problem.what.split()) for problem in error.problems)
    if isinstance(error, OSError):
        return _reason(of_system(error))
    if isinstance(error, Exception):
        return f"internal error: {type(error).__name__}"
    return "interrupted"


def _left(journal: Journal) -> str:
    return ", ".join(journal.steps[index].name for index in journal.to_do())


def _numbered(steps: Sequence[Step], index: int) -> str:
    return f"{index + 1}/{len(steps)} {steps[index].name}"


def _command(journal: Journal, option: str) -> str:
    return f"trebol cluster {journal.kind} {option}"


def _only_on(journal: Journal) -> str:
    """What to do beyond the point of no return. Who was removed by the others meanwhile has nobody to go on with."""
    return f"{_command(journal, '--resume')}, or, where the others removed this node: trebol cluster leave --forced"


def _unended(found: Journal, steps: Sequence[Step]) -> Refused:
    what = f"an earlier one was not ended: {found.reason or 'it was cut off'}"
    ways = [_command(found, option) for option in ("--resume", "--abort")]
    if _is_beyond(found, steps):
        ways = [_only_on(found)]
    elif found.direction is Direction.BACK:
        del ways[:1]
    return Refused(what, where=found.kind, hint=" or ".join(ways))
