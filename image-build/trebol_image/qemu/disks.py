"""Disk images for virtual machines."""

from __future__ import annotations

from pathlib import Path

from trebol_common.run import CommandRunner, Runner


def create_disk(
    path: Path, size: str | None = None, *, backing: Path | None = None, runner: Runner | None = None
) -> Path:
    """Make an empty qcow2 of `size` (as qemu-img reads it: "32G"), or one that shows `backing` until written to.

    An image that is there already is replaced; `backing` (qcow2 as well) is never written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    command: list[str] = ["qemu-img", "create", "-q", "-f", "qcow2"]
    if backing is not None:
        command += ["-b", str(backing.absolute()), "-F", "qcow2"]
    command.append(str(path))
    if size is not None:
        command.append(size)
    (runner or CommandRunner()).run(command)
    return path
