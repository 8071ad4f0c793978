"""A topic that somebody has opened: what is known of it, what was typed, and what its buttons came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Generic, TypeVar

from trebol_common.errors import Problem, TrebolError, of_system
from trebol_common.i18n import _
from trebol_common.tui.app import Jobs
from trebol_common.tui.page import Action, Element, Gap, Page, Text, Tone
from trebol_firstboot.screens.topic import Button, Topic, Typed
from trebol_firstboot.screens.world import Task, World

Known = TypeVar("Known")
Result = TypeVar("Result")


class Opened(Generic[Known]):
    """`began` is told of a task that a button has begun, `end` that the wizard is to end."""

    def __init__(
        self,
        topic: Topic[Known],
        world: World,
        jobs: Jobs,
        *,
        began: Callable[[str, Task], None],
        end: Callable[[], None],
    ) -> None:
        self.topic = topic
        self._world = world
        self._jobs = jobs
        self._began = began
        self._end = end
        #: In a tuple, as None may be all that is to be known.
        self._known: tuple[Known] | None = None
        self._typed = Typed()
        self._said: tuple[Element, ...] = ()
        self._busy = False
        self.read()

    def page(self) -> Page:
        """What is to be seen of it."""
        topic, back = self.topic, Action("back", _("Back"))
        if self._known is None:
            return Page(topic.title(), self._said or (Text(_("One moment…")),), (back,))
        said = (Text(_("One moment…")),) if self._busy else self._said
        return Page(
            topic.title(),
            (*topic.elements(self._known[0], self._typed), *((Gap(), *said) if said else ())),
            (*(Action(each.name, each.text(), tone=each.tone) for each in self._buttons(self._known[0])), back),
        )

    def change(self, key: str, value: Any) -> None:
        """Somebody gave a field another value."""
        self._typed = replace(self._typed, values={**self._typed.values, key: value})
        self._said = ()

    def act(self, name: str) -> None:
        """Somebody pressed a button."""
        if self._known is None or self._busy:
            return
        button = next((each for each in self._buttons(self._known[0]) if each.name == name), None)
        if button is None:
            return
        known, typed = self._known[0], self._typed
        if self.topic.problems(known, typed):
            self._typed = replace(typed, insist=True)
            return
        self._busy = True
        self._jobs.start(lambda: _tried(lambda: button.do(self._world, known, typed)), self._did)

    def _buttons(self, known: Known) -> tuple[Button[Known], ...]:
        return tuple(each for each in self.topic.buttons if each.when(known, self._typed))

    def _did(self, result: str | Task | None | TrebolError) -> None:
        self._busy = False
        match result:
            case TrebolError():
                self._said = _failed(result.problems)
            case Task():
                self._began(self.topic.title(), result)
            case None:
                self._end()
            case said:
                self._said = (Text(said, Tone.GOOD),) if said else ()
                self.read()

    def read(self) -> None:
        """Ask the world anew; what is shown stays until then."""
        self._jobs.start(lambda: _tried(lambda: self.topic.read(self._world)), self._answered)

    def _answered(self, answer: Known | TrebolError) -> None:
        if isinstance(answer, TrebolError):
            self._known, self._said = None, _failed(answer.problems)
            return
        self._known = (answer,)
        self._typed = Typed(dict(self.topic.fields(answer)))


def _tried(work: Callable[[], Result]) -> Result | TrebolError:
    try:
        return work()
    except (TrebolError, OSError) as error:
        return of_system(error) if isinstance(error, OSError) else error


def _failed(problems: tuple[Problem, ...]) -> tuple[Element, ...]:
    told = [Text(str(replace(problem, hint="")), Tone.BAD, "→") for problem in problems]
    hints = [Text(problem.hint, Tone.DIM, " ") for problem in problems[-1:] if problem.hint]
    return (*told, *hints)
