"""Screens as they are to be, in files: `TREBOL_SNAPSHOTS=write pytest tests/screens` writes them anew, to be read."""

from __future__ import annotations

import os
from pathlib import Path

LANGUAGES = ("en", "es")
FOLDER = Path(__file__).parent / "snapshots"


def compare(name: str, text: str) -> None:
    """Compare a screen with its file `snapshots/NAME.txt`."""
    path = FOLDER / f"{name}.txt"
    if os.environ.get("TREBOL_SNAPSHOTS") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"no snapshot {path.name} yet; this is the screen:\n{text}"
    assert text == path.read_text(encoding="utf-8")
