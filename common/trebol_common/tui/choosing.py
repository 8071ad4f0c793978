"""A list of many options over the page: letters narrow it, Enter chooses, Esc leaves all as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import urwid

from trebol_common.i18n import _
from trebol_common.tui.page import Option
from trebol_common.tui.rows import Opened


class ListView(urwid.WidgetWrap[urwid.Widget]):
    """Calls `close` with the chosen value, or None."""

    def __init__(self, row: Opened, close: Callable[[str | None], None]) -> None:
        self._options = row.options
        self._close = close
        self._typed = ""
        self._filter = urwid.Text("")
        self._walker: urwid.SimpleFocusListWalker[urwid.Widget] = urwid.SimpleFocusListWalker([])
        self._shown: tuple[Option, ...] = ()
        frame: urwid.Frame[Any, Any, Any] = urwid.Frame(
            urwid.ListBox(self._walker), footer=urwid.AttrMap(self._filter, "hint")
        )
        super().__init__(urwid.AttrMap(urwid.LineBox(frame, title=row.label), "body"))
        self._narrow("", at=row.value)

    def _narrow(self, typed: str, at: str = "") -> None:
        """Show what begins with, or else contains, what was typed; keep all where nothing does."""
        wanted = typed.casefold()
        found = [option for option in self._options if _starts(option, wanted)] or [
            option for option in self._options if wanted in option.text.casefold()
        ]
        if not found:
            return
        self._typed = typed
        self._shown = tuple(found)
        self._walker[:] = [
            urwid.AttrMap(urwid.SelectableIcon(option.text, cursor_position=0), "body", "focus") for option in found
        ]
        values = [option.value for option in found]
        self._walker.set_focus(values.index(at) if at in values else 0)
        self._filter.set_text(typed or _("Type its first letters; Enter chooses, Esc goes back"))

    def keypress(self, size: Any, key: str) -> str | None:
        match key:
            case "esc":
                self._close(None)
            case "enter":
                self._close(self._shown[self._walker.focus or 0].value)
            case "backspace":
                self._narrow(self._typed[:-1])
            case _ if len(key) == 1 and key.isprintable():
                self._narrow(self._typed + key)
            case _:
                return cast("str | None", super().keypress(size, key))
        return None


def _starts(option: Option, wanted: str) -> bool:
    """Whether a word of the option's text begins with what is wanted: "mad" finds Europe/Madrid."""
    text = option.text.casefold().replace("_", " ")
    return text.startswith(wanted) or any(
        part.startswith(wanted) for part in text.replace("/", " ").replace("(", " ").split()
    )
