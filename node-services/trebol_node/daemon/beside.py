"""What the daemon does beside its requests goes on: no record that is damaged, or of a newer version, ends it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

#: Seconds until what ended by an error that nobody expected begins anew.
AGAIN = 10.0


async def keep_going(
    name: str, keep: Callable[[], Awaitable[None]], pause: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Have `keep` run until it is over or cancelled; where a bug ended it, say so and begin it anew."""
    while True:
        try:
            await keep()
        except Exception:
            log.exception("%s ended, and begins anew in %.0f s", name, AGAIN)
            await pause(AGAIN)
        else:
            return


class Said:
    """What is tried every few seconds is complained of once, until it works again."""

    def __init__(self) -> None:
        self._last = ""

    def warn(self, what: str, error: Exception) -> None:
        """Say it where it has not been said yet."""
        text = f"{what}: {error}"
        if text != self._last:
            log.warning("%s", text)
        self._last = text

    def worked(self) -> None:
        """The next complaint is a new one."""
        self._last = ""
