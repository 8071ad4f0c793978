"""One widget for each kind of row. A widget shows a row, and is told when the row has become another one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import urwid

from trebol_common.tui.rows import Bar, Chosen, Line, Opened, Pressed, Row, Typed

#: What a widget tells: the key of a field and its new value.
Change = Callable[[str, Any], None]

ACTIVATE = ("enter", " ")

R = TypeVar("R", bound=Row)


class RowWidget(urwid.WidgetWrap[urwid.Widget], Generic[R]):
    """A row on the screen."""

    def __init__(self, row: R) -> None:
        self.row = row
        super().__init__(self.draw(row))

    @abstractmethod
    def draw(self, row: R) -> urwid.Widget:
        """The widget for `row`."""

    def show(self, row: R) -> None:
        """Become another row of the same kind and name."""
        self.row = row
        self._w = self.draw(row)


class LineWidget(RowWidget[Line]):
    """Text that nobody can change."""

    def draw(self, row: Line) -> urwid.Widget:
        text = urwid.Text(row.text, wrap="space" if row.wrapped else "ellipsis")
        if not row.mark:
            return urwid.AttrMap(text, row.tone)
        return urwid.AttrMap(urwid.Columns([(len(row.mark) + 1, urwid.Text(row.mark)), text]), row.tone)


class TypedWidget(RowWidget[Typed]):
    """A line to type into. Enter goes on to the next row."""

    def __init__(self, row: Typed, change: Change) -> None:
        self._change = change
        self._edit = urwid.Edit(edit_text=row.value, mask="*" if row.secret else None, wrap="clip")
        # The cursor of a line that was filled in stands behind it.
        self._edit.set_edit_pos(len(row.value))
        urwid.connect_signal(self._edit, "postchange", self._typed)
        super().__init__(row)

    def draw(self, row: Typed) -> urwid.Widget:
        return urwid.Columns(
            [(row.width, urwid.Text(row.label)), urwid.AttrMap(self._edit, "field", "focus")], focus_column=1
        )

    def show(self, row: Typed) -> None:
        same_label = (row.label, row.width) == (self.row.label, self.row.width)
        self.row = row
        if row.value != self._edit.edit_text:
            self._edit.set_edit_text(row.value)
        if not same_label:
            self._w = self.draw(row)

    def _typed(self, edit: urwid.Edit, _: str) -> None:
        if edit.edit_text != self.row.value:
            self._change(self.row.key, edit.edit_text)

    def keypress(self, size: Any, key: str) -> str | None:
        return "down" if key == "enter" else super().keypress(size, key)


class Selectable(RowWidget[R]):
    """A row that keys are sent to, drawn bright while it has the focus."""

    _selectable = True

    def keypress(self, size: Any, key: str) -> str | None:
        if key in ACTIVATE and self.activate():
            return None
        return key

    @abstractmethod
    def activate(self) -> bool:
        """Do what Enter asks for; False where that is nothing."""


class ChosenWidget(Selectable[Chosen]):
    """An option to choose or to mark, or a switch."""

    def __init__(self, row: Chosen, change: Change) -> None:
        self._change = change
        super().__init__(row)

    def draw(self, row: Chosen) -> urwid.Widget:
        first = urwid.Columns(
            [(len(row.sign) + 1, urwid.Text(row.sign)), urwid.SelectableIcon(row.text, cursor_position=0)]
        )
        tone = "body" if row.open else "dim"
        line: urwid.Widget = urwid.AttrMap(first, tone, "focus")
        if not row.note:
            return line
        note = urwid.Padding(urwid.AttrMap(urwid.Text(row.note), "dim"), left=len(row.sign) + 1)
        return urwid.Pile([line, note])

    def activate(self) -> bool:
        if self.row.open:
            self._change(self.row.key, self.row.becomes)
        return True


class OpenedWidget(Selectable[Opened]):
    """The chosen one of many."""

    def __init__(self, row: Opened, open_list: Callable[[Opened], None]) -> None:
        self._open = open_list
        super().__init__(row)

    def draw(self, row: Opened) -> urwid.Widget:
        text = urwid.SelectableIcon(row.text or " ", cursor_position=0)
        value = urwid.AttrMap(urwid.Columns([text, (len(row.sign) + 1, urwid.Text(row.sign))]), "field", "focus")
        return urwid.Columns([(row.width, urwid.Text(row.label)), value], focus_column=1)

    def activate(self) -> bool:
        self._open(self.row)
        return True


class PressedWidget(Selectable[Pressed]):
    """A button."""

    def __init__(self, row: Pressed, act: Callable[[str], None]) -> None:
        self._act = act
        super().__init__(row)

    def draw(self, row: Pressed) -> urwid.Widget:
        text = f"< {row.action.text} >"
        tone = row.action.tone if row.action.tone != "plain" else "button"
        icon = urwid.SelectableIcon(text, cursor_position=2)
        return urwid.Padding(urwid.AttrMap(icon, tone, "focus"), width=len(text))

    def activate(self) -> bool:
        self._act(self.row.action.name)
        return True


class BarWidget(RowWidget[Bar]):
    """A bar as wide as the screen, and a line below it."""

    def draw(self, row: Bar) -> urwid.Widget:
        bar = urwid.ProgressBar("bar", "bar done", current=round(100 * (row.done or 0.0)), done=100)
        return urwid.Pile([bar, urwid.Text(row.text)] if row.done is not None else [urwid.Text(row.text)])
