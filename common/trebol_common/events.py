"""The one mechanism for progress: nested contexts that start, progress, log, finish and give results.

Log file, progress bar, webhook, JSON stream and tests are all sinks of the same events (after subiquity's
`context.py`). A context is entered with `with`; leaving it by an exception finishes it as failed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from trebol_common.i18n import _


class Kind(StrEnum):
    """What an event says of its context."""

    START = "start"
    PROGRESS = "progress"
    LOG = "log"
    RESULT = "result"
    FINISH = "finish"


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    `path` names the nested contexts from the outermost in; `time` is monotonic, in seconds; `done` and `total`
    count `unit` ("bytes", "files", "%"); `ok` is set on FINISH; `data` carries a RESULT or the reason of a failure.
    """

    kind: Kind
    path: tuple[str, ...]
    time: float
    text: str = ""
    done: float | None = None
    total: float | None = None
    unit: str = ""
    ok: bool | None = None
    seconds: float | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """One line of JSON; empty members are left out."""
        members = {key: value for key, value in asdict(self).items() if value not in (None, "", {}, ())}
        return json.dumps(members, ensure_ascii=False, default=str)

    @classmethod
    def from_json(cls, line: str) -> Event:
        """The inverse of `to_json`."""
        members = json.loads(line)
        members["kind"] = Kind(members["kind"])
        members["path"] = tuple(members.get("path", ()))
        return cls(**members)


Sink = Callable[[Event], None]


def no_sink(event: Event) -> None:
    """Drop the event: for callers that want no progress."""


def tee(*sinks: Sink) -> Sink:
    """Give each event to every sink, in order."""

    def give(event: Event) -> None:
        for sink in sinks:
            sink(event)

    return give


def while_it_lasts(sink: Sink, on_loss: Callable[[OSError], None] = lambda error: None) -> Sink:
    """A sink that is dropped at its first OSError: a screen that is gone must not end the work that it showed.

    `on_loss` gets that error, once.
    """
    gone = False

    def give(event: Event) -> None:
        nonlocal gone
        if gone:
            return
        try:
            sink(event)
        except OSError as error:
            gone = True
            on_loss(error)

    return give


def json_lines(stream: IO[str]) -> Sink:
    """Write each event as one line of JSON, flushed, so that a reader follows as it happens."""

    def write(event: Event) -> None:
        stream.write(event.to_json() + "\n")
        stream.flush()

    return write


def warn_of_loss(where: str, error: OSError) -> None:
    """Say on stderr, if that is still there, that `where` gets no more events."""
    with suppress(OSError):
        told = _("warning: {place}: cannot be written any more: {reason}").format(place=where, reason=error.strerror)
        sys.stderr.write(f"{told}\n")
        sys.stderr.flush()


def abandon_stdout(error: OSError) -> None:
    """Let stdout lead nowhere: neither its full buffer nor the last words may fail what was done."""
    warn_of_loss("stdout", error)
    descriptor = os.open(os.devnull, os.O_WRONLY)
    os.dup2(descriptor, sys.stdout.fileno())
    os.close(descriptor)


@contextmanager
def into_file(path: Path, form: Callable[[IO[str]], Sink] = json_lines) -> Iterator[Sink]:
    """A sink that writes a new file at `path`. Raises OSError where that cannot be made.

    When it cannot be written any more (a full disk), one warning goes to stderr, and the work goes on without it. A
    `form` flushes each event.
    """
    stream = path.open("w", encoding="utf-8")
    try:
        yield while_it_lasts(form(stream), lambda error: warn_of_loss(str(path), error))
    finally:
        # All that is left to be written is what the warning was about.
        with suppress(OSError):
            stream.close()


class Context:
    """A named piece of work that emits events and can have pieces inside it."""

    def __init__(
        self, sink: Sink = no_sink, path: tuple[str, ...] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sink = sink
        self._clock = clock
        self.path = path

    def _emit(self, kind: Kind, **members: Any) -> None:
        self._sink(Event(kind, self.path, self._clock(), **members))

    @contextmanager
    def child(self, name: str, text: str = "") -> Iterator[Context]:
        """Do one piece of work: START, then what happens inside, then FINISH with `ok` and `seconds`."""
        context = Context(self._sink, (*self.path, name), self._clock)
        started = self._clock()
        context._emit(Kind.START, text=text)
        try:
            yield context
        except BaseException as error:
            context._emit(
                Kind.FINISH, text=text, ok=False, seconds=self._clock() - started, data={"error": str(error)}
            )
            raise
        context._emit(Kind.FINISH, text=text, ok=True, seconds=self._clock() - started)

    def progress(self, done: float, total: float | None = None, unit: str = "") -> None:
        """Say how far this piece is."""
        self._emit(Kind.PROGRESS, done=done, total=total, unit=unit)

    def log(self, text: str) -> None:
        """Say one line for the log."""
        self._emit(Kind.LOG, text=text)

    def result(self, **data: Any) -> None:
        """Hand out what this piece found or made."""
        self._emit(Kind.RESULT, data=data)
