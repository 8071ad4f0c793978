"""Saving the logs of a failed installation on a USB stick, and what came of it, for the screen of the failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain

from trebol_common.errors import Problem, TrebolError, of_system
from trebol_common.i18n import _
from trebol_common.tui.app import Jobs
from trebol_common.tui.page import Element, Gap, Text, Tone
from trebol_installer.logs import Saved


@dataclass
class Saving:
    """What is to be said of it, as long as the failure is on the screen."""

    told: tuple[Text, ...] = ()
    _runs: bool = False

    def start(self, save: Callable[[], Saved], jobs: Jobs) -> None:
        """Save on a thread; one at a time."""
        if self._runs:
            return
        self._runs, self.told = True, (Text(_("Saving the logs…")),)
        jobs.start(lambda: _outcome(save), self._keep)

    def elements(self) -> tuple[Element, ...]:
        """The same as a part of a page."""
        return (*self.told, Gap()) if self.told else ()

    def _keep(self, told: tuple[Text, ...]) -> None:
        self._runs, self.told = False, told


def _outcome(save: Callable[[], Saved]) -> tuple[Text, ...]:
    try:
        saved = save()
    except (TrebolError, OSError) as error:
        told = of_system(error) if isinstance(error, OSError) else error
        return tuple(chain.from_iterable(map(_shown, told.problems)))
    done = _("{file} is on {stick}, which can be taken out.").format(file=saved.file, stick=saved.on)
    return (Text(done, Tone.GOOD),)


def _shown(problem: Problem) -> tuple[Text, ...]:
    told = Text(str(replace(problem, hint="")), Tone.BAD)
    return (told, Text(problem.hint, mark="→")) if problem.hint else (told,)
