"""Where devices are in use: mount points and swap."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from trebol_hardware.probe.sysfs import read_text

#: What stands for active swap among mount points, as in lsblk(8).
SWAP = "[SWAP]"

_OCTAL = re.compile(r"\\([0-7]{3})")


class Mounts:
    """The mount points of each device: by its number, and by its name (btrfs mounts carry a number of their own)."""

    def __init__(self, by_number: Mapping[str, tuple[str, ...]], by_name: Mapping[str, tuple[str, ...]]) -> None:
        self._by_number = by_number
        self._by_name = by_name

    def of(self, number: str, name: str) -> tuple[str, ...]:
        """Mount points of the device "MAJOR:MINOR" alias /dev/`name`, sorted, each once."""
        return tuple(sorted({*self._by_number.get(number, ()), *self._by_name.get(name, ())}))


def read(root: Path) -> Mounts:
    """Mounts of this process' namespace, and active swap."""
    return parse(read_text(root / "proc/self/mountinfo"), read_text(root / "proc/swaps"))


def parse(mountinfo: str, swaps: str) -> Mounts:
    """From the texts of /proc/self/mountinfo (proc(5): mount point is field 5, source the second after " - ")."""
    by_number: defaultdict[str, list[str]] = defaultdict(list)
    by_name: defaultdict[str, list[str]] = defaultdict(list)
    for line in mountinfo.splitlines():
        mount, _, super_block = line.partition(" - ")
        fields, sources = mount.split(" "), super_block.split(" ")
        if len(fields) < 5 or len(sources) < 2:
            continue
        by_number[fields[2]].append(_decode(fields[4]))
        _add(by_name, sources[1], _decode(fields[4]))
    for line in swaps.splitlines()[1:]:
        for source in line.split()[:1]:
            _add(by_name, source, SWAP)
    return Mounts(
        {number: tuple(points) for number, points in by_number.items()},
        {name: tuple(points) for name, points in by_name.items()},
    )


def _add(by_name: defaultdict[str, list[str]], source: str, point: str) -> None:
    if source.startswith("/dev/"):
        by_name[_decode(source).removeprefix("/dev/")].append(point)


def _decode(text: str) -> str:
    """Undo the kernel's octal escapes for blanks and backslashes."""
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)
