"""Finding the image to boot."""

from __future__ import annotations

from pathlib import Path

from trebol_common.errors import BadInput


def newest_iso(folder: Path) -> Path:
    """The ISO in `folder` that was written last. Raises BadInput when there is none."""
    images = sorted(folder.glob("*.iso"), key=lambda path: path.stat().st_mtime)
    if not images:
        raise BadInput("no ISO here", where=str(folder), hint="build one with `make iso`, or name one")
    return images[-1]
