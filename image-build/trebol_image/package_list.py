"""The package lists under `iso/packages/` and `iso/zfs/`: one name a line, `#` starts a comment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trebol_common.errors import BadInput


@dataclass(frozen=True)
class Wanted:
    """A package somebody asked for, and where they did."""

    name: str
    where: str


def read_package_lists(folder: Path) -> tuple[Wanted, ...]:
    """Every package of every `*.list`, in the order of files and lines. Raises BadInput on a malformed line."""
    wanted = [package for path in sorted(folder.glob("*.list")) for package in read_package_list(path)]
    if not wanted:
        raise BadInput("no package lists", where=str(folder))
    return tuple(wanted)


def read_package_list(path: Path) -> tuple[Wanted, ...]:
    """Every package of one list. Raises BadInput on a malformed line."""
    wanted: list[Wanted] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        words = line.partition("#")[0].split()
        if len(words) > 1:
            raise BadInput(f"more than one word: {line.strip()!r}", where=f"{path}:{number}", hint="one a line")
        wanted += [Wanted(word, f"{path}:{number}") for word in words]
    return tuple(wanted)
