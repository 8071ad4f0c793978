"""The log of the first boot: what was begun and how it ended, and all that the programs said."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

LOG = "var/log/trebol/firstboot.log"


@dataclass(frozen=True)
class Log:
    """A file for root alone: what programs say may be secret. Only `tell` goes to `echo` too.

    What a full disk does not take is lost: no program is ended for it.
    """

    path: Path
    now: Callable[[], datetime]
    echo: Callable[[str], None]

    @classmethod
    def open(cls, root: Path, now: Callable[[], datetime], echo: Callable[[str], None]) -> Log:
        """The node's."""
        path = root / LOG
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        return cls(path, now, echo)

    def tell(self, text: str) -> None:
        """What happens, to who watches as well."""
        self.add(text)
        self.echo(text)

    def add(self, line: str) -> None:
        """A line."""
        when = self.now().astimezone(UTC).isoformat(timespec="seconds")
        with suppress(OSError), self.path.open("a", encoding="utf-8") as stream:
            stream.write(f"{when} {line}\n")
