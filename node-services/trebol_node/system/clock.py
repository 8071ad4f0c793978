"""A node's time, time zone and time servers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trebol_hardware.probe.sysfs import read_text

#: Trebol's own file of sources, which chrony reads beside its others (chrony.conf(5), sourcedir).
SOURCES = "etc/chrony/sources.d/trebol.sources"

_SERVER = "server "

_ZONES = "zoneinfo/"
_NAME = re.compile(r"[A-Za-z0-9+_-]+(/[A-Za-z0-9+_-]+)*")


def timezone(root: Path) -> str:
    """The name of the time zone ("Europe/Madrid") by /etc/localtime, else /etc/timezone; "UTC" without either."""
    try:
        target = os.readlink(root / "etc/localtime")  # noqa: PTH115 (a relative target stays as it is)
    except OSError:
        target = ""
    name = target.partition(_ZONES)[2] or read_text(root / "etc/timezone")
    return name if _NAME.fullmatch(name) else "UTC"


def time_of(now: float, zone: str) -> dict[str, int | str]:
    """The value of GET /nodes/{node}/time. `localtime` is what the node's clocks show, as seconds of 1970."""
    try:
        offset = datetime.fromtimestamp(now, ZoneInfo(zone)).utcoffset()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        offset = datetime.fromtimestamp(now, UTC).utcoffset()
    shift = int(offset.total_seconds()) if offset else 0
    return {"localtime": int(now) + shift, "time": int(now), "timezone": zone}


def render_servers(servers: Iterable[str]) -> str:
    """Trebol's file of sources.

    The pool that Debian's chrony.conf names stays, for when none of these answers; while one does, none of the pool
    outvotes it (`trust`) or is followed in its place (`prefer`).
    """
    return "# Written by Trebol.\n" + "".join(f"{_SERVER}{server} iburst prefer trust\n" for server in servers)


def time_servers(root: Path) -> list[str] | None:
    """The servers of Trebol's file; None where chrony is not installed."""
    path = root / SOURCES
    if not path.parent.is_dir():
        return None
    given = (line.removeprefix(_SERVER).split() for line in read_text(path).splitlines() if line.startswith(_SERVER))
    return [words[0] for words in given if words]
