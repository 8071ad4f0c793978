"""What a screen consists of: pure values. Who makes them knows no urwid, who draws them not what they are about.

An element that can be changed has a `key`, by which its change is told, and by which it is found again on the next
page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

#: The button that opens a shell; no controller is told of it.
SHELL = "shell"


class Tone(StrEnum):
    """How a text is meant; the palette makes colours of it, and where there are none, brightness."""

    PLAIN = "plain"
    STRONG = "strong"
    DIM = "dim"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True)
class Text:
    """A paragraph, wrapped at words; with `mark` hanging before it, such as the sign of a verdict."""

    text: str
    tone: Tone = Tone.PLAIN
    mark: str = ""


@dataclass(frozen=True)
class Rows:
    """Lines that are not wrapped but cut, in columns as wide as their widest cell, the last one taking the rest."""

    rows: tuple[tuple[str, ...], ...]
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True)
class Gap:
    """An empty line."""


@dataclass(frozen=True)
class Input:
    """A line to type into. `problem` is what is wrong with its value, `hint` what it is for."""

    key: str
    label: str
    value: str = ""
    hint: str = ""
    problem: str = ""
    secret: bool = False


@dataclass(frozen=True)
class Option:
    """One of several things to choose: what it is called in the answers, and for people."""

    value: str
    text: str
    #: What a second, dimmed line says of it.
    note: str = ""
    #: Why it cannot be chosen; it is shown all the same.
    refused: str = ""


@dataclass(frozen=True)
class Choice:
    """One of several. Few are shown at once, many in a list that opens and takes the first letters; `opens` makes it
    such a list however few they are."""

    key: str
    label: str
    options: tuple[Option, ...]
    value: str = ""
    hint: str = ""
    problem: str = ""
    opens: bool = False


@dataclass(frozen=True)
class Marks:
    """Any number of several, each a row to mark."""

    key: str
    label: str
    options: tuple[Option, ...]
    values: tuple[str, ...] = ()
    hint: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Toggle:
    """Yes or no."""

    key: str
    label: str
    value: bool = False
    hint: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Progress:
    """Work that runs: how much of it is done (0 to 1, None: nobody knows), and what is said beside it."""

    key: str
    done: float | None
    text: str = ""


@dataclass(frozen=True)
class Qr:
    """A QR code of `text`, and paragraphs at its right, whose lines stay; without UTF-8 these alone."""

    text: str
    beside: tuple[str, ...]


@dataclass(frozen=True)
class Action:
    """A button. `key` is its function key where it has one, such as "f2"."""

    name: str
    text: str
    key: str = ""
    tone: Tone = Tone.PLAIN


Field = Input | Choice | Marks | Toggle
Element = Text | Rows | Gap | Field | Progress | Qr | Action


@dataclass(frozen=True)
class Page:
    """A whole screen. `step` is which one it is of how many; `actions` are the buttons below, the usual one first.

    `danger` draws the title as a warning. `status` is what the last line says, such as who drives.
    """

    title: str
    elements: tuple[Element, ...]
    actions: tuple[Action, ...] = ()
    step: tuple[int, int] | None = None
    danger: bool = False
    status: str = ""

    def fields(self) -> Iterator[Field]:
        """The elements that can be changed, from the top."""
        for element in self.elements:
            if isinstance(element, Input | Choice | Marks | Toggle):
                yield element
