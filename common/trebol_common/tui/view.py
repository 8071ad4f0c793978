"""A page on the screen: title, rows, the hint of the row with the focus, buttons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

import urwid

from trebol_common.i18n import _
from trebol_common.tui.choosing import ListView
from trebol_common.tui.legible import legible
from trebol_common.tui.page import Action, Page
from trebol_common.tui.palette import Signs
from trebol_common.tui.rows import BETWEEN, NARROWEST, Bar, Chosen, Line, Opened, Pressed, Row, Typed, rows_of
from trebol_common.tui.widgets import (
    BarWidget,
    ChosenWidget,
    LineWidget,
    OpenedWidget,
    PressedWidget,
    RowWidget,
    TypedWidget,
)

#: The parts of the screen between which the focus moves.
Part = Literal["body", "footer"]

#: Lines below the rows that a hint has.
HINT_LINES = 2

#: Rows that the rows of a page have on the smallest terminal.
FEWEST_ROWS = 16

#: Columns and rows of a list that opens: for what its last line says, at most as many rows as fit the smallest
#: terminal, and what its frame and that line take.
MENU_WIDTH = 64
MENU_HEIGHT = 20
MENU_FRAME = 3

#: The least size that a page is drawn for: urwid's lists fail with a line or two. A smaller terminal shows a part,
#: with the cursor.
LEAST = (40, 14)

#: What scrolls a page while the buttons have the focus; up and down only where there is nothing to change.
PAGES = ("page up", "page down", "home", "end")
SCROLLS = ("up", "down", *PAGES)


class PageView(urwid.WidgetWrap[urwid.Widget]):
    """Shows one page after the other. `change(key, value)` and `act(name)` are told what somebody does."""

    def __init__(
        self, page: Page, signs: Signs, *, change: Callable[[str, Any], None], act: Callable[[str], None]
    ) -> None:
        self._signs = signs
        self._change = change
        self._act = act
        self._given = page
        self._page = legible(page)
        self._rows: tuple[Row, ...] = ()
        self._walker: urwid.SimpleFocusListWalker[RowWidget[Any]] = urwid.SimpleFocusListWalker([])
        self._list = urwid.ListBox(self._walker)
        self._buttons: urwid.Columns | urwid.GridFlow | None = None
        self._hint = urwid.Text("")
        self._above = urwid.Text("", align="right")
        self._below = urwid.Text("")
        self._frame: urwid.Frame[Any, Any, Any] = urwid.Frame(urwid.Padding(self._list, left=1, right=1))
        super().__init__(urwid.AttrMap(self._frame, "body"))
        urwid.connect_signal(self._walker, "modified", self._show_hint)
        self._begin(self._page)

    @property
    def page(self) -> Page:
        """The page that is shown."""
        return self._page

    def show(self, page: Page) -> None:
        """Show another state of the page, or another page, which then begins at its top."""
        if page == self._given:
            return
        self._given, page = page, legible(page)
        if page.title != self._page.title:
            self._begin(page)
        else:
            self._update(page)

    def _begin(self, page: Page) -> None:
        self._rows = ()
        self._walker.clear()
        self._update(page)
        self._focus_first()

    def _update(self, page: Page) -> None:
        focused = self._focused_name()
        known = {row.name: (row, widget) for row, widget in zip(self._rows, self._walker, strict=True)}
        before_rows, rows = self._rows, rows_of(page, self._signs)
        widgets = [self._widget(row, *known.get(row.name, (None, None))) for row in rows]
        names = [row.name for row in rows]
        if widgets != list(self._walker):
            self._rows = rows
            self._walker[:] = widgets
            if focused in names:
                self._walker.set_focus(names.index(focused))
        self._rows = rows
        before, self._page = self._page, page
        if self._frame.header is None or (page.title, page.step, page.danger) != (
            before.title,
            before.step,
            before.danger,
        ):
            self._frame.header = self._header(page)
        if self._frame.footer is None or (page.actions, page.status) != (before.actions, before.status):
            self._buttons = self._button_row(page.actions)
            self._frame.footer = self._footer(page)
        if self._frame.focus_position == "body" and focused not in names:
            self._focus_first()
        if self._frame.focus_position == "footer" and before_rows and rows[: len(before_rows)] == before_rows != rows:
            self._show_end()
        self._show_hint()

    def _widget(self, row: Row, old: Row | None, widget: RowWidget[Any] | None) -> RowWidget[Any]:
        if widget is None or type(old) is not type(row):
            return self._made(row)
        if row != old:
            widget.show(row)
        return widget

    def _made(self, row: Row) -> RowWidget[Any]:
        match row:
            case Line():
                return LineWidget(row)
            case Typed():
                return TypedWidget(row, self._change)
            case Chosen():
                return ChosenWidget(row, self._change)
            case Opened():
                return OpenedWidget(row, self._open_list)
            case Pressed():
                return PressedWidget(row, self._act)
            case Bar():
                return BarWidget(row)

    def _header(self, page: Page) -> urwid.Widget:
        step = f"{page.step[0]}/{page.step[1]}" if page.step else ""
        line = urwid.Columns([urwid.Text(f" {page.title}", wrap="ellipsis"), ("pack", urwid.Text(f"{step} "))])
        return urwid.Pile([urwid.AttrMap(line, "danger" if page.danger else "title"), self._edge(" ", self._above)])

    def _footer(self, page: Page) -> urwid.Widget:
        rule = self._edge(self._signs.rule, self._below)
        hint = urwid.BoxAdapter(urwid.Filler(urwid.AttrMap(self._hint, "hint"), "top"), HINT_LINES)
        below: list[urwid.Widget] = [rule, urwid.Padding(hint, left=1, right=1)]
        if page.actions and self._buttons is not None:
            below.append(urwid.Padding(self._buttons, left=1, right=1))
        below.append(urwid.AttrMap(urwid.Text(f" {page.status}", wrap="ellipsis"), "hint"))
        pile = urwid.Pile(below)
        if page.actions:
            pile.focus_position = 2
        return pile

    @staticmethod
    def _edge(line: str, end: urwid.Text) -> urwid.Widget:
        """A line across the screen; at its end stands whether the rows go on beyond it."""
        return urwid.Columns([urwid.AttrMap(urwid.Divider(line), "rule"), ("pack", urwid.AttrMap(end, "hint"))])

    def render(self, size: Any, focus: bool = False) -> urwid.Canvas:
        return _part(self._whole(_at_least(size), focus), size)

    def _whole(self, size: Any, focus: bool) -> urwid.Canvas:
        if not self.is_open:
            visible = self._list.ends_visible(self._body_size(size), focus) if self._walker else ("top", "bottom")
            for end, text, sign, key, line in (
                ("top", self._above, self._signs.above, _("more: Page Up"), " "),
                ("bottom", self._below, self._signs.below, _("more: Page Down"), self._signs.rule),
            ):
                # Never empty: urwid draws nothing of no width, and then does not look whether it has changed.
                said = line if end in visible else f" {sign} {key} "
                if text.text != said:
                    text.set_text(("rule", said) if said == line else said)
        return cast("urwid.Canvas", super().render(size, focus))

    def _button_row(self, actions: tuple[Action, ...]) -> urwid.Columns | urwid.GridFlow:
        """The buttons in a line; where they do not fit the smallest terminal so, in several, below each other."""
        buttons = [PressedWidget(Pressed(f"action {action.name}", action), self._act) for action in actions]
        widths = [len(action.text) + 4 for action in actions]
        if sum(widths) + BETWEEN * (len(widths) - 1) > NARROWEST:
            return urwid.GridFlow(buttons, max(widths), BETWEEN, 0, "left")
        return urwid.Columns(list(zip(widths, buttons, strict=True)), BETWEEN)

    def _focused_name(self) -> str | None:
        focus = self._walker.focus if self._walker else None
        return self._rows[focus].name if focus is not None and focus < len(self._rows) else None

    def _focus_first(self) -> None:
        """The first field, below the lines that stand above it, so that a page is read from its beginning."""
        first = next((place for place, widget in enumerate(self._walker) if widget.selectable()), None)
        self._frame.focus_position = "footer" if first is None and self._page.actions else "body"
        if self._walker:
            self._walker.set_focus(first or 0)
            above = sum(widget.rows((NARROWEST,)) for widget in self._walker[: first or 0])
            # Else the list looks for the first field itself, and shows that at its top. (Its type forgets the None.)
            self._list.set_focus_pending = cast("str", None)
            self._list.shift_focus((NARROWEST, FEWEST_ROWS), min(above, FEWEST_ROWS - 1))

    def _show_end(self) -> None:
        """What is added below, such as by the button that was pushed, is to be seen."""
        self._walker.set_focus(len(self._walker) - 1)
        self._list.set_focus_valign("bottom")

    def _show_hint(self) -> None:
        focus = self._walker.focus if self._walker else None
        row = self._walker[focus].row if focus is not None and focus < len(self._walker) else None
        self._hint.set_text(getattr(row, "hint", "") if self._frame.focus_position == "body" else "")

    def keypress(self, size: Any, key: str) -> str | None:
        size = _at_least(size)
        if self.is_open:
            return cast("str | None", super().keypress(size, key))
        if action := next((action for action in self._page.actions if action.key and action.key == key), None):
            self._act(action.name)
            return None
        if key in ("tab", "shift tab"):
            self._other_part(size, backward=key == "shift tab")
            return None
        if key in SCROLLS and (not self._has_fields() or (key in PAGES and self._frame.focus_position == "footer")):
            self._list.keypress(self._body_size(size), key)
            return None
        left = cast("str | None", super().keypress(size, key))
        if left in ("down", "up") and self._move_between_parts(size, left):
            return None
        return left

    def _body_size(self, size: Any) -> tuple[int, int]:
        (_top, _bottom), _rows = self._frame.frame_top_bottom(size, focus=True)
        return size[0] - 2, size[1] - _top - _bottom

    def _move_between_parts(self, size: Any, key: str) -> bool:
        """From the last row down to the buttons, and from these up again."""
        if key == "down" and self._frame.focus_position == "body" and self._page.actions:
            self._frame.focus_position = "footer"
        elif key == "up" and self._frame.focus_position == "footer" and self._has_fields():
            self._frame.focus_position = "body"
            self._focus_row(size, self._places()[-1])
        else:
            return False
        self._show_hint()
        return True

    def _other_part(self, size: Any, *, backward: bool) -> None:
        """Tab: the next field, then the buttons one after the other, then from the top again."""
        stops: list[tuple[Part, int]] = [("body", place) for place in self._places()]
        stops += [("footer", place) for place in range(len(self._page.actions))]
        if not stops:
            return
        # Where the page was scrolled to its end, the focus is on no field. ("body" comes before "footer".)
        here = self._here()
        after = [stop for stop in stops if stop > here] or stops[:1]
        before = [stop for stop in stops if stop < here] or stops[-1:]
        part, place = before[-1] if backward else after[0]
        self._frame.focus_position = part
        if part == "body":
            self._focus_row(size, place)
        elif self._buttons is not None:
            self._buttons.focus_position = place
        self._show_hint()

    def _here(self) -> tuple[Part, int]:
        if self._frame.focus_position == "footer" and self._buttons is not None:
            return "footer", self._buttons.focus_position or 0
        return "body", self._walker.focus or 0

    def _focus_row(self, size: Any, place: int) -> None:
        """Give a row the focus, and scroll no further than it takes to show it and what belongs to it: the lines
        between the fields before and after, as many of them as fit."""
        columns, height = self._body_size(size)
        top = 0
        if self._walker.focus is not None:
            middle, _above, _below = self._list.calculate_visible((columns, height), focus=True)
            top = self._first_line(columns, self._walker.focus) - (middle[0] if middle else 0)
        before = max((other + 1 for other in self._places() if other < place), default=0)
        after = min((other for other in self._places() if other > place), default=len(self._walker))
        first, last = self._first_line(columns, place), self._first_line(columns, place + 1)
        top = max(top, self._first_line(columns, after) - height)
        top = min(top, self._first_line(columns, before))
        top = min(max(top, last - height), first)
        self._walker.set_focus(place)
        self._list.shift_focus((columns, height), first - top)

    def _first_line(self, columns: int, place: int) -> int:
        """The line at which a row begins, counted from the top of the page."""
        return sum(widget.rows((columns,)) for widget in self._walker[:place])

    def _places(self) -> list[int]:
        """The rows that can have the focus."""
        return [place for place, widget in enumerate(self._walker) if widget.selectable()]

    def _has_fields(self) -> bool:
        return bool(self._places())

    def _open_list(self, row: Opened) -> None:
        below = self._w

        def close(value: str | None) -> None:
            self._w = below
            if value is not None and value != row.value:
                self._change(row.key, value)

        width = max(MENU_WIDTH, *(len(option.text) + MENU_FRAME for option in row.options))
        height = min(len(row.options) + MENU_FRAME, MENU_HEIGHT)
        self._w = urwid.Overlay(ListView(row, close), below, "center", min(width, NARROWEST), "middle", height)

    @property
    def is_open(self) -> bool:
        """Whether a list lies over the page."""
        return isinstance(self._w, urwid.Overlay)


def _at_least(size: tuple[int, int]) -> tuple[int, int]:
    return max(size[0], LEAST[0]), max(size[1], LEAST[1])


def _part(whole: urwid.Canvas, size: tuple[int, int]) -> urwid.Canvas:
    """What a terminal of this size shows of a page: from its left edge, and its top, as far as the cursor allows."""
    columns, rows = size
    if (whole.cols(), whole.rows()) == size:
        return whole
    column, row = whole.cursor or (0, 0)
    left = max(0, column + 1 - columns)
    part = urwid.CompositeCanvas(whole)
    part.trim(min(max(0, row - rows // 2), whole.rows() - rows), rows)
    part.pad_trim_left_right(-left, columns + left - whole.cols())
    return part
