"""Room on the disks that a build writes to: asked for before the work, not found missing in the middle of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trebol_common.errors import Problem, TrebolError, raise_for


@dataclass(frozen=True)
class Need:
    """`size` bytes to be written below `folder`, which exists; `hint` says what to do where they do not fit."""

    folder: Path
    size: int
    hint: str = "free some space there"


@dataclass(frozen=True)
class Disk:
    """A file system: its device number, and the bytes that may still be written to it."""

    device: int
    free: int


def disk_of(folder: Path) -> Disk:
    """The file system that `folder` is on."""
    return Disk(folder.stat().st_dev, shutil.disk_usage(folder).free)


def require_space(needs: Sequence[Need], look: Callable[[Path], Disk] = disk_of) -> None:
    """Raise TrebolError, naming folders and sizes, for every disk that has less free than what is needed of it.

    Needs on the same disk add up.
    """
    by_device: dict[int, list[Need]] = {}
    free: dict[int, int] = {}
    for need in needs:
        disk = look(need.folder)
        by_device.setdefault(disk.device, []).append(need)
        free[disk.device] = disk.free
    short = [
        Problem(
            f"{-(-needed // 2**20)} MiB are needed and {free[device] // 2**20} MiB are free",
            " and ".join(str(need.folder) for need in together),
            "; or ".join(dict.fromkeys(need.hint for need in together)),
        )
        for device, together in by_device.items()
        if (needed := sum(need.size for need in together)) > free[device]
    ]
    raise_for(short, TrebolError)
