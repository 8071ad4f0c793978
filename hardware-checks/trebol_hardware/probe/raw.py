"""Reading bytes of a device, which is never opened for anything else."""

from __future__ import annotations

import errno
import os
from pathlib import Path


class RawDevice:
    """A device or an image of one, open for reading. Raises OSError where it cannot be opened or read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes from `offset` on, fewer at the end of the device."""
        found = b""
        while len(found) < length and (more := os.pread(self._file, length - len(found), offset + len(found))):
            found += more
        return found

    def read_all(self, offset: int, length: int) -> bytes:
        """As `read`, but a device that ends too early is an error of reading."""
        found = self.read(offset, length)
        if len(found) < length:
            raise OSError(errno.EIO, "ends too early", str(self._path))
        return found

    def close(self) -> None:
        """Close it."""
        os.close(self._file)
