"""Which of several consoles drives the installation: the one that holds the lock. The others watch, or take over."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

#: What the screens of the live system share.
FOLDER = Path("/run/trebol/screens")
#: The answers so far, in it.
DRAFT = "draft.json"

#: Seconds that a driver has to let go once it is asked, before it is ended: it may hang.
PATIENCE = 3.0
_LOOK_AGAIN = 0.05

#: What a driver is asked by.
LET_GO = signal.SIGUSR1


@dataclass
class Driver:
    """The lock in `folder`, for the console named `console`. It goes with the process that holds it."""

    console: str
    folder: Path = FOLDER
    _held: IO[str] | None = field(default=None, repr=False)

    @property
    def drives(self) -> bool:
        """Whether this is the one."""
        return self._held is not None

    @property
    def has_answers(self) -> bool:
        """Whether something was answered already, on whichever console."""
        return (self.folder / DRAFT).is_file()

    def try_to_drive(self) -> bool:
        """Take the lock where nobody has it."""
        if self._held is not None:
            return True
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        stream = (self.folder / "driver").open("a+", encoding="utf-8")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            stream.close()
            return False
        stream.seek(0)
        stream.truncate()
        stream.write(f"{os.getpid()} {self.console}\n")
        stream.flush()
        self._held = stream
        return True

    def let_go(self) -> None:
        """Leave the lock to others."""
        if self._held is not None:
            self._held.truncate(0)
            self._held.close()
            self._held = None

    def other(self) -> str:
        """The name of the console that drives; empty where nobody says so."""
        return self._read()[1]

    def take_over(self) -> None:
        """Have the one that drives let go, and drive; takes up to `PATIENCE` seconds."""
        if self.try_to_drive():
            return
        process, _console = self._read()
        if process and process != os.getpid():
            with suppress(ProcessLookupError):
                os.kill(process, LET_GO)
        end = time.monotonic() + PATIENCE
        while not self.try_to_drive():
            if time.monotonic() > end and process:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(_LOOK_AGAIN)

    def _read(self) -> tuple[int, str]:
        try:
            process, _, console = (self.folder / "driver").read_text(encoding="utf-8").strip().partition(" ")
        except OSError:
            return 0, ""
        return int(process) if process.isdigit() else 0, console
