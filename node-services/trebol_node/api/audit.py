"""One line in the journal for every write: who, from where, what, with which arguments, and how it ended.

Names of arguments only, never their values. The lines go to the journal's own socket, so that they have an identifier
of their own: `journalctl -t trebol-audit`. The last ones are kept in memory for `/cluster/log`.
"""

from __future__ import annotations

import logging
import socket
from collections import deque
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trebol_node.access import Identity

IDENTIFIER = "trebol-audit"
JOURNAL = Path("/run/systemd/journal/socket")

#: Entries that `/cluster/log` can show.
KEPT = 1000

READS = frozenset({"GET", "HEAD", "OPTIONS"})

#: syslog(3): info, warning.
_INFO, _WARNING = 6, 4

#: Characters of a word in a line: nobody fills the journal or the memory with one.
_PATH, _USER, _NAME = 1024, 160, 64

log = logging.getLogger(__name__)


@dataclass
class Noted:
    """What is learned of a request while it is answered. `user` is whom the log names, empty until somebody is known;
    `identity` is who it is for certain; `since` is when a login began, on the monotonic clock; `hidden` is what of
    the path may be a secret. `origin` is where it came from, if not from whoever the connection is to; `handed`: it
    was carried out by another member, whose log has it. `fleeting`: anybody may send any number of these; the journal
    has them, and they push nothing out of `/cluster/log`."""

    user: str = ""
    identity: Identity | None = None
    names: tuple[str, ...] = ()
    since: float | None = None
    hidden: str = ""
    origin: str = ""
    handed: bool = False
    fleeting: bool = False


def noted(scope: MutableMapping[str, Any]) -> Noted:
    """What is noted of a request; write to it."""
    found: Noted = scope.setdefault("trebol.noted", Noted())
    return found


@dataclass(frozen=True)
class Entry:
    """One write. `number` counts from the daemon's start; `origin` is an address or "socket", "@MEMBER" after it
    where that handed the request on; `time` of the epoch."""

    number: int
    time: float
    user: str
    origin: str
    method: str
    path: str
    names: tuple[str, ...]
    status: int

    @property
    def priority(self) -> int:
        """syslog's: a refusal is a warning."""
        return _WARNING if self.status >= 400 else _INFO

    def __str__(self) -> str:
        names = ",".join(self.names) or "-"
        who = self.user or "-"
        return f"user={who} from={self.origin} {self.method} {self.path} arguments={names} status={self.status}"


class Sink(Protocol):
    """Where the lines go."""

    def write(self, entry: Entry) -> None:
        """Keep the entry."""
        ...


class Journal:
    """The system's journal, by its native protocol."""

    def __init__(self, address: Path = JOURNAL) -> None:
        self._address = str(address)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def write(self, entry: Entry) -> None:
        """Send one line; where there is no journal, the daemon's own log has it."""
        text = f"PRIORITY={entry.priority}\nSYSLOG_IDENTIFIER={IDENTIFIER}\nMESSAGE={entry}\n"
        try:
            self._socket.sendto(text.encode("utf-8", "backslashreplace"), self._address)
        except OSError as error:
            log.warning("%s (not in the journal: %s)", entry, error.strerror)


@dataclass
class Recent:
    """The last entries, newest last."""

    entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=KEPT))


class Audit:
    """The middleware that writes the lines."""

    def __init__(self, app: ASGIApp, *, sink: Sink, recent: Recent, now: Any) -> None:
        self._app = app
        self._sink = sink
        self._recent = recent
        self._now = now
        self._number = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["method"] in READS:
            await self._app(scope, receive, send)
            return
        # Before the scope is copied: what is learned in a copy is for us too.
        noted(scope)
        status = 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            self._write(scope, status)

    def _write(self, scope: Scope, status: int) -> None:
        about = noted(scope)
        if about.handed:
            return
        self._number += 1
        entry = Entry(
            self._number,
            self._now(),
            _word(about.user, _USER),
            _word(about.origin, _USER) or origin(scope),
            _word(scope["method"], _NAME),
            _word(scope["path"].replace(about.hidden, "***") if about.hidden else scope["path"], _PATH),
            tuple(_word(name, _NAME) for name in about.names),
            status,
        )
        if not about.fleeting:
            self._recent.entries.append(entry)
        self._sink.write(entry)


def _word(text: str, most: int) -> str:
    """What somebody sent, as one word: it can neither begin another entry or field, nor read like one."""
    return "".join(c if c.isprintable() and c != " " else f"\\x{ord(c):02x}" for c in text[:most])


def origin(scope: Scope) -> str:
    """The address that a request came from; "socket" for the node's own."""
    client = scope.get("client")
    return str(client[0]) if client else "socket"
