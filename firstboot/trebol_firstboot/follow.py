"""Keeping the banner right: written anew when the kernel tells of an address, a link or a boot that has finished."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from trebol_common.files import write_text
from trebol_common.run import Runner
from trebol_firstboot.banner import Banner, render

#: Where agetty looks for what goes above the login prompt; gone with the boot, as it should be.
ISSUE = Path("/run/issue.d/trebol.issue")

#: linux/rtnetlink.h: RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR.
_GROUPS = 0x1 | 0x10 | 0x100

#: Seconds of quiet after which a burst of events is over, and how long a burst may last.
BURST = 0.3
LONGEST_BURST = 2.0

#: Seconds after which the state is looked at without any event (a unit can fail at any time; systemd tells nobody
#: without a bus when the boot has finished).
REFRESH = 60.0
REFRESH_STARTING = 3.0

_BUFFER = 65536


def open_network_events() -> socket.socket:
    """A socket that becomes readable when an address or a link changes."""
    events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    events.bind((0, _GROUPS))
    return events


def follow(look: Callable[[], Banner], path: Path, runner: Runner) -> NoReturn:
    """Keep `path` equal to the banner that `look` sees, for as long as this runs."""
    with open_network_events() as events:
        while True:
            banner = look()
            publish(render(banner), path, runner)
            wait_for_change(events, REFRESH_STARTING if banner.starting else REFRESH)


def wait_for_change(events: socket.socket, timeout: float) -> None:
    """Return after a burst of `events`, or after `timeout` seconds without any."""
    if _readable(events, timeout):
        end = time.monotonic() + LONGEST_BURST
        while _readable(events, BURST) and time.monotonic() < end:
            _drain(events)


def _readable(events: socket.socket, timeout: float) -> bool:
    return bool(select.select([events], [], [], timeout)[0])


def _drain(events: socket.socket) -> None:
    """Read what came: that something did is all that counts, even if the kernel had to drop some (ENOBUFS)."""
    try:
        while events.recv(_BUFFER):
            pass
    except OSError:
        return


def publish(text: str, path: Path, runner: Runner) -> bool:
    """Write the banner to `path` and let agetty show it, when it is not what stands there; whether it was."""
    try:
        if path.read_text(encoding="utf-8") == text:
            return False
    except FileNotFoundError:
        pass
    write_text(path, text)
    # Without --reload, a login prompt that is already there keeps the old banner.
    runner.run(["agetty", "--reload"], check=False)
    return True
