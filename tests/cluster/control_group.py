"""A control group for one container. systemd-nspawn puts all that it starts into the same one (`payload`), in which
the first processes of several nodes would empty and remove each other's."""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: Where hierarchies may be that systemd keeps its units in: version 2 alone, or beside version 1.
_ROOTS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup/systemd"))


@contextmanager
def own_control_group(name: str) -> Iterator[tuple[str, ...]]:
    """The beginning of a command that is to run in one of its own, with all that it starts; it goes at the end."""
    ident = f"trebol-test-{name}.{secrets.token_hex(4)}"
    groups = [root / ident for root in _ROOTS if (root / "cgroup.procs").exists()]
    for each in groups:
        each.mkdir()
    enter = "; ".join(f"echo $$ >{shlex.quote(str(each / 'cgroup.procs'))}" for each in groups)
    try:
        yield ("sh", "-e", "-c", f'{enter}; exec "$@"', "sh")
    finally:
        for each in groups:
            _remove(each)


def _remove(group: Path) -> None:
    for folder, _folders, _files in os.walk(group, topdown=False):
        # Of a process that does not end the group stays.
        with suppress(OSError):
            Path(folder).rmdir()
