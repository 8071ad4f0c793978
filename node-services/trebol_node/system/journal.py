"""The journal of a node as lines, by journalctl's JSON (systemd.journal-fields(7))."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from trebol_common.errors import BadInput, TrebolError
from trebol_common.run import Runner

#: Lines that one answer holds at most, and the last one that can be asked for by its number.
MOST = 5000
DEEPEST = 50_000

#: Seconds that journalctl has: a slow disk full of journals.
_PATIENCE = 30

_FIELDS = "MESSAGE,SYSLOG_IDENTIFIER,_COMM,SYSLOG_PID,_PID,_HOSTNAME,_SOURCE_REALTIME_TIMESTAMP"
_JOURNAL = ("journalctl", "--output=json", f"--output-fields={_FIELDS}", "--no-pager", "--quiet")

#: What Proxmox VE takes for a moment: a day, with a time perhaps. Never an option of journalctl.
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2}(:\d{2})?)?")
_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_.\\@-]{0,127}")
_CURSOR = re.compile(r"[A-Za-z0-9=;_-]{1,512}")


@dataclass(frozen=True)
class Syslog:
    """Which lines GET /nodes/{node}/syslog wants: `limit` after the first `start` of those that match."""

    start: int = 0
    limit: int = 50
    since: str = ""
    until: str = ""
    service: str = ""


@dataclass(frozen=True)
class Journal:
    """Which lines GET /nodes/{node}/journal wants: seconds since the epoch, or cursors, or the last `entries`.

    `service` is one of systemd's, `priority` the least that counts ("warning").
    """

    since: int | None = None
    until: int | None = None
    entries: int | None = None
    start: str = ""
    end: str = ""
    service: str = ""
    priority: str = ""


def read_syslog(runner: Runner, wanted: Syslog, zone: tzinfo) -> tuple[list[dict[str, Any]], int]:
    """The lines, numbered from `start` + 1, and how many there are, as far as was read: one more than shown where
    there are more.

    Raises BadInput for what is no moment or service, TrebolError where the journal cannot be read.
    """
    lines: list[dict[str, Any]] = []
    count = 0

    def take(text: str) -> None:
        nonlocal count
        for entry in _entries([text]):
            count += 1
            if wanted.start < count <= wanted.start + min(wanted.limit, MOST):
                lines.append({"n": count, "t": line_of(entry, zone)})

    _run(runner, syslog_command(wanted), take)
    return lines, count


def syslog_command(wanted: Syslog) -> tuple[str, ...]:
    """What journalctl is asked for: of this boot unless a moment is given, the first lines, and one more."""
    if wanted.start > DEEPEST:
        raise BadInput(f"value must have a maximum value of {DEEPEST}", where="start")
    return (
        *_JOURNAL,
        f"--lines=+{wanted.start + min(wanted.limit, MOST) + 1}",
        *(() if wanted.since or wanted.until else ("--boot",)),
        *_option("since", wanted.since, _MOMENT),
        *_option("until", wanted.until, _MOMENT),
        *_option("unit", wanted.service, _SERVICE, argument="service"),
    )


def read_journal(runner: Runner, wanted: Journal, zone: tzinfo) -> list[str]:
    """The lines between the cursor of the first and that of the last, as Proxmox VE gives them; `MOST` at most.

    Without any line there is the cursor that was given, if one was. Raises as `read_syslog` does.
    """
    backwards = _backwards(wanted)
    texts: deque[str] = deque(maxlen=MOST)
    _run(runner, journal_command(wanted), texts.append)
    entries = list(_entries(texts))
    if wanted.end:
        # journalctl shows the line of the cursor itself too, which whoever gives it has.
        entries = [entry for entry in entries if entry.get("__CURSOR") != wanted.end]
    if backwards:
        entries.reverse()
    if not entries:
        return [cursor for cursor in (wanted.start, wanted.end) if cursor]
    lines = [line_of(entry, zone) for entry in entries]
    return [str(entries[0].get("__CURSOR", "")), *lines, str(entries[-1].get("__CURSOR", ""))]


def _backwards(wanted: Journal) -> bool:
    """Whether the last lines before a moment or a cursor are wanted: journalctl counts those from the end."""
    return bool(wanted.end) and wanted.entries is not None


def journal_command(wanted: Journal) -> tuple[str, ...]:
    """What journalctl is asked for. Raises BadInput where a cursor is none."""
    most = MOST if wanted.entries is None else min(wanted.entries, MOST)
    of = (
        *_option("unit", wanted.service, _SERVICE, argument="service"),
        *((f"--priority={wanted.priority}",) if wanted.priority else ()),
    )
    if _backwards(wanted):
        # With --reverse the cursor is where reading begins, and one line more is read for it.
        return (
            *_JOURNAL,
            *of,
            "--reverse",
            *_option("cursor", wanted.end, _CURSOR, argument="endcursor"),
            f"--lines={most + 1}",
        )
    return (
        *_JOURNAL,
        *of,
        *_option("after-cursor", wanted.start, _CURSOR, argument="startcursor"),
        *(() if wanted.since is None else (f"--since=@{wanted.since}",)),
        *(() if wanted.until is None else (f"--until=@{wanted.until}",)),
        *(() if wanted.start else (f"--lines={most}",)),
    )


def line_of(entry: dict[str, Any], zone: tzinfo) -> str:
    """An entry as syslog writes it: "Nov 28 12:00:00 node1 sshd[700]: Accepted …"."""
    stamp = entry.get("_SOURCE_REALTIME_TIMESTAMP") or entry.get("__REALTIME_TIMESTAMP") or "0"
    moment = datetime.fromtimestamp(int(stamp) / 1_000_000, zone)
    who = _text(entry.get("SYSLOG_IDENTIFIER")) or _text(entry.get("_COMM")) or "unknown"
    process = _text(entry.get("SYSLOG_PID")) or _text(entry.get("_PID"))
    number = f"[{process}]" if process else ""
    return f"{moment:%b %d %H:%M:%S} {_text(entry.get('_HOSTNAME'))} {who}{number}: {_text(entry.get('MESSAGE'))}"


def _text(value: object) -> str:
    """A field: text; bytes as a list of numbers where it is none (or has control characters); a list where it is
    there several times; null where it is too long."""
    match value:
        case str():
            return value
        case [int(), *_]:
            return bytes(number for number in value if isinstance(number, int) and 0 <= number < 256).decode(
                errors="replace"
            )
        case [first, *_]:
            return _text(first)
    return ""


def _entries(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # A line of stderr comes the same way.
        if isinstance(entry, dict):
            yield entry


def _option(name: str, value: str, shape: re.Pattern[str], *, argument: str = "") -> tuple[str, ...]:
    if not value:
        return ()
    if not shape.fullmatch(value):
        raise BadInput("value does not match the format", where=argument or name)
    return (f"--{name}={value}",)


def _run(runner: Runner, command: tuple[str, ...], take: Callable[[str], None]) -> None:
    answer = runner.run(["timeout", str(_PATIENCE), *command], check=False, on_line=take)
    if answer.status != 0:
        raise TrebolError(f"the journal cannot be read: {answer.stderr.strip() or answer.status}")
