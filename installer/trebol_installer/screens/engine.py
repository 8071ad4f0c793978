"""Who installs, as the screens see it: begun once, then told of by its events (docs/screens.md)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Protocol

from trebol_common.events import Event, Kind
from trebol_common.files import write_text
from trebol_common.run import Runner
from trebol_hardware.machine import Machine
from trebol_installer import session
from trebol_installer.screens.draft import Draft
from trebol_installer.screens.driver import FOLDER
from trebol_installer.session import INSTALL, PREPARE

UNIT = "trebol-engine.service"
ANSWERS = "answers.toml"
EVENTS = "events.jsonl"
#: A pipe that is the engine's stdin: a line of it is the answer to a failed step.
SAID = "said"

#: Seconds between two looks at a file that nothing was added to, and after which its writer is looked at.
_LOOK_AGAIN = 0.1
_PATIENCE = 2.0
#: Seconds that the engine has until its first word; loading it takes half a minute under emulation.
_BEGINS_WITHIN = 20.0

#: What is told of an engine that ended without a last word.
DIED = Event(Kind.FINISH, (INSTALL,), 0.0, ok=False, data={"error": "the installer ended without a word"})


class Engine(Protocol):
    """Installs by the answers of a draft."""

    def begin(self, draft: Draft) -> None:
        """Begin, and return at once. Raises TrebolError where it cannot be begun."""

    def has_begun(self) -> bool:
        """Whether an installation has begun, by this screen or another one."""

    def events(self) -> Iterator[Event]:
        """Every event from the beginning, each when it happens, until the installation has ended."""

    def say(self, word: str) -> None:
        """Answer a failed step: do it again ("retry"), or anything else."""


@dataclass
class DryEngine:
    """Says what would be done on a recorded machine, and does nothing; a step takes `pause` seconds."""

    machine: Machine
    pause: float = 0.3
    _events: SimpleQueue[Event] = field(default_factory=SimpleQueue)
    _prepared: session.Prepared | None = None

    def begin(self, draft: Draft) -> None:
        """See `Engine.begin`."""
        answers = draft.check().answers
        assert answers is not None, "the screens begin with whole answers only"
        self._prepared = session.prepare_dry_run(answers, self.machine, None)

    def has_begun(self) -> bool:
        """See `Engine.has_begun`."""
        return self._prepared is not None

    def events(self) -> Iterator[Event]:
        """See `Engine.events`."""
        assert self._prepared is not None
        seen: list[Event] = []
        session.execute(self._prepared, seen.append)
        for event in seen:
            time.sleep(self.pause / 3)
            yield event

    def say(self, word: str) -> None:
        """See `Engine.say`; nothing fails that is not done."""


@dataclass(frozen=True)
class UnitEngine:
    """The live system's own unit, which reads its answers from a file and writes its events to one."""

    runner: Runner
    folder: Path = FOLDER

    def begin(self, draft: Draft) -> None:
        """See `Engine.begin`."""
        write_text(self.folder / ANSWERS, draft.to_toml(), mode=0o600)
        (self.folder / EVENTS).unlink(missing_ok=True)
        self.runner.run(["systemctl", "restart", "--no-block", UNIT])

    def has_begun(self) -> bool:
        """See `Engine.has_begun`."""
        return (self.folder / EVENTS).exists()

    def events(self) -> Iterator[Event]:
        """See `Engine.events`."""
        waited = 0.0
        while not self.has_begun():
            # The service manager may not have begun yet what it was asked for.
            if waited >= _BEGINS_WITHIN and self._is_dead():
                yield DIED
                return
            waited += _LOOK_AGAIN
            time.sleep(_LOOK_AGAIN)
        # What is no text, or no event, tells nothing; what comes after it may.
        with (self.folder / EVENTS).open(encoding="utf-8", errors="replace") as stream:
            for line in self._lines(stream):
                try:
                    event = Event.from_json(line)
                except (KeyError, TypeError, ValueError):
                    continue
                yield event
                if is_last(event):
                    return
        yield DIED

    def say(self, word: str) -> None:
        """See `Engine.say`."""
        # An engine that is gone listens no more, and nobody waits for it.
        with suppress(OSError):
            pipe = os.open(self.folder / SAID, os.O_WRONLY | os.O_NONBLOCK)
            with os.fdopen(pipe, "w", encoding="utf-8") as stream:
                stream.write(f"{word}\n")

    def _lines(self, stream: IO[str]) -> Iterator[str]:
        """The lines of a file that grows, until its writer is gone."""
        line, idle = "", 0.0
        while True:
            line += stream.readline()
            if line.endswith("\n"):
                yield line
                line, idle = "", 0.0
            elif idle < _PATIENCE:
                idle += _LOOK_AGAIN
                time.sleep(_LOOK_AGAIN)
            elif self._is_dead():
                return
            else:
                idle = 0.0

    def _is_dead(self) -> bool:
        state = self.runner.run(["systemctl", "show", "--property=ActiveState", "--value", UNIT], check=False)
        return state.stdout.strip() in ("inactive", "failed")


def is_last(event: Event) -> bool:
    """Whether no event comes after this one."""
    return event.kind is Kind.FINISH and (event.path == (INSTALL,) or (event.path == (PREPARE,) and not event.ok))
