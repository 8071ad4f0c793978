"""The loop of a console program: keys go to a controller, its pages to the screen, slow work to threads beside it."""

from __future__ import annotations

import fcntl
import os
import queue
import struct
import termios
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

import urwid

from trebol_common.run import interactive
from trebol_common.tui.page import SHELL, Page
from trebol_common.tui.palette import ASCII, PALETTE, UTF8
from trebol_common.tui.view import PageView

Result = TypeVar("Result")

#: Seconds after which a lone escape byte is the key Esc, and not the beginning of another key's sequence. A serial
#: line of 9600 baud takes a millisecond for a byte, a BMC's console over a bad network longer.
ESCAPE_WAIT = 0.2

#: The size of a terminal that nobody knows the size of.
COLUMNS, ROWS = 80, 24

#: The key that opens a shell, in programs that offer it: on a serial line there is no other terminal to go to.
SHELL_KEY = "ctrl x"

#: What that shell is, where nothing else is said.
ROOT_SHELL = ("bash", "--login")

#: Seconds after which a page is made anew though nothing has happened.
TICK = 1.0


class Jobs(Protocol):
    """Who does what would hold up the keyboard."""

    def start(self, work: Callable[[], Result], done: Callable[[Result], None]) -> None:
        """Do `work` on a thread, then give its result to `done` in the loop. `work` raises nothing."""

    def follow(self, items: Iterable[Result], each: Callable[[Result], None]) -> None:
        """Give what a thread gets of `items` to `each` in the loop, one after the other."""


class Controller(Protocol):
    """What a console program is about."""

    def begin(self, jobs: Jobs) -> None:
        """Called once, before the first page."""

    def page(self) -> Page | None:
        """What is to be seen now; None ends the program."""

    def change(self, key: str, value: Any) -> None:
        """Somebody gave a field another value."""

    def act(self, name: str) -> None:
        """Somebody pressed a button."""


class App:
    """A controller on a terminal, by default that of stdin and stdout.

    `shell`: whether `SHELL_KEY` opens one. `lends` is the program that the button `SHELL` gives the terminal to until
    it ends; with none, nothing happens.
    """

    def __init__(
        self,
        controller: Controller,
        screen: urwid.display.BaseScreen | None = None,
        *,
        shell: bool = False,
        lends: Callable[[], Sequence[str]] = lambda: ROOT_SHELL,
    ) -> None:
        self._controller = controller
        self._shell = shell
        self._lends = lends
        self._results: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._screen = screen or _terminal()
        self._wake = -1
        self._view: PageView | None = None

    def run(self) -> None:
        """Until the controller has no page any more."""
        page = self._controller.page()
        if page is None:
            return
        signs = UTF8 if urwid.util.get_encoding() == "utf-8" else ASCII
        self._view = PageView(page, signs, change=self._changed, act=self._acted)
        loop = urwid.MainLoop(
            self._view, PALETTE, self._screen, handle_mouse=False, unhandled_input=self._not_handled
        )
        self._wake = loop.watch_pipe(self._take)
        # The first page is drawn before anything else is begun.
        loop.set_alarm_in(0, lambda *_: self._controller.begin(self))
        loop.set_alarm_in(TICK, self._tick)
        loop.run()

    def start(self, work: Callable[[], Result], done: Callable[[Result], None]) -> None:
        """See `Jobs.start`."""
        self._in_thread(lambda: self._put(done, work()))

    def follow(self, items: Iterable[Result], each: Callable[[Result], None]) -> None:
        """See `Jobs.follow`."""

        def follow() -> None:
            for item in items:
                self._put(each, item)

        self._in_thread(follow)

    def _put(self, take: Callable[[Result], None], result: Result) -> None:
        self._results.put(lambda: take(result))
        os.write(self._wake, b"\n")

    def _in_thread(self, work: Callable[[], None]) -> None:
        def work_or_tell() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001
                # What nobody foresaw ends the program, and not only a thread that somebody waits for.
                self._put(_raise, error)

        threading.Thread(target=work_or_tell, daemon=True).start()

    def _tick(self, loop: urwid.MainLoop, _: object) -> None:
        """Time goes on, which a page may show."""
        self._show()
        loop.set_alarm_in(TICK, self._tick)

    def _take(self, _: bytes) -> bool:
        while not self._results.empty():
            self._results.get()()
        self._show()
        return True

    def _changed(self, key: str, value: Any) -> None:
        self._controller.change(key, value)
        self._show()

    def _acted(self, name: str) -> None:
        if name == SHELL:
            self._lend_terminal()
        else:
            self._controller.act(name)
        self._show()

    def _lend_terminal(self) -> None:
        """A shell in our place until it ends."""
        if not (program := self._lends()):
            return
        self._screen.stop()
        try:
            interactive(program)
        finally:
            self._screen.start()
            self._screen.clear()

    def _not_handled(self, key: str | tuple[str, int, int, int]) -> bool:
        if key == "esc" and self._view and any(action.name == "back" for action in self._view.page.actions):
            self._acted("back")
        elif key == SHELL_KEY and self._shell:
            self._acted(SHELL)
        elif key == "ctrl l":
            self._screen.clear()
        else:
            return False
        return True

    def _show(self) -> None:
        page = self._controller.page()
        if page is None:
            raise urwid.ExitMainLoop
        if self._view is not None:
            if page.title != self._view.page.title:
                # Kernel and service manager may have written over the page before.
                self._screen.clear()
            self._view.show(page)


def _raise(error: BaseException) -> None:
    raise error


class _Screen(urwid.display.raw.Screen):
    """One that Ctrl+\\, Ctrl+Z and Ctrl+S neither end nor stop: on a console there is no shell to continue it."""

    def _start(self, alternate_buffer: bool = True) -> None:
        super()._start(alternate_buffer)
        self.tty_signal_keys(quit="undefined", start="undefined", stop="undefined", susp="undefined")


def _terminal() -> urwid.display.BaseScreen:
    """That of stdin and stdout; a serial line whose other end has not told its size has the smallest one."""
    if not any(os.get_terminal_size(0)):
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    screen = _Screen()
    screen.set_input_timeouts(complete_wait=ESCAPE_WAIT)
    return screen
