"""The installer's screens on an 80x24 terminal: keys in, what a person sees out, drawn by urwid and read by pyte."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar, cast

import pyte
import urwid

from trebol_common.tui.app import Controller
from trebol_common.tui.page import Page
from trebol_common.tui.palette import PALETTE, UTF8, Signs
from trebol_common.tui.view import PageView

SIZE = (80, 24)

Shown = TypeVar("Shown", bound=Controller)

#: Keys by names that are shorter than urwid's, for tests that type much.
NAMES = {"blank": " "}


class AtOnce:
    """Jobs that are done before anything else happens; with `held`, not before `release`."""

    def __init__(self, *, held: bool = False) -> None:
        self._held: list[Callable[[], None]] | None = [] if held else None

    def start(self, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """See `Jobs.start`."""
        self._do(lambda: done(work()))

    def follow(self, items: Iterable[Any], each: Callable[[Any], None]) -> None:
        """See `Jobs.follow`."""

        def follow() -> None:
            for item in items:
                each(item)

        self._do(follow)

    def release(self) -> None:
        """Do what was held, and from now on all at once."""
        held, self._held = self._held or [], None
        for work in held:
            work()

    def _do(self, work: Callable[[], Any]) -> None:
        if self._held is None:
            work()
        else:
            self._held.append(work)


class Terminal(Generic[Shown]):
    """What is typed into the screens, and what is to be seen of them."""

    def __init__(
        self,
        controller: Shown,
        *,
        jobs: AtOnce | None = None,
        size: tuple[int, int] = SIZE,
        signs: Signs = UTF8,
    ) -> None:
        self.controller = controller
        self.size = size
        self._jobs = jobs or AtOnce()
        page = controller.page()
        assert page is not None
        self.view = PageView(page, signs, change=self._change, act=self._act)
        controller.begin(self._jobs)
        self.refresh()

    def press(self, *keys: str) -> None:
        """Press keys one after the other, by urwid's names ("enter", "shift tab") or as the letter itself."""
        for key in keys:
            self.view.keypress(self.size, NAMES.get(key, key))

    def type(self, text: str) -> None:
        """Type the letters of a text."""
        self.press(*text)

    def go_to(self, label: str) -> None:
        """Move with Tab until the row with this label, or the button, has the focus."""
        for _ in range(100):
            if label in self.focused():
                return
            self.press("tab")
        raise AssertionError(f"{label!r} is nothing that Tab leads to:\n{self.text()}")

    def push(self, label: str) -> None:
        """Push the button with this label."""
        self.go_to(label)
        self.press("enter")

    def switch(self, label: str) -> None:
        """Mark the row with this label, or take its mark away."""
        self.go_to(label)
        self.press("blank")

    def fill(self, label: str, text: str) -> None:
        """Type into the field with this label."""
        self.go_to(label)
        self.type(text)

    def focused(self) -> str:
        """The line with the cursor, or of several buttons in a line, the one under the cursor."""
        # By urwid's own canvas: drawing it, as a person sees it, takes ten times as long.
        canvas = self.view.render(self.size, focus=True)
        assert canvas.cursor is not None, "every screen has something to press"
        column, row = canvas.cursor
        line = str(canvas.text[row].decode())
        before, after = line[:column], line[column:]
        if "< " in line and ">" in after:
            return before[before.rfind("<") :] + after[: after.find(">") + 1]
        return line

    def release(self) -> None:
        """Let held jobs end."""
        self._jobs.release()
        self.refresh()

    def refresh(self) -> None:
        """Show what has happened beside the keys."""
        page = self.controller.page()
        if page is not None:
            self.view.show(page)

    @property
    def page(self) -> Page:
        """What is drawn."""
        return self.view.page

    def text(self) -> str:
        """The screen's lines, without the blanks at their ends."""
        return "\n".join(line.rstrip() for line in self._draw().display) + "\n"

    def _change(self, key: str, value: Any) -> None:
        self.controller.change(key, value)
        self.refresh()

    def _act(self, name: str) -> None:
        self.controller.act(name)
        self.refresh()

    def _draw(self) -> pyte.Screen:
        columns, rows = self.size
        terminal = pyte.Screen(columns, rows)
        feed = pyte.ByteStream(terminal)
        reading, writing = os.openpty()
        with os.fdopen(writing, "r+b", buffering=0) as raw, os.fdopen(os.dup(writing), "w", encoding="utf-8") as out:
            screen = urwid.display.raw.Screen(input=cast("Any", raw), output=out)
            screen.register_palette(PALETTE)
            screen.start(alternate_buffer=False)
            _drain(reading, out)
            screen.draw_screen(self.size, self.view.render(self.size, focus=True))
            feed.feed(_drain(reading, out))
            screen.stop()
        os.close(reading)
        return terminal


def _drain(reading: int, out: Any) -> bytes:
    """All that was written until now."""
    out.flush()
    os.set_blocking(reading, False)
    found = b""
    try:
        while chunk := os.read(reading, 65536):
            found += chunk
    except BlockingIOError:
        pass
    return found
