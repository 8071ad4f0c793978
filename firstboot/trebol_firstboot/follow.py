"""Keeping the banner right: written anew when the kernel tells of an address, a link or a boot that has finished."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from trebol_common.files import write_text
from trebol_common.run import CommandFailed, Runner
from trebol_common.systemd import READY, notify
from trebol_firstboot.banner import Banner, render

#: Where agetty looks for what goes above the login prompt; gone with the boot, as it should be.
ISSUE = Path("/run/issue.d/trebol.issue")

#: linux/rtnetlink.h: RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR.
_GROUPS = 0x1 | 0x10 | 0x100

#: Seconds of quiet after which a burst of events is over, and how long a burst may last. Not shorter: on a serial
#: line agetty throws away what is typed in the second before it redraws, so it should redraw once, not for each event
#: of a boot, and not at the moment at which the prompt appears and a script types the name.
QUIET = 2.0
LONGEST_BURST = 6.0

#: Seconds after which the state is looked at without any event: a unit can fail at any time.
REFRESH = 60.0

_BUFFER = 65536


def open_network_events() -> socket.socket:
    """A socket that becomes readable when an address or a link changes."""
    events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    events.bind((0, _GROUPS))
    return events


def follow(look: Callable[[], Banner], path: Path, runner: Runner) -> NoReturn:
    """Keep `path` equal to the banner that `look` sees, for as long as this runs."""
    with open_network_events() as network, boot_finished(runner) as boot:
        while True:
            publish(render(look()), path, runner)
            notify(READY)  # The first prompt waits for the first banner.
            wait_for_change((network, boot), REFRESH)


@contextmanager
def boot_finished(runner: Runner) -> Iterator[socket.socket]:
    """A socket that becomes readable once, when systemd has started the whole system."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)

    def wait() -> None:
        try:
            runner.run(["systemctl", "is-system-running", "--wait"], check=False)
        except CommandFailed:
            return  # No systemd: there is nothing to wait for.
        theirs.send(b"finished")

    with ours, theirs:
        threading.Thread(target=wait, daemon=True).start()
        yield ours


def wait_for_change(events: Sequence[socket.socket], timeout: float) -> None:
    """Return after a burst of `events`, or after `timeout` seconds without any."""
    ready = _readable(events, timeout)
    end = time.monotonic() + LONGEST_BURST
    while ready and time.monotonic() < end:
        for event in ready:
            _drain(event)
        ready = _readable(events, QUIET)


def _readable(events: Sequence[socket.socket], timeout: float) -> list[socket.socket]:
    return select.select(events, [], [], timeout)[0]


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
