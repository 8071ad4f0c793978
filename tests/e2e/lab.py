"""What end-to-end tests run on: machines that each live in a thread of their own, at most so many at once.

A job is a context manager that brings a machine to where tests want it and hands out what they look at. Its thread
enters it, and leaves it once the tests let go. Jobs start in the order in which tests will ask for them, so that the
next machine comes up while the last one is being looked at.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from trebol_common.run import CommandRunner
from trebol_image.qemu import EmulatorFault, MachineConfig, VirtualMachine

#: Every deadline is multiplied by this, for machines that are slower or busier than two idle cores.
PATIENCE = float(os.environ.get("TREBOL_PATIENCE", "1"))

#: Machines that run at once.
MACHINES = int(os.environ.get("TREBOL_MACHINES", "1"))

#: Processors of a machine. With one, services that start at once keep each other beyond systemd's time limits.
PROCESSORS = int(os.environ.get("TREBOL_PROCESSORS", "2"))

#: How often something is tried whose guest the emulator broke: seldom, but not the fault of what is tested.
TRIES = 3

Made = TypeVar("Made")


def patient(seconds: float) -> float:
    """A deadline for this machine."""
    return seconds * PATIENCE


def undisturbed(attempt: Callable[[], Made]) -> Made:
    """What `attempt` makes; tried again, with a warning, when the emulator and not what is tested broke the guest."""
    for left in range(TRIES - 1, -1, -1):
        try:
            return attempt()
        except EmulatorFault as error:
            if not left:
                raise
            warnings.warn(f"tried again: {error}", stacklevel=2)
    raise AssertionError("unreachable")


@dataclass(frozen=True)
class Lab:
    """What all jobs share: the ISO, the folder for what machines leave behind, the administrator's SSH key.

    Machines run on `qemu`, else on the QEMU of the host. With `reuse`, an installation that an earlier session made
    of the same ISO and answers is not made again.
    """

    iso: Path
    folder: Path
    key: Path
    qemu: Path | None = None
    reuse: bool = False
    running: set[VirtualMachine] = field(default_factory=set)
    _made: dict[str, Future[Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def public_key(self) -> str:
        """The key's public half, one line."""
        return self.key.with_suffix(".pub").read_text(encoding="utf-8").strip()

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What `make` makes, made by whichever job needs it first; others wait for it. Raises what went wrong."""
        with self._lock:
            mine = name not in self._made
            made: Future[Made] = self._made.setdefault(name, Future())
        if mine:
            try:
                made.set_result(make())
            except BaseException as error:
                made.set_exception(error)
                raise
        return made.result()

    @contextmanager
    def machine(
        self, config: MachineConfig, folder: Path, tap: Callable[[bytes], None] | None = None
    ) -> Iterator[VirtualMachine]:
        """A running machine with `PROCESSORS`, which `Farm` can find and end when the tests are interrupted.

        `tap` gets each byte of its console.
        """
        config = replace(config, cpus=PROCESSORS)
        if self.qemu is not None:
            config = replace(config, program=str(self.qemu))
        with VirtualMachine(config, folder, name=f"{folder.parent.name}/{folder.name}", tap=tap) as machine:
            self.running.add(machine)
            try:
                yield machine
            finally:
                self.running.discard(machine)


def make_blank(path: Path, size: int) -> Path:
    """A new raw image of `size` bytes, all of it a hole."""
    path.unlink(missing_ok=True)
    path.touch()
    os.truncate(path, size)
    return path


def make_key(folder: Path, *, reuse: bool) -> Path:
    """An SSH key for this session; with `reuse`, the one of the last session."""
    folder.mkdir(parents=True, exist_ok=True)
    key = folder / "id_ed25519"
    if reuse and key.exists():
        return key
    for old in folder.glob("id_ed25519*"):
        old.unlink()
    CommandRunner().run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "e2e", "-f", key])
    return key


Job = Callable[[Lab], AbstractContextManager[object]]


class Farm:
    """Carries out jobs, `MACHINES` at once, in the order given."""

    def __init__(self, lab: Lab, jobs: Mapping[str, Job]) -> None:
        self._lab = lab
        self._jobs = jobs
        self._handed_out: dict[str, Future[object]] = {name: Future() for name in jobs}
        self._let_go = {name: threading.Event() for name in jobs}
        self._ended: dict[str, Future[None]] = {}
        self._closing = False
        self._pool = ThreadPoolExecutor(max_workers=MACHINES, thread_name_prefix="machine")

    def __enter__(self) -> Self:
        for name in self._jobs:
            self._ended[name] = self._pool.submit(self._live, name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        for event in self._let_go.values():
            event.set()
        # Threads that wait for something on a machine hear at once that it has ended.
        for machine in tuple(self._lab.running):
            machine.process.terminate()
        self._pool.shutdown(cancel_futures=True)

    def get(self, name: str) -> object:
        """What the job hands out. Raises what went wrong in it."""
        return self._handed_out[name].result()

    def let_go(self, name: str) -> None:
        """Have the job end; raises what went wrong in its end."""
        self._let_go[name].set()
        if not self._closing and self._handed_out[name].done() and self._handed_out[name].exception() is None:
            self._ended[name].result()

    def _live(self, name: str) -> None:
        if self._closing:
            return
        handed_out = self._handed_out[name]
        try:
            with ExitStack() as stack:
                handed_out.set_result(undisturbed(lambda: stack.enter_context(self._jobs[name](self._lab))))
                self._let_go[name].wait()
        except BaseException as error:
            if handed_out.done():
                raise
            handed_out.set_exception(error)
