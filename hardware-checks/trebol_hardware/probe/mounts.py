"""Where devices are in use: mount points and swap."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

from trebol_hardware.machine import SWAP
from trebol_hardware.probe.sysfs import names, read_text

_OCTAL = re.compile(r"\\([0-7]{3})")


class Mounts:
    """The mount points of each device: by its number, and by its name (btrfs mounts carry a number of their own).

    Mounted file systems of a ZFS pool count for each of its members, and those of btrfs for each of its devices:
    `siblings` holds, by name, the names of all devices of the same file system.
    """

    def __init__(
        self,
        by_number: Mapping[str, tuple[str, ...]],
        by_name: Mapping[str, tuple[str, ...]],
        by_pool: Mapping[str, tuple[str, ...]],
        siblings: Mapping[str, frozenset[str]],
    ) -> None:
        self._by_number = by_number
        self._by_name = by_name
        self._by_pool = by_pool
        self._siblings = siblings

    def of(self, number: str, *names: str) -> tuple[str, ...]:
        """Mount points of the device "MAJOR:MINOR" alias /dev/NAME for each of `names`, sorted, each once."""
        called = {*names}.union(*(self._siblings.get(name, ()) for name in names))
        by_name = (point for name in called for point in self._by_name.get(name, ()))
        return tuple(sorted({*self._by_number.get(number, ()), *by_name}))

    def of_pool(self, name: str) -> tuple[str, ...]:
        """Mount points of the file systems in the ZFS pool called `name`, sorted, each once."""
        return tuple(sorted({*self._by_pool.get(name, ())}))


def read(root: Path) -> Mounts:
    """Mounts of this process' namespace, and active swap."""
    return parse(
        read_text(root / "proc/self/mountinfo"),
        read_text(root / "proc/swaps"),
        _btrfs(root),
        resolve=lambda source: _node(source, root.resolve()),
    )


def _btrfs(root: Path) -> dict[str, frozenset[str]]:
    """By name, all devices of the mounted btrfs that a device belongs to; mountinfo names one of them only."""
    siblings: dict[str, frozenset[str]] = {}
    for uuid in names(root / "sys/fs/btrfs"):
        members = names(root / "sys/fs/btrfs" / uuid / "devices")
        mapped = (read_text(root / "sys/block" / member / "dm/name") for member in members)
        called = frozenset({*members, *(f"mapper/{name}" for name in mapped if name)})
        siblings |= dict.fromkeys(called, called)
    return siblings


def _node(source: str, root: Path) -> str:
    """Where a path of the system at `root` leads, links followed."""
    # Not Path.resolve, which links in a circle would end.
    found = Path(os.path.realpath(root / source.removeprefix("/")))
    return f"/{found.relative_to(root)}" if found.is_relative_to(root) else str(found)


def parse(
    mountinfo: str,
    swaps: str,
    siblings: Mapping[str, frozenset[str]] | None = None,
    *,
    resolve: Callable[[str], str] = os.path.realpath,
) -> Mounts:
    """From the texts of /proc/self/mountinfo (proc(5): mount point is field 5, after " - " come type and source).

    A btrfs may be mounted by a link, which mountinfo then tells: `resolve` makes a device's node of it.
    """
    by_number: defaultdict[str, list[str]] = defaultdict(list)
    by_name: defaultdict[str, list[str]] = defaultdict(list)
    by_pool: defaultdict[str, list[str]] = defaultdict(list)
    for line in mountinfo.splitlines():
        mount, _, super_block = line.partition(" - ")
        fields, sources = mount.split(" "), super_block.split(" ")
        if len(fields) < 5 or len(sources) < 2:
            continue
        by_number[fields[2]].append(_decode(fields[4]))
        for name in _names(sources[1], resolve):
            by_name[name].append(_decode(fields[4]))
        if sources[0] == "zfs":
            by_pool[_decode(sources[1]).partition("/")[0]].append(_decode(fields[4]))
    for line in swaps.splitlines()[1:]:
        for source in line.split()[:1]:
            for name in _names(source, resolve):
                by_name[name].append(SWAP)
    return Mounts(
        {number: tuple(points) for number, points in by_number.items()},
        {name: tuple(points) for name, points in by_name.items()},
        {name: tuple(points) for name, points in by_pool.items()},
        siblings or {},
    )


def _names(source: str, resolve: Callable[[str], str]) -> frozenset[str]:
    """What a source is called below /dev: as it was given, and as the kernel calls it. Nothing else is a device."""
    given = _decode(source)
    if not given.startswith("/dev/"):
        return frozenset()
    return frozenset(path.removeprefix("/dev/") for path in (given, resolve(given)))


def _decode(text: str) -> str:
    """Undo the kernel's octal escapes for blanks and backslashes."""
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)
