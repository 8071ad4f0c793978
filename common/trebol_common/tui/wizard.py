"""Where somebody is among the steps of a wizard: forward, back, and a jump with its way back.

Pure: a place is a value, and which steps there are is asked of the state each time, so that an answer given early can
make a later screen appear or vanish.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

State = TypeVar("State")


@dataclass(frozen=True)
class Step(Generic[State]):
    """A screen by its name, and whether it is shown at all for a state."""

    name: str
    applies: Callable[[State], bool] = lambda state: True


@dataclass(frozen=True)
class Place:
    """The step that is shown; after a jump also the step that both ways lead back to."""

    at: str
    back_to: str | None = None


class Wizard(Generic[State]):
    """The steps in their order. A place whose step applies no more counts as where it stands in that order."""

    def __init__(self, steps: Sequence[Step[State]]) -> None:
        self._steps = tuple(steps)
        self._order = {step.name: number for number, step in enumerate(steps)}

    def first(self, state: State) -> Place:
        """Where a wizard begins."""
        return Place(self.shown(state)[0])

    def knows(self, place: Place) -> bool:
        """Whether there are the steps that a place names."""
        return {place.at, place.back_to} <= {*self._order, None}

    def shown(self, state: State) -> tuple[str, ...]:
        """The names of the steps that apply, in their order."""
        return tuple(step.name for step in self._steps if step.applies(state))

    def forward(self, place: Place, state: State) -> Place:
        """The next step, or the way back of a jump; the last step stays."""
        if place.back_to is not None:
            return Place(place.back_to)
        return self._nearest(place, [name for name in self.shown(state) if self._after(name, place)])

    def back(self, place: Place, state: State) -> Place:
        """The step before, or the way back of a jump; the first step stays."""
        if place.back_to is not None:
            return Place(place.back_to)
        before = [name for name in self.shown(state) if self._after(place.at, Place(name))]
        return self._nearest(place, before[::-1])

    def jump(self, place: Place, to: str) -> Place:
        """Another step, from which both ways lead back here. A jump on the way of a jump keeps the first way back."""
        return replace(place, at=to, back_to=place.back_to or place.at)

    def position(self, place: Place, state: State) -> tuple[int, int]:
        """Which step this is, from 1, of how many."""
        shown = self.shown(state)
        return sum(not self._after(name, place) for name in shown), len(shown)

    def _after(self, name: str, place: Place) -> bool:
        return self._order[name] > self._order[place.at]

    @staticmethod
    def _nearest(place: Place, candidates: Sequence[str]) -> Place:
        return Place(candidates[0]) if candidates else place
