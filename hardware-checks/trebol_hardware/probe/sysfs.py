"""Reading the kernel's attribute files: small texts that may be missing or refuse to be read."""

from __future__ import annotations

from pathlib import Path

#: The kernel counts `size` and `start` of block devices in these, whatever the disk's own sectors are.
SECTOR = 512


def read_text(path: Path) -> str:
    """The stripped text of an attribute; empty where there is none.

    Attributes answer EINVAL or ENODEV for what a device cannot tell (carrier of an interface that is down), and
    EACCES for what only root may see: unknown, all of them.
    """
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0 \t\r\n")
    except OSError:
        return ""


def read_int(path: Path) -> int | None:
    """The number in an attribute, or None where there is none."""
    text = read_text(path)
    try:
        return int(text)
    except ValueError:
        return None


def read_flag(path: Path) -> bool:
    """Whether an attribute is 1."""
    return read_text(path) == "1"


def link_name(path: Path) -> str:
    """The last part of what a symbolic link points to ("driver", "subsystem"); empty where there is none."""
    try:
        return path.readlink().name
    except OSError:
        return ""


def names(folder: Path) -> list[str]:
    """The sorted names in a folder; none where it is missing."""
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return []
