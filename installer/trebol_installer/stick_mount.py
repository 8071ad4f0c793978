"""A file system of a USB stick, mounted as long as it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trebol_common.errors import TrebolError
from trebol_common.i18n import _
from trebol_common.run import CommandFailed, Runner
from trebol_installer.sticks import FileSystem

#: Where.
AT = Path("/run/trebol/stick")


@contextmanager
def mounted(system: FileSystem, at: Path, runner: Runner, *, written: bool = False) -> Iterator[None]:
    """Mount it read-only, or to be written. Raises TrebolError where it cannot be mounted."""
    at.mkdir(parents=True, exist_ok=True)
    options = f"{'rw' if written else 'ro'},nodev,nosuid,noexec"
    try:
        runner.run(["mount", "--types", system.kind, "--options", options, system.device, at])
    except CommandFailed as error:
        wrong = _("{name} cannot be mounted: {reason}")
        reason = " ".join(error.last_lines)
        raise TrebolError(wrong.format(name=system.name, reason=reason), where=system.stick) from error
    try:
        yield
        if written:
            # What cannot be written is told here, and not lost by whoever pulls the stick out.
            runner.run(["sync", "--file-system", at])
    finally:
        runner.run(["umount", at])
