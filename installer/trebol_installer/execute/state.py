"""What the steps of one run share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from trebol_common.answers.model import Answers
from trebol_common.block_sums import RECORD
from trebol_common.events import Context
from trebol_common.medium import Manifest
from trebol_common.run import Argument, Completed, Runner, show
from trebol_hardware.machine import Machine
from trebol_installer.execute.block import locked
from trebol_installer.plan import Plan
from trebol_installer.steps import Device, PartitionRef

#: Where the target's root is mounted while it is installed.
TARGET = Path("/run/trebol/target")

#: Log and events of the running installation, in the live system; copied to the target at the end.
LOGS = Path("/run/trebol/install")


@dataclass(frozen=True)
class LoggedRunner:
    """A runner that tells its context each command, each line of output, and how long it took."""

    inner: Runner
    context: Context

    def run(
        self,
        command: Sequence[Argument],
        *,
        input: str | None = None,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        secrets: Sequence[str] = (),
        on_line: Callable[[str], None] | None = None,
    ) -> Completed:
        """See `trebol_common.run.Runner.run`. With `on_line`, the caller decides what is worth logging."""
        shown = show(command, secrets)
        self.context.log(f"$ {shown}")
        started = time.monotonic()
        completed = self.inner.run(
            command,
            input=input,
            check=check,
            env=env,
            cwd=cwd,
            secrets=secrets,
            on_line=on_line or self._log,
        )
        self.context.result(command=shown, seconds=round(time.monotonic() - started, 3))
        return completed

    def _log(self, line: str) -> None:
        if line.strip():
            self.context.log(line)


class Undo:
    """What closes again what was opened, in reverse order.

    Not an ExitStack, which forgets a callback that fails: closing can be tried again from there.
    """

    def __init__(self) -> None:
        self._ways: list[Callable[[], object]] = []

    def __bool__(self) -> bool:
        return bool(self._ways)

    def callback(self, way: Callable[..., object], *arguments: Any) -> None:
        """Call `way` before all that were given earlier."""
        self._ways.append(partial(way, *arguments))

    def close(self) -> None:
        """Call all, the last one first. One that raises is the first to be called the next time."""
        while self._ways:
            self._ways[-1]()
            self._ways.pop()

    def skip(self) -> None:
        """Give up the one that comes next."""
        self._ways.pop()

    def take_over(self, other: Undo) -> None:
        """Have what `other` would close, before all of its own."""
        self._ways += other._ways
        other._ways = []


@dataclass(frozen=True)
class Run:
    """One installation while it runs.

    `uuids` maps a device (as `str` of the step's) to the UUID of its file system; `undo` unmounts and closes, in
    reverse order, what this step opened, and `opened` what all steps before it did; `hashed` is where the live system
    keeps what it read of the medium in advance; `fetched` is what a step got for a later one, by a name that both
    know; `lock` keeps udev off the disk while its partitions are made and is released once they are in use; `locked`
    are the stable paths of the disks that it holds. `again`: this step has failed before, and may have left half of
    what it makes. `begun`: something was written to a target.
    """

    plan: Plan
    answers: Answers
    machine: Machine
    manifest: Manifest
    medium: Path
    runner: Runner
    context: Context
    target: Path = TARGET
    logs: Path = LOGS
    hashed: Path = RECORD
    uuids: dict[str, str] = field(default_factory=dict)
    fetched: dict[str, bytes] = field(default_factory=dict, repr=False)
    undo: Undo = field(default_factory=Undo)
    opened: Undo = field(default_factory=Undo)
    lock: ExitStack = field(default_factory=ExitStack)
    locked: set[str] = field(default_factory=set)
    again: bool = False
    begun: bool = False

    def within(self, context: Context) -> Run:
        """The same run, its commands logged in `context`."""
        return replace(self, context=context, runner=LoggedRunner(_bare(self.runner), context))

    def keep_udev_off(self, disk: str) -> None:
        """Lock the disk at a stable path, where that was not done yet."""
        if disk not in self.locked:
            self.lock.enter_context(locked(disk))
            self.locked.add(disk)
            self.lock.callback(self.locked.discard, disk)
            # Longer than one attempt at a step: udev stays away while somebody thinks about the next.
            self.opened.callback(self.lock.close)

    def inside(self, path: str) -> Path:
        """A path of the target: `inside("/etc/fstab")`."""
        return self.target / path.lstrip("/")


def _bare(runner: Runner) -> Runner:
    return runner.inner if isinstance(runner, LoggedRunner) else runner


def key_of(device: Device) -> str:
    """The key of a device in `Run.uuids`."""
    return str(device) if isinstance(device, PartitionRef) else device
