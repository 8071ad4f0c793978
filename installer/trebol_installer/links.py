"""Switching network ports on before they are looked at: of one that is down, nobody knows whether it has a link."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from trebol_common.run import Runner

SYSFS = Path("/sys/class/net")

#: Seconds that a port may take to agree with its switch; copper at 1 and 10 Gbit/s takes two to four.
LINK_SECONDS = 5.0

#: linux/rtnetlink.h: RTMGRP_LINK.
_GROUP = 0x1
_BUFFER = 65536


def link_events() -> socket.socket:
    """A socket that becomes readable when a link changes."""
    events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    events.bind((0, _GROUP))
    return events


def wake_links(
    runner: Runner,
    *,
    sysfs: Path = SYSFS,
    events: Callable[[], AbstractContextManager[socket.socket]] = link_events,
    seconds: float = LINK_SECONDS,
) -> None:
    """Switch every physical interface on, and wait until each has a link, at most `seconds`.

    Addresses are not asked for, and nothing is switched off again: the live system needs none of them, and the node
    configures its own.
    """
    names = sorted(path.name for path in sysfs.iterdir() if (path / "device").exists())
    with events() as changes:
        for name in names:
            runner.run(["ip", "link", "set", "dev", name, "up"], check=False)
        end = time.monotonic() + seconds
        while not all(_has_link(sysfs / name) for name in names) and (left := end - time.monotonic()) > 0:
            if select.select([changes], [], [], left)[0]:
                # ENOBUFS: more changes than fit. What they were does not matter, all links are read again.
                with suppress(OSError):
                    changes.recv(_BUFFER)


def _has_link(interface: Path) -> bool:
    try:
        return (interface / "carrier").read_text().strip() == "1"
    except OSError:
        return False  # The kernel gives no answer while the interface is down.
