"""Time: clock sources, what keeps the clock in step, and how well."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from trebol_common.run import Completed
from trebol_hardware.facts import Clock
from trebol_hardware.probe.sysfs import count, names, read_count, read_text, to_count

CLOCKSOURCE = "sys/devices/system/clocksource/clocksource0"
HARDWARE_CLOCK = "sys/class/rtc/rtc0/since_epoch"
ADJTIME = "etc/adjtime"

#: chronyc(1): -c prints comma-separated values, -n asks no name server.
TRACKING = ("chronyc", "-n", "-c", "tracking")
SOURCES = ("chronyc", "-n", "-c", "sources")
#: The kernel's word: that its estimate of the largest error is below 16 seconds.
SYNCHRONISED = ("timedatectl", "show", "--property=NTPSynchronized")

#: What keeps time, by its name in /proc/PID/comm, which the kernel cuts after 15 letters.
_DAEMONS = {"chronyd": "chronyd", "systemd-timesyn": "systemd-timesyncd", "ntpd": "ntpd", "phc2sys": "phc2sys"}

#: Columns of chronyc's tracking: the clock's offset in seconds, and the leap status; of sources: an octal bit mask of
#: the last eight polls.
_TRACKING_COLUMNS = 14
_OFFSET = 4
_LEAP = 13
_REACH = 5
_NOT_SYNCHRONISED = "Not synchronised"

#: No clock is further off than this many seconds; a larger number is none.
_FURTHEST = 2**40


def read(root: Path, now: Callable[[], float] = time.time) -> Clock:
    """What the kernel tells by itself. `now` gives the system's time, in seconds since 1970."""
    folder = root / CLOCKSOURCE
    return Clock(
        source=read_text(folder / "current_clocksource"),
        available_sources=tuple(read_text(folder / "available_clocksource").split()),
        daemon=_daemon(root / "proc"),
        hardware_clock_offset=_hardware_clock_offset(root, now),
    )


def with_answers(clock: Clock, *, tracking: Completed, sources: Completed, synchronised: Completed) -> Clock:
    """`clock` with what the answers to TRACKING, SOURCES and SYNCHRONISED say; a program that failed says nothing."""
    row = _tracking(tracking.stdout) if tracking.status == 0 else None
    return replace(
        clock,
        daemon="chronyd" if row is not None else clock.daemon,
        synchronised=_synchronised(synchronised.stdout, row),
        offset=None if row is None or row[_LEAP] == _NOT_SYNCHRONISED else _microseconds(row[_OFFSET]),
        servers=_reachable(sources.stdout) if sources.status == 0 else None,
    )


def _daemon(processes: Path) -> str:
    running = {read_text(processes / name / "comm") for name in names(processes) if name.isdecimal()}
    return next((daemon for name, daemon in _DAEMONS.items() if name in running), "")


def _hardware_clock_offset(root: Path, now: Callable[[], float]) -> int | None:
    """Seconds between both clocks; the hardware's may be kept in local time (hwclock(8): third line of adjtime)."""
    hardware = read_count(root / HARDWARE_CLOCK)
    if hardware is None or hardware > _FURTHEST:
        return None
    system = now()
    if read_text(root / ADJTIME).splitlines()[2:3] == ["LOCAL"]:
        system += time.localtime(system).tm_gmtoff
    return abs(round(hardware - system))


def _tracking(text: str) -> list[str] | None:
    rows = _rows(text)
    return rows[0] if rows and len(rows[0]) == _TRACKING_COLUMNS else None


def _synchronised(text: str, tracking: list[str] | None) -> bool | None:
    match text.strip().partition("="):
        case ("NTPSynchronized", "=", "yes"):
            return True
        case ("NTPSynchronized", "=", "no"):
            return False
    return None if tracking is None else tracking[_LEAP] != _NOT_SYNCHRONISED


def _microseconds(seconds: str) -> int | None:
    try:
        offset = abs(float(seconds))
    except ValueError:
        return None
    return count(round(offset * 1_000_000)) if offset < _FURTHEST else None


def _reachable(text: str) -> int:
    """Sources that answered one of the last eight polls."""
    return sum(1 for row in _rows(text) if len(row) > _REACH and to_count(row[_REACH], 8))


def _rows(text: str) -> list[list[str]]:
    try:
        return list(csv.reader(text.splitlines()))
    except csv.Error:
        return []
