"""The signs of life that systemd's watchdog waits for, from a daemon with an event loop."""

from __future__ import annotations

import asyncio

from trebol_common.systemd import ALIVE, notify, watchdog_seconds


async def keep_alive() -> None:
    """Give signs of life for as long as this loop runs its tasks; until cancelled."""
    seconds = watchdog_seconds()
    while seconds is not None:
        notify(ALIVE, wait=False)
        await asyncio.sleep(seconds)
