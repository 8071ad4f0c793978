"""Writing files so that nobody ever reads half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def write_new(path: Path, *, mode: int = 0o644) -> Iterator[IO[str]]:
    """Write a text file in one step: temporary file beside it, fsync, chmod, rename.

    The old file stays whole until the new one is; on an exception it stays for good. Parent folders are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str, *, mode: int = 0o644) -> None:
    """`write_new` for a text that is already whole."""
    with write_new(path, mode=mode) as stream:
        stream.write(text)


def write_output(path: Path, text: str) -> None:
    """Write what a user asked to have in `path`: as `write_text`, but through a link, a device or a pipe.

    /dev/stdout and /dev/null are named as outputs too; to replace them would break the whole system.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        path.write_text(text, encoding="utf-8")
    else:
        write_text(path, text)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
