"""The node's wizard on recorded machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tests.screens.installer import recorded
from tests.screens.terminal import AtOnce, Terminal

from trebol_common.network import BondMode
from trebol_firstboot.screens.controller import Wizard
from trebol_firstboot.screens.recorded import RecordedWorld

PASSWORD = "correct horse"

#: The usual way on, in each language.
LOG_IN = {"en": "< Log in >", "es": "< Entrar >"}


class Clock:
    """Time that stands still unless it is told to go on."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Stepwise(AtOnce):
    """Jobs that are done at once, but tasks are followed line by line: `step` gives the next news."""

    def __init__(self, *, held: bool = False) -> None:
        super().__init__(held=held)
        self._news: list[Callable[[], bool]] = []

    def follow(self, items: Iterable[Any], each: Callable[[Any], None]) -> None:
        """See `Jobs.follow`."""
        source = iter(items)

        def step() -> bool:
            for item in source:
                each(item)
                return True
            return False

        self._news.append(step)

    def step(self) -> bool:
        """The next news of the task that was begun last; False where there are none any more."""
        return self._news[-1]()


class OnConsole(Terminal[Wizard]):
    """The wizard on a terminal, with its world, its clock and its jobs."""

    def __init__(self, world: RecordedWorld, language: str, *, held: bool = False, **others: Any) -> None:
        self.world = world
        self.clock = Clock()
        self.jobs = Stepwise(held=held)
        super().__init__(Wizard(world, language=language, now=self.clock), jobs=self.jobs, **others)

    def step(self) -> bool:
        """The next news of a task."""
        more = self.jobs.step()
        self.refresh()
        return more

    def pass_time(self, seconds: float) -> None:
        """Let time go on."""
        self.clock.seconds += seconds
        self.refresh()

    def act(self, *names: str) -> None:
        """Press buttons by what they are called in the code, in any language."""
        for name in names:
            self.controller.act(name)
            self.refresh()

    def change(self, **values: Any) -> None:
        """Fill fields by their keys, dots written as two underscores."""
        for key, value in values.items():
            self.controller.change(key.replace("__", ".").replace("_", " "), value)
            self.refresh()

    def log_in(self, user: str = "root", password: str = PASSWORD) -> None:
        """As somebody does with keys but for the labels."""
        self.act("log in")
        self.change(user=user, password=password)
        self.act("enter")


def console(machine: str = "rack-server", language: str = "en", *, held: bool = False, **world: Any) -> OnConsole:
    """The first page on a recorded machine."""
    return OnConsole(
        RecordedWorld(recorded(machine), **{"password": PASSWORD, "pause": 0.0, **world}), language, held=held
    )


def inside(machine: str = "rack-server", language: str = "en", *, at: str = "", **world: Any) -> OnConsole:
    """The menu, or a topic of it."""
    shown = console(machine, language, **world)
    shown.log_in()
    if at:
        shown.act(f"go {at}")
    return shown


def bonded(shown: OnConsole) -> OnConsole:
    """Two interfaces as one, on the page of the network."""
    shown.change(bonded=True, ports=("eno8303", "eno8403"), bond__mode=BondMode.LACP)
    return shown
