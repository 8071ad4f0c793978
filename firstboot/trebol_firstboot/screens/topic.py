"""What somebody does on a page of the wizard, as data: what it shows, which fields it has, what its buttons do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from trebol_common.tui.page import Element, Tone
from trebol_firstboot.screens.world import Task, World

Known = TypeVar("Known")


@dataclass(frozen=True)
class Typed:
    """What was typed into the fields of a page, by key, and whether what is missing is to be told."""

    values: dict[str, object] = field(default_factory=dict)
    insist: bool = False

    def text(self, key: str) -> str:
        """The text of a field; empty where nothing was typed."""
        value = self.values.get(key, "")
        return value if isinstance(value, str) else ""

    def several(self, key: str) -> tuple[str, ...]:
        """What is marked, or typed into several lines."""
        value = self.values.get(key, ())
        return tuple(map(str, value)) if isinstance(value, tuple) else ()

    def yes(self, key: str) -> bool:
        """Whether a switch is on."""
        return bool(self.values.get(key))


@dataclass(frozen=True)
class Button(Generic[Known]):
    """`do` changes the world, beside the screen, and returns what is said of it, or the task that does it; None ends
    the wizard. Nothing is done while something is wrong with the fields. `when` says whether it is there at all."""

    name: str
    text: Callable[[], str]
    do: Callable[[World, Known, Typed], str | Task | None]
    tone: Tone = Tone.PLAIN
    when: Callable[[Known, Typed], bool] = lambda known, typed: True


@dataclass(frozen=True)
class Topic(Generic[Known]):
    """`read` asks the world, beside the screen; `fields` is what is in the fields at first; `elements` is pure, and
    so is `problems`: what is wrong with the fields, by key. `limited`: whether it needs no daemon."""

    name: str
    title: Callable[[], str]
    read: Callable[[World], Known]
    elements: Callable[[Known, Typed], tuple[Element, ...]]
    fields: Callable[[Known], Mapping[str, Any]] = lambda known: {}
    problems: Callable[[Known, Typed], Mapping[str, str]] = lambda known, typed: {}
    buttons: tuple[Button[Known], ...] = ()
    limited: bool = False
