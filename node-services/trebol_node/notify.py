"""Telling systemd how a daemon does (sd_notify(3)): that it is ready, and, for the watchdog, that it is alive."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping

READY = "READY=1"
STOPPING = "STOPPING=1"
ALIVE = "WATCHDOG=1"


def notify(state: str, *, environment: Mapping[str, str] = os.environ, wait: bool = True) -> None:
    """Send `state` to whoever started this process; nothing where nobody listens.

    systemd takes ten messages before it reads the first: without `wait`, one that it has no room for is dropped.
    """
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(wait)
        with contextlib.suppress(BlockingIOError):
            sender.sendto(state.encode(), address.replace("@", "\0", 1) if address.startswith("@") else address)


def watchdog_interval(environment: Mapping[str, str] = os.environ) -> float | None:
    """Seconds between signs of life that are often enough: a third of what systemd waits; None without a watchdog."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    return int(microseconds) / 3_000_000 if microseconds.isdigit() and int(microseconds) else None


async def keep_alive(environment: Mapping[str, str] = os.environ) -> None:
    """Give signs of life for as long as this loop runs its tasks; until cancelled."""
    seconds = watchdog_interval(environment)
    while seconds is not None:
        notify(ALIVE, environment=environment, wait=False)
        await asyncio.sleep(seconds)
