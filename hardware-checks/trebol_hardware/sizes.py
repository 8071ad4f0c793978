"""Sizes in words for people."""

from __future__ import annotations


def show_size(size: int) -> str:
    """Bytes as people say them, in the unit in which the answer file counts: `1.8 TiB`, `59.6 GiB`, `512 MiB`."""
    if size >= 2**40:
        return f"{size / 2**40:.1f} TiB"
    if size >= 2**30:
        return f"{size / 2**30:.1f} GiB"
    return f"{size / 2**20:.0f} MiB"
