"""Carrying out what is left to the first boot: once, noted before and after each step, taken up after a power cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trebol_common.errors import TrebolError, of_system
from trebol_common.files import sync_folder
from trebol_common.first_boot import PENDING, Stage, Task, ToDo, read_to_do
from trebol_common.i18n import _
from trebol_firstboot.unattended import journal
from trebol_firstboot.unattended.journal import DONE, JOURNAL, Journal, State
from trebol_firstboot.unattended.log import Log
from trebol_firstboot.unattended.tasks import Tasks


@dataclass(frozen=True)
class World:
    """What a run works on; `stopping` tells whether the node goes down, so that no other step should begin."""

    root: Path
    tasks: Tasks
    now: Callable[[], datetime]
    echo: Callable[[str], None]
    stopping: Callable[[], bool] = lambda: False


def run(world: World, until: Stage, *, again: bool = False) -> Journal | None:
    """Do what is due; how all of it is then, or None where nothing was left to do. `again`: what failed, too.

    A step that fails keeps no other from being done. Raises TrebolError where somebody else is at it, and where what
    the installer left cannot be read.
    """
    to_do = read_to_do(world.root)
    if to_do is None:
        return None
    with journal.at_it(world.root) as alone:
        if not alone:
            hint = "trebol firstboot status"
            raise TrebolError(_("the first boot is at it already"), where="trebol firstboot run", hint=hint)
        return _Run(world, to_do, Log.open(world.root, world.now, world.echo)).go(until, again=again)


@dataclass(frozen=True)
class _Run:
    world: World
    to_do: ToDo
    log: Log

    def go(self, until: Stage, *, again: bool) -> Journal:
        known = journal.read(self.world.root, self.to_do)
        found = self._taken_up(known)
        if again:
            found = self._keep(found.again())
        for task in self.to_do.tasks:
            if self.world.stopping():
                break
            step = next(step for step in found.steps if step.task is task)
            if step.state is State.PENDING and self.to_do.stage(task).is_due(until):
                found = self._do(task, found)
        if found.is_over and (found != known or (self.world.root / PENDING).exists()):
            self._finish(found, restart=_restarts(found) and not _restarts(known))
        return found

    def _taken_up(self, known: Journal) -> Journal:
        """Where nothing was begun this is where it begins."""
        found = known.after_a_cut(self.world.now())
        for before, after in zip(known.steps, found.steps, strict=True):
            if before != after:
                failed = before.state is State.FAILED
                told = after.reason or (_("it failed before") if failed else _("it was cut off, and begins anew"))
                self.log.tell(f"{before.task.value}: {told}")
        return self._keep(found) if found != known else known

    def _keep(self, found: Journal) -> Journal:
        journal.save(self.world.root / JOURNAL, found)
        return found

    def _do(self, task: Task, found: Journal) -> Journal:
        if task is Task.REBOOT:
            return self._decide_restart(found)
        found = self._keep(found.marked(task, State.STARTED, "", self.world.now()))
        self.log.tell(f"{task.value}: {State.STARTED.value}")
        try:
            state, reason = self.world.tasks.perform(task, self.to_do, self.log)
        except (TrebolError, OSError) as error:
            failed = of_system(error) if isinstance(error, OSError) else error
            state, reason = State.FAILED, str(failed)
        self.log.tell(f"{task.value}: {state.value}" + (f": {reason}" if reason else ""))
        return self._keep(found.marked(task, state, reason, self.world.now()))

    def _decide_restart(self, found: Journal) -> Journal:
        """Told as done before it is: afterwards nobody could."""
        if found.undone:
            reason = _("because not all was done")
            return self._keep(found.marked(Task.REBOOT, State.SKIPPED, reason, self.world.now()))
        return self._keep(found.marked(Task.REBOOT, State.DONE, "", self.world.now()))

    def _finish(self, found: Journal, *, restart: bool) -> None:
        """The marker, then no boot begins with it again, but for what it tries again; each can be cut off and is made
        up for by the next run."""
        root = self.world.root
        journal.save(root / DONE, journal.marker(found, self.world.now()))
        if not found.tries_again:
            for stage in Stage:
                (root / stage.link).unlink(missing_ok=True)
            (root / PENDING).unlink(missing_ok=True)
            sync_folder((root / PENDING).parent)
        self.log.tell(_("The first boot is over: {state}").format(state=found.state.value))
        if found.tries_again:
            self.log.tell(_("The next boot tries the cluster again."))
        if restart:
            self.log.tell(_("The node restarts."))
            self.world.tasks.restart()


def _restarts(found: Journal) -> bool:
    """Whether it was decided that the node restarts."""
    return any(step.task is Task.REBOOT and step.state is State.DONE for step in found.steps)
