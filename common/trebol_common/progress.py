"""Events shown to a person: one line for each piece of work, with rate and remaining time while it runs.

Plain lines, good for a serial console and a log; on a terminal the last line is redrawn in place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from trebol_common.events import Event, Kind, Sink
from trebol_common.i18n import _

#: Seconds between two updates of one piece of work: on a terminal, and where each update is a line of its own.
TERMINAL_INTERVAL = 0.2
LINE_INTERVAL = 5.0
WIDTH = 79


@dataclass
class _Running:
    started: float
    text: str
    first: float | None = None
    shown: float = 0.0


class _Display:
    def __init__(self, stream: IO[str], *, terminal: bool) -> None:
        self._stream = stream
        self._terminal = terminal
        self._running: dict[tuple[str, ...], _Running] = {}
        self._open = False

    def __call__(self, event: Event) -> None:
        match event.kind:
            case Kind.START if event.text:
                self._running[event.path] = _Running(event.time, event.text, shown=event.time)
                if self._terminal:
                    self._redraw(f"{_indent(event)}… {event.text}")
                else:
                    self._line(f"{_indent(event)}… {event.text}")
            case Kind.PROGRESS if event.path in self._running:
                self._progress(event, self._running[event.path])
            case Kind.FINISH if event.path in self._running:
                running = self._running.pop(event.path)
                mark = "✓" if event.ok else "✗"
                self._line(f"{_indent(event)}{mark} {running.text}  {duration(event.seconds or 0.0)}")
            case _:
                pass

    def _progress(self, event: Event, running: _Running) -> None:
        interval = TERMINAL_INTERVAL if self._terminal else LINE_INTERVAL
        if running.first is None:
            running.first = event.done or 0.0
        if event.time - running.shown < interval:
            return
        running.shown = event.time
        text = f"{_indent(event)}… {running.text}  {describe(event, running.started, running.first)}"
        if self._terminal:
            self._redraw(text)
        else:
            self._line(text)

    def _redraw(self, text: str) -> None:
        self._write(f"\r{text[:WIDTH]:<{WIDTH}}")
        self._stream.flush()
        self._open = True

    def _line(self, text: str) -> None:
        if self._open:
            self._stream.write(f"\r{' ' * WIDTH}\r")
            self._open = False
        self._write(f"{text}\n")
        self._stream.flush()

    def _write(self, text: str) -> None:
        # A terminal that knows no check marks must not end the work that is shown on it.
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        self._stream.write(text.encode(encoding, errors="replace").decode(encoding))


def show_progress(stream: IO[str]) -> Sink:
    """A sink that shows events on `stream`, redrawing in place where it is a terminal."""
    return _Display(stream, terminal=stream.isatty())


def describe(event: Event, started: float, first: float) -> str:
    """How far, how fast and how long still: `43 %  210.3 MB/s  0:04 left`."""
    done, total = event.done or 0.0, event.total
    elapsed = event.time - started
    rate = (done - first) / elapsed if elapsed > 0 else 0.0
    parts = [f"{100 * done / total:.0f} %" if total else f"{done:.0f}"]
    if rate > 0 and event.unit == "bytes":
        parts.append(f"{rate / 1e6:.1f} MB/s")
    elif rate > 0 and event.unit not in ("", "%"):
        parts.append(f"{rate:.0f} {event.unit}/s")
    if rate > 0 and total:
        parts.append(_("{time} left").format(time=duration((total - done) / rate)))
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3:07`, `1:02:03`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02}"
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _indent(event: Event) -> str:
    return "  " * (len(event.path) - 1)
