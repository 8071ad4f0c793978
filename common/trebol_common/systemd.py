"""Telling systemd how a service does (sd_notify(3)), without its library."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

READY = "READY=1"
STOPPING = "STOPPING=1"
ALIVE = "WATCHDOG=1"


def notify(state: str, address: str | None = None, *, wait: bool = True) -> None:
    """Send `state` to systemd at its socket `address`, by default $NOTIFY_SOCKET; without one, nobody listens.

    systemd takes ten messages before it reads the first: without `wait`, one that it has no room for is dropped.
    """
    address = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(wait)
        with suppress(BlockingIOError):
            # An address that begins with @ is in the abstract name space, which sockets write as a NUL.
            sender.sendto(state.encode(), address.replace("@", "\0", 1) if address.startswith("@") else address)


def watchdog_seconds() -> float | None:
    """How often systemd wants to hear ALIVE: half of WatchdogSec; None where it does not."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 2e6 if microseconds.isdecimal() and int(microseconds) else None
