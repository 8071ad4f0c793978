"""Printing for people, on terminals that may lack letters."""

from __future__ import annotations

import os
import sys

import typer


def ascii_only() -> bool:
    """Whether ✗ and ✓ cannot be shown: the kernel's console has no font with them."""
    encoding = _encoding().lower().replace("-", "")
    return encoding != "utf8" or os.environ.get("TERM") == "linux"


def show(text: str) -> None:
    """Print, with “?” for what the terminal's encoding lacks: firmware may put any letter into a name."""
    typer.echo(encodable(text, _encoding()))


def encodable(text: str, encoding: str = "utf-8") -> str:
    """`text` with “?” for what an encoding lacks; UTF-8 lacks the bytes of names that are not UTF-8."""
    return text.encode(encoding, errors="replace").decode(encoding)


def _encoding() -> str:
    """That of the terminal. There is no stdout at all where the caller closed it."""
    return (sys.stdout.encoding if sys.stdout is not None else None) or "ascii"
