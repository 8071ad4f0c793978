"""The installer's screens on the serial line of a machine: what stands there, and keys."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pyte
from tests.e2e.lab import patient

from trebol_image.qemu import VirtualMachine
from trebol_image.qemu.errors import DeadlinePassed

COLUMNS, ROWS = 80, 24
#: Seconds from the medium's start to the first screen, and from a key to what it leads to.
FIRST_WITHIN = 400.0
SHOWN_WITHIN = 60.0
MOVED_WITHIN = 60.0
#: Seconds without a change after which a page is drawn.
STEADY = 1.0

#: What a terminal sends for keys (terminfo(5), vt220).
KEYS = {
    "enter": "\r",
    "tab": "\t",
    "shift tab": "\x1b[Z",
    "blank": " ",
    "down": "\x1b[B",
    "up": "\x1b[A",
    "end": "\x1b[F",
    "backspace": "\x7f",
    "esc": "\x1b",
}


class SerialScreen:
    """A vt220 on a machine's serial line: `tap` is given to the machine, `of` tells which one that is."""

    def __init__(self) -> None:
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._changed = threading.Condition()
        self._machine: VirtualMachine | None = None

    def tap(self, data: bytes) -> None:
        """Take what the machine prints."""
        with self._changed:
            self._stream.feed(data)
            self._changed.notify_all()

    def of(self, machine: VirtualMachine) -> None:
        """Type into this machine from now on."""
        self._machine = machine

    def text(self) -> str:
        """What stands on the screen."""
        with self._changed:
            return "\n".join(line.rstrip() for line in self._screen.display)

    def settled(self) -> str:
        """What stands on the screen once it is drawn whole."""
        self.settle()
        return self.text()

    def wait(self, *texts: str, within: float = SHOWN_WITHIN) -> str:
        """Wait until all these stand on the screen; all that does then. Raises DeadlinePassed with what does."""
        return self._wait(lambda: all(text in self._shown() for text in texts), f"{texts} did not appear", within)

    def wait_gone(self, text: str) -> None:
        """Wait until this stands on the screen no more."""
        self._wait(lambda: text not in self._shown(), f"{text!r} did not go", SHOWN_WITHIN)

    def wait_count(self, text: str, count: int) -> None:
        """Wait until this stands on the screen so many times."""
        self._wait(lambda: self._shown().count(text) == count, f"{count} times {text!r} did not come", SHOWN_WITHIN)

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size; the machine is not told."""
        with self._changed:
            self._screen.resize(rows, columns)

    def press(self, *keys: str) -> None:
        """Press keys by name, or a letter."""
        assert self._machine is not None
        for key in keys:
            self._machine.serial.send(KEYS.get(key, key))

    def type(self, text: str, *, shown: str) -> None:
        """Type a text and wait until `shown` stands there."""
        self.press(*text)
        self.wait(shown)

    def go_to(self, label: str) -> None:
        """Press Tab until the cursor is in the line with this label, or on this button."""
        for _ in range(60):
            # A page that is still being drawn has its cursor anywhere.
            self.settle()
            if label in self._focused():
                return
            before = self._cursor()
            self.press("tab")
            self._wait(partial(self._has_moved, before), f"Tab moved nothing on the way to {label}", MOVED_WITHIN)
        raise AssertionError(f"{label!r} is nothing that Tab leads to:\n{self.text()}")

    def settle(self) -> None:
        """Wait until the screen has stayed the same for a while."""
        with self._changed:
            seen = None
            while seen != (now := (self._shown(), self._cursor())):
                seen = now
                self._changed.wait_for(partial(self._differs, now), timeout=STEADY)

    def push(self, button: str, *, then: str) -> None:
        """Push a button and wait for what comes then."""
        self.go_to(button)
        self.press("enter")
        self.wait(then)

    def _wait(self, seen: Callable[[], bool], told: str, within: float) -> str:
        with self._changed:
            if not self._changed.wait_for(seen, timeout=patient(within)):
                raise DeadlinePassed(f"{told} within {within:.0f} s; the screen:\n{self._shown()}")
            # The next moment may be amid the drawing of something else.
            return self.text()

    def _shown(self) -> str:
        return "\n".join(self._screen.display)

    def _differs(self, before: tuple[str, tuple[int, int]]) -> bool:
        return (self._shown(), self._cursor()) != before

    def _has_moved(self, before: tuple[int, int]) -> bool:
        return self._cursor() != before

    def _cursor(self) -> tuple[int, int]:
        return self._screen.cursor.x, self._screen.cursor.y

    def _focused(self) -> str:
        with self._changed:
            line = str(self._screen.display[self._screen.cursor.y])
            before, after = line[: self._screen.cursor.x], line[self._screen.cursor.x :]
        if "< " in line and ">" in after:
            return before[before.rfind("<") :] + after[: after.find(">") + 1]
        return line
