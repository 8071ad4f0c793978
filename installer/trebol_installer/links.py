"""Switching network ports on before they are looked at: of one that is down, nobody knows whether it has a link."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from trebol_common.run import Runner

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
    root: Path = Path("/"),
    events: Callable[[], AbstractContextManager[socket.socket]] = link_events,
    seconds: float = LINK_SECONDS,
) -> None:
    """Switch every wired interface on, and wait until the first has a link, at most `seconds`.

    The first one with a link is taken (`trebol_installer.interfaces`), so once the very first has one, waiting for
    others cannot change the choice. Until then it may just be slower than they are: nothing tells a port without a
    cable from one that still talks to its switch. Addresses are not asked for, and nothing is switched off again: the
    live system needs none of them, and the node configures its own.
    """
    # The probe is slow to load under emulation, and a dry run does without.
    from trebol_hardware.probe.network import wired

    interfaces = wired(root)
    with events() as changes:
        for interface in interfaces:
            runner.run(["ip", "link", "set", "dev", interface.name, "up"], check=False)
        end = time.monotonic() + seconds
        while interfaces and not _has_link(interfaces[0]) and (left := end - time.monotonic()) > 0:
            if select.select([changes], [], [], left)[0]:
                # ENOBUFS: more changes than fit. What they were does not matter, all links are read again.
                with suppress(OSError):
                    changes.recv(_BUFFER)


def _has_link(interface: Path) -> bool:
    try:
        return (interface / "carrier").read_text().strip() == "1"
    except OSError:
        return False  # The kernel gives no answer while the interface is down.
