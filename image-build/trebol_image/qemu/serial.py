"""The serial console of a virtual machine: written to a file all the time, waited on by pattern."""

from __future__ import annotations

import codecs
import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from trebol_image.qemu.errors import DeadlinePassed, EmulatorFault, MachineEnded, quote

#: Terminal control: CSI and OSC sequences, other escapes, carriage returns and the like (ECMA-48, 5.4).
_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]|[\x00-\x08\x0b-\x1f\x7f]"
)


#: The kernel met a breakpoint that it had taken away already: while it patches its own code, another processor may
#: run into the old translation (QEMU 7.2 with tcg,thread=multi, about one boot in thirty).
_STALE_BREAKPOINT = re.compile(r"Oops: int3: 0000")


def plain(text: str) -> str:
    """`text` without terminal control sequences."""
    return _CONTROL.sub("", text)


@dataclass(frozen=True)
class Line:
    """One line of the console without control sequences, and the monotonic time at which it was complete."""

    time: float
    text: str


class SerialConsole:
    """Reads a connected socket in a thread of its own, so that the guest never waits for its reader.

    `log` receives every byte as it came, and so does `tap`. `expect` consumes: what was matched is not matched again.
    """

    def __init__(
        self,
        connection: socket.socket,
        *,
        log: Path,
        clock: Callable[[], float] = time.monotonic,
        tap: Callable[[bytes], None] | None = None,
    ) -> None:
        self.log = log
        self._connection = connection
        self._clock = clock
        self._tap = tap
        self._changed = threading.Condition()
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._text = ""
        self._position = 0
        self._began = 0
        self._unfinished = ""
        self._lines: list[Line] = []
        self._ended = False
        self._heard = clock()
        self._reader = threading.Thread(target=self._read, name=f"serial {log}", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closing alone would leave the reader asleep in recv().
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._reader.join(timeout=10)
        self._connection.close()

    @property
    def lines(self) -> tuple[Line, ...]:
        """Every line so far."""
        with self._changed:
            return tuple(self._lines)

    @property
    def text(self) -> str:
        """Everything so far, as it came."""
        with self._changed:
            return self._text

    @property
    def tail(self) -> str:
        """The last lines, ready to stand in an error."""
        with self._changed:
            lines = [line.text for line in self._lines]
            return quote([*lines, plain(self._unfinished)])

    @property
    def silence(self) -> float:
        """Seconds since the machine last said anything."""
        with self._changed:
            return self._clock() - self._heard

    def send(self, text: str) -> None:
        """Type `text`; a line ends with `\\n`."""
        try:
            self._connection.sendall(text.encode())
        except OSError as error:
            raise MachineEnded(f"the serial console is gone: {error.strerror}", where=str(self.log)) from error

    def send_bytes(self, data: bytes) -> None:
        """Type `data` as it is; nothing happens when the machine has ended."""
        with self._changed:
            ended = self._ended
        if not ended:
            self._connection.sendall(data)

    def expect(self, pattern: str, *, within: float) -> re.Match[str]:
        """Wait up to `within` seconds until the regular expression is found in what came since the last match.

        Raises DeadlinePassed, or MachineEnded when the machine ends without it; both quote the console's last lines.
        """
        compiled = re.compile(pattern, re.MULTILINE)
        deadline = self._clock() + within
        with self._changed:
            while True:
                if found := compiled.search(self._text, self._position):
                    self._position = found.end()
                    return found
                self._require_sound()
                if self._ended:
                    raise MachineEnded(
                        f"the machine ended without {pattern!r} on its serial console:{self.tail}",
                        where=str(self.log),
                    )
                remaining = deadline - self._clock()
                if remaining <= 0:
                    raise DeadlinePassed(
                        f"no {pattern!r} on the serial console within {within:.0f} s:{self.tail}", where=str(self.log)
                    )
                self._changed.wait(remaining)

    @property
    def fault(self) -> str | None:
        """The words by which the guest's kernel told, since its start, that the emulator broke it."""
        with self._changed:
            return self._fault()

    def begin_again(self) -> None:
        """The machine starts anew: what it said before is no fault of the next kernel."""
        with self._changed:
            self._began = len(self._text)

    def require_sound(self) -> None:
        """Raise EmulatorFault when the emulator broke the guest's kernel."""
        with self._changed:
            self._require_sound()

    def _require_sound(self) -> None:
        if (fault := self._fault()) is not None:
            raise EmulatorFault(f"QEMU ran code that the guest's kernel had replaced: {fault}", where=str(self.log))

    def _fault(self) -> str | None:
        found = _STALE_BREAKPOINT.search(self._text, self._began)
        return found[0] if found else None

    def wait_end(self, *, within: float) -> bool:
        """Wait until the machine closes the console; False when it still runs after `within` seconds."""
        self._reader.join(timeout=within)
        return not self._reader.is_alive()

    def _read(self) -> None:
        with self.log.open("wb") as log:
            while chunk := self._receive():
                log.write(chunk)
                log.flush()
                if self._tap is not None:
                    self._tap(chunk)
                self._add(self._decoder.decode(chunk))
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _receive(self) -> bytes:
        try:
            return self._connection.recv(65536)
        except OSError:
            return b""  # Reset by a QEMU that was killed, or closed by us: the console has ended either way.

    def _add(self, text: str) -> None:
        with self._changed:
            self._text += text
            *whole, self._unfinished = (self._unfinished + text).split("\n")
            self._heard = self._clock()
            self._lines += [Line(self._heard, plain(line)) for line in whole]
            self._changed.notify_all()
