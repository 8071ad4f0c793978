"""Hashing what layers are made of: files, folders, tools."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from trebol_common.run import Runner


def hash_text(text: str) -> str:
    """SHA-256 of a text, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def hash_file(path: Path) -> str:
    """SHA-256 over a file's bytes and whether it is executable, or over a symbolic link's target."""
    if path.is_symlink():
        return hash_text(f"link {path.readlink()}")
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return hash_text(f"{digest} {'x' if os.access(path, os.X_OK) else '-'}")


def hash_tree(folder: Path, *, label: str = "") -> dict[str, str]:
    """One input for each file below `folder`, named by its path; caches of Python are no inputs."""
    prefix = label or folder.name
    return {
        f"{prefix}/{path.relative_to(folder)}": hash_file(path)
        for path in sorted(folder.rglob("*"))
        if (path.is_file() or path.is_symlink()) and not _is_debris(path)
    }


def _is_debris(path: Path) -> bool:
    return path.suffix == ".pyc" or "__pycache__" in path.parts or path.name.endswith((".egg-info", "~"))


def tool_versions(packages: Iterable[str], runner: Runner) -> dict[str, str]:
    """Versions of the host's Debian packages that make the layers. Raises CommandFailed when one is not installed."""
    names = list(packages)
    text = runner.run(["dpkg-query", "--show", "--showformat=${Package} ${Version}\n", *names]).stdout
    return {f"tool {name}": version for name, version in (line.split() for line in text.splitlines())}
