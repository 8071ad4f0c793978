"""What the steps of one run share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from trebol_common.answers.model import Answers
from trebol_common.block_sums import RECORD
from trebol_common.events import Context
from trebol_common.medium import Manifest
from trebol_common.run import Argument, Completed, Runner, show
from trebol_hardware.machine import Machine
from trebol_installer.plan import Plan
from trebol_installer.steps import Device, PartitionRef

#: Where the target's root is mounted while it is installed.
TARGET = Path("/run/trebol/target")

#: Log and events of the running installation, in the live system; copied to the target at the end.
LOGS = Path("/run/trebol/install")


@dataclass(frozen=True)
class LoggedRunner:
    """A runner that tells its context each command and each line of output."""

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
        self.context.log(f"$ {show(command, secrets)}")
        return self.inner.run(
            command,
            input=input,
            check=check,
            env=env,
            cwd=cwd,
            secrets=secrets,
            on_line=on_line or self._log,
        )

    def _log(self, line: str) -> None:
        if line.strip():
            self.context.log(line)


class Locks:
    """The disks that udev is kept off, each on its own."""

    def __init__(self) -> None:
        self._held: dict[str, ExitStack] = {}

    def take(self, disk: str, lock: AbstractContextManager[None]) -> None:
        """Hold `lock` for `disk`, in place of the one held until now."""
        self.release(disk)
        self._held[disk] = ExitStack()
        self._held[disk].enter_context(lock)

    def release(self, disk: str) -> None:
        """Let udev look at `disk` again; nothing where it may already."""
        if disk in self._held:
            self._held.pop(disk).close()

    def close(self) -> None:
        """Release every disk."""
        for disk in tuple(self._held):
            self.release(disk)


@dataclass(frozen=True)
class Run:
    """One installation while it runs.

    `uuids` maps a device (as `str` of the step's) to the UUID of its file system; `undo` unmounts and closes, in
    reverse order; `hashed` is where the live system keeps what it read of the medium in advance; `locks` keep udev
    off the disks while their partitions are made and are released once they are in use.
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
    undo: ExitStack = field(default_factory=ExitStack)
    locks: Locks = field(default_factory=Locks)

    def within(self, context: Context) -> Run:
        """The same run, its commands logged in `context`."""
        return replace(self, context=context, runner=LoggedRunner(_bare(self.runner), context))

    def inside(self, path: str) -> Path:
        """A path of the target: `inside("/etc/fstab")`."""
        return self.target / path.lstrip("/")


def _bare(runner: Runner) -> Runner:
    return runner.inner if isinstance(runner, LoggedRunner) else runner


def key_of(device: Device) -> str:
    """The key of a device in `Run.uuids`."""
    return str(device) if isinstance(device, PartitionRef) else device
