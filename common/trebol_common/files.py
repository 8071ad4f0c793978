"""Writing files so that nobody ever reads half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def _replacing(path: Path, mode: int) -> Iterator[int]:
    """The descriptor of a temporary file beside `path`, which takes its place where the block ends well.

    It is on the disk by then. The old file stays whole until the new one is; on an exception it stays for good.
    Parent folders are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        try:
            yield descriptor
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def write_new(path: Path, *, mode: int = 0o644) -> Iterator[IO[str]]:
    """Write a text file in one step: temporary file beside it, fsync, chmod, rename."""
    with _replacing(path, mode) as descriptor, os.fdopen(descriptor, "w", encoding="utf-8", closefd=False) as stream:
        yield stream


def write_text(path: Path, text: str, *, mode: int = 0o644) -> None:
    """`write_new` for a text that is already whole."""
    with write_new(path, mode=mode) as stream:
        stream.write(text)


def write_bytes(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """As `write_text`, for what is no text."""
    with _replacing(path, mode) as descriptor, os.fdopen(descriptor, "wb", closefd=False) as stream:
        stream.write(content)


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
