"""Reading the kernel's attribute files: small texts that may be missing or refuse to be read."""

from __future__ import annotations

import os
import re
from pathlib import Path

from trebol_hardware.record import LARGEST

#: The kernel counts `size` and `start` of block devices in these, whatever the disk's own sectors are.
SECTOR = 512

#: Domain, bus, device and function; the domain of Intel's VMD has five digits.
PCI_ADDRESS = re.compile(r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")


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


def read_count(path: Path) -> int | None:
    """The number in an attribute, or None where there is none, or one that nothing can be counted by."""
    return count(read_int(path))


def count(number: int | None) -> int | None:
    """`number` if it can be a count of something: a record holds no other."""
    return number if number is not None and 0 <= number <= LARGEST else None


def to_count(text: str, base: int = 10) -> int | None:
    """The count that `text` writes down; with base 0, "0x1f" counts too."""
    try:
        return count(int(text, base))
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


def real_path(path: Path) -> Path:
    """`path` without symbolic links. Those that lead in a circle stay: Path.resolve() raises for them, until 3.13."""
    return Path(os.path.realpath(path))


def pci_above(path: Path) -> str:
    """The PCI function that the sysfs folder `path` is or hangs on; none behind USB, whose controller is shared."""
    parts = real_path(path).parts
    if any(part.startswith("usb") for part in parts):
        return ""
    return next((part for part in reversed(parts) if PCI_ADDRESS.fullmatch(part)), "")


def names(folder: Path) -> list[str]:
    """The sorted names in a folder; none where it is missing."""
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return []


def natural(name: str) -> list[tuple[str, int, str]]:
    """A key that sorts by driver, numbers by value and letters by length: nvme2n1, nvme10n1, sda, sdz, sdaa."""
    return [(part[:2] if part.isalpha() else "", len(part), part) for part in re.split(r"(\d+)", name)]
