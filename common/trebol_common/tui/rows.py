"""A page as a flat list of rows, each of which is a line or two on the screen: what is drawn, before it is drawn.

Pure. Rows have a name, by which a row of the next page is known to be the same one: its widget, its focus and its
cursor stay.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from trebol_common.tui.legible import width as columns_of
from trebol_common.tui.page import (
    Action,
    Choice,
    Element,
    Gap,
    Input,
    Marks,
    Option,
    Page,
    Progress,
    Qr,
    Rows,
    Text,
    Toggle,
    Tone,
)
from trebol_common.tui.palette import Signs
from trebol_common.tui.qr import half_blocks

#: Options of a choice beyond which they are not all shown, but open as a list.
FEW = 6
#: Columns of the labels before inputs, at least.
LABELS = 12
#: Columns between the cells of a row, and between buttons.
BETWEEN = 2
#: Columns that the rows of a page have on the smallest terminal, 80x24.
NARROWEST = 78


@dataclass(frozen=True)
class Line:
    """Something to read. `wrapped` breaks it at words, below `mark`; else it is cut at the edge."""

    name: str
    text: str = ""
    tone: str = Tone.PLAIN
    mark: str = ""
    wrapped: bool = True


@dataclass(frozen=True)
class Typed:
    """A label, and a line to type into."""

    name: str
    key: str
    label: str
    width: int
    value: str
    hint: str
    secret: bool


@dataclass(frozen=True)
class Chosen:
    """A sign and a text that Enter or blank chooses, marks or switches; `becomes` is the value that it then tells."""

    name: str
    key: str
    sign: str
    text: str
    note: str
    hint: str
    becomes: str | tuple[str, ...] | bool
    open: bool = True


@dataclass(frozen=True)
class Opened:
    """A label and the chosen option of many; Enter opens the list of all."""

    name: str
    key: str
    label: str
    width: int
    sign: str
    text: str
    hint: str
    options: tuple[Option, ...]
    value: str


@dataclass(frozen=True)
class Pressed:
    """A button among the rows."""

    name: str
    action: Action


@dataclass(frozen=True)
class Bar:
    """How far something is."""

    name: str
    done: float | None
    text: str


Row = Line | Typed | Chosen | Opened | Pressed | Bar


def rows_of(page: Page, signs: Signs) -> tuple[Row, ...]:
    """All rows of a page, from the top."""
    labels = [
        len(element.label)
        for element in page.elements
        if isinstance(element, Input) or (isinstance(element, Choice) and _is_list(element))
    ]
    width = max([LABELS, *labels]) + BETWEEN
    return tuple(row for number, element in enumerate(page.elements) for row in _rows(element, number, width, signs))


def _rows(element: Element, number: int, width: int, signs: Signs) -> Iterator[Row]:
    match element:
        case Gap():
            yield Line(f"{number}")
        case Text():
            yield Line(f"{number}", element.text, element.tone, element.mark)
        case Rows():
            for place, text in enumerate(columns(element.rows)):
                yield Line(f"{number}.{place}", text, element.tone, wrapped=False)
        case Input():
            yield Typed(element.key, element.key, element.label, width, element.value, element.hint, element.secret)
            yield from _problem(element.key, element.problem, width, signs)
        case Choice() if _is_list(element):
            text = next((option.text for option in element.options if option.value == element.value), "")
            yield Opened(
                element.key,
                element.key,
                element.label,
                width,
                signs.opens,
                text,
                element.hint,
                element.options,
                element.value,
            )
            yield from _problem(element.key, element.problem, width, signs)
        case Choice():
            yield from _heading(element.key, element.label)
            for option in element.options:
                sign = signs.chosen if option.value == element.value else signs.not_chosen
                yield _option(element, option, sign, option.value)
            yield from _problem(element.key, element.problem, 0, signs)
        case Marks():
            yield from _heading(element.key, element.label)
            for option in element.options:
                marked = option.value in element.values
                sign = signs.marked if marked else signs.not_marked
                yield _option(element, option, sign, _switched(element, option.value))
            yield from _problem(element.key, element.problem, 0, signs)
        case Toggle():
            sign = signs.marked if element.value else signs.not_marked
            yield Chosen(element.key, element.key, sign, element.label, "", element.hint, not element.value)
            yield from _problem(element.key, element.problem, 0, signs)
        case Progress():
            yield Bar(element.key, element.done, element.text)
        case Qr():
            yield from _qr(element, number, signs)
        case Action():
            yield Pressed(f"action {element.name}", element)


#: A word or two, and the gap after it.
_LABEL = re.compile(r"\S.{0,16}?\s{2,}")


def _qr(element: Qr, number: int, signs: Signs) -> Iterator[Row]:
    code = half_blocks(element.text) if signs.blocks else ()
    width = max(map(len, code), default=0)
    room = NARROWEST - width - BETWEEN
    beside = [line for text in element.beside for line in (*_wrapped(text, room), "")]
    for place in range(max(len(code), len(beside))):
        left = code[place] if place < len(code) else " " * width
        right = beside[place] if place < len(beside) else ""
        line = f"{left}{' ' * BETWEEN}{right}" if width else right
        yield Line(f"{number}.{place}", line.rstrip(), Tone.STRONG, wrapped=False)


def _wrapped(text: str, room: int) -> Iterator[str]:
    """Lines that fit; what goes on of a line with a label goes on below its text."""
    for line in text.split("\n"):
        label = _LABEL.match(line)
        indent = " " * len(label[0]) if label else ""
        yield from textwrap.wrap(line, room, subsequent_indent=indent, break_on_hyphens=False) or ("",)


def _is_list(choice: Choice) -> bool:
    return choice.opens or len(choice.options) > FEW


def _heading(key: str, label: str) -> Iterator[Row]:
    if label:
        yield Line(f"{key} label", label, Tone.STRONG)


def _option(field: Choice | Marks, option: Option, sign: str, becomes: str | tuple[str, ...]) -> Chosen:
    return Chosen(
        f"{field.key}={option.value}",
        field.key,
        sign,
        option.text,
        option.refused or option.note,
        field.hint,
        becomes,
        open=not option.refused,
    )


def _switched(field: Marks, value: str) -> tuple[str, ...]:
    """The marked values in the order of the options, with one more or one less."""
    marked = {*field.values} ^ {value}
    return tuple(option.value for option in field.options if option.value in marked)


def _problem(key: str, problem: str, indent: int, signs: Signs) -> Iterator[Row]:
    if problem:
        yield Line(f"{key} problem", problem, "problem", " " * indent + signs.problem)


def columns(rows: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """Cells laid out in columns, the last one of each row as it is."""
    widths: dict[int, int] = {}
    for row in rows:
        for place, cell in enumerate(row[:-1]):
            widths[place] = max(widths.get(place, 0), columns_of(cell))
    between = " " * BETWEEN
    return tuple(
        between.join([*(_filled(cell, widths[place]) for place, cell in enumerate(row[:-1])), row[-1]]).rstrip()
        for row in rows
        if row
    )


def _filled(cell: str, columns: int) -> str:
    return cell + " " * (columns - columns_of(cell))
