"""The files of /proc and /sys that change all the time: memory, load, processor time. Bytes and seconds."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trebol_common.errors import TrebolError
from trebol_hardware.probe.sysfs import read_int, read_text

#: Columns of a processor's line in /proc/stat (proc(5)): time that was idle, and idle while it waited for a disk.
_IDLE = 3
_WAITING = 4
#: Those that count: guest and guest_nice after them are in user and nice already.
_COUNTED = 8

_PSEUDO = re.compile(r"(loop|ram|zram|dm-|md|nbd|fd|sr)\d")


@dataclass(frozen=True)
class Ticks:
    """Processor time since boot, in hundredths of a second over all processors."""

    total: int = 0
    idle: int = 0
    waiting: int = 0


@dataclass(frozen=True)
class Space:
    """A file system. `available` is what is left for others than root."""

    total: int
    free: int
    available: int


@dataclass(frozen=True)
class Sample:
    """A node at one moment. `memory` is /proc/meminfo by name; `shared` what KSM saves; `at` the time of the sample.

    `received` and `sent` are bytes over the physical interfaces, `read` and `written` of the physical disks, since
    boot.
    """

    at: float
    uptime: float
    load: tuple[str, str, str]
    memory: Mapping[str, int]
    ticks: Ticks
    root: Space
    shared: int = 0
    received: int = 0
    sent: int = 0
    read: int = 0
    written: int = 0


def sample(root: Path, *, at: float) -> Sample:
    """The system below `root` now, `at` in seconds since the epoch. Raises TrebolError where /proc is not mounted."""
    uptime, load = read_text(root / "proc/uptime").split(), read_text(root / "proc/loadavg").split()
    if not uptime or len(load) < 3:
        raise TrebolError("does not say uptime and load", where=str(root / "proc"), hint="is /proc mounted?")
    received, sent = _network(root)
    read, written = _disks(root)
    return Sample(
        at=at,
        uptime=float(uptime[0]),
        load=(load[0], load[1], load[2]),
        memory=memory(read_text(root / "proc/meminfo")),
        ticks=ticks(read_text(root / "proc/stat")),
        root=space(root),
        shared=(read_int(root / "sys/kernel/mm/ksm/pages_sharing") or 0) * os.sysconf("SC_PAGE_SIZE"),
        received=received,
        sent=sent,
        read=read,
        written=written,
    )


def memory(text: str) -> dict[str, int]:
    """/proc/meminfo: bytes by name. It counts in KiB; what has no unit is no size."""
    lines = (line.split() for line in text.splitlines())
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if len(words) == 3 and words[2] == "kB"}


def ticks(text: str) -> Ticks:
    """The first line of /proc/stat; nothing where there is none."""
    match text.split("\n", 1)[0].split():
        case ["cpu", *numbers] if len(numbers) > _WAITING:
            spent = [int(number) for number in numbers[:_COUNTED]]
            return Ticks(sum(spent), spent[_IDLE], spent[_WAITING])
    return Ticks()


def busy(before: Ticks, after: Ticks) -> tuple[float, float]:
    """The shares of processor time between two moments that were spent working and waiting for disks; 0 to 1.

    iowait can go backwards (proc(5)).
    """
    total = after.total - before.total
    if total <= 0:
        return 0.0, 0.0
    waiting = max(after.waiting - before.waiting, 0)
    idle = max(after.idle - before.idle, 0)
    return max(total - idle - waiting, 0) / total, waiting / total


def space(path: Path) -> Space:
    """The file system that holds `path`."""
    found = os.statvfs(path)
    return Space(found.f_blocks * found.f_frsize, found.f_bfree * found.f_frsize, found.f_bavail * found.f_frsize)


def _network(root: Path) -> tuple[int, int]:
    folder = root / "sys/class/net"
    links = [link for link in folder.iterdir() if (link / "device").exists()] if folder.is_dir() else []
    counts = [[read_int(link / "statistics" / f"{way}_bytes") or 0 for link in links] for way in ("rx", "tx")]
    return sum(counts[0]), sum(counts[1])


def _disks(root: Path) -> tuple[int, int]:
    """Documentation/admin-guide/iostats.rst: the third and seventh number of `stat` are sectors of 512 bytes."""
    read = written = 0
    folder = root / "sys/block"
    for disk in folder.iterdir() if folder.is_dir() else ():
        numbers = read_text(disk / "stat").split()
        if len(numbers) >= 7 and not _PSEUDO.match(disk.name):
            read += int(numbers[2]) * 512
            written += int(numbers[6]) * 512
    return read, written
