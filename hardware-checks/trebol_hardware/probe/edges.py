"""A digest of both ends of a disk, by which it is known again: tables, labels and superblocks lie there."""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path

from trebol_hardware.probe.raw import RawDevice

#: Bytes at either end.
EDGE = 2**20


def digest(path: Path, size: int) -> str:
    """SHA-256, in hexadecimal, of the first and the last MiB of the device at `path` with `size` bytes.

    Of all of it where it has less than two. Opened for reading only. Raises OSError where it cannot be read, or ends
    before `size`.
    """
    total = hashlib.sha256()
    with closing(RawDevice(path)) as device:
        for start, end in ((0, min(EDGE, size)), (max(size - EDGE, min(EDGE, size)), size)):
            total.update(device.read_all(start, end - start))
    return total.hexdigest()
