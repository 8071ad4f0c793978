"""Copying the project's files into trees that belong to root."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def copy_file(source: Path, target: Path) -> None:
    """Copy one file or symbolic link: owned by root, mode 0755 where it is executable and 0644 otherwise.

    The checkout's own modes depend on the umask of whoever cloned it; an image must not.
    """
    make_folders(target.parent)
    target.unlink(missing_ok=True)
    if source.is_symlink():
        target.symlink_to(source.readlink())
        return
    shutil.copyfile(source, target)
    target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)


def make_folders(folder: Path) -> None:
    """`mkdir -p` with mode 0755, whatever the umask."""
    if folder.is_dir():
        return
    make_folders(folder.parent)
    folder.mkdir()
    folder.chmod(0o755)


def copy_tree(source: Path, target: Path) -> None:
    """Copy every file below `source` to its place below `target`; folders appear where files need them."""
    for path in sorted(source.rglob("*")):
        if path.is_symlink() or path.is_file():
            copy_file(path, target / path.relative_to(source))
