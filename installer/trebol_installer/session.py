"""One installation from beginning to end: probe, answers, plan, execution, and what happens afterwards."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from trebol_common.answers.model import Answers, NetworkSource, RebootMode
from trebol_common.errors import BadInput, TrebolError
from trebol_common.events import Context, Sink, tee, while_it_lasts
from trebol_common.i18n import _
from trebol_common.medium import MANIFEST, module_key, read_manifest
from trebol_common.run import CommandRunner, Runner
from trebol_hardware.machine import Machine
from trebol_installer.drivers import load_virtualisation
from trebol_installer.execute import DryRun, Executor, Installer, StepFailed, never
from trebol_installer.execute.filesystems import clear_leftovers
from trebol_installer.execute.state import LOGS, TARGET
from trebol_installer.links import wake_links
from trebol_installer.plan import Plan, plan
from trebol_installer.report import logging_to
from trebol_installer.sources import COMMAND_LINE, console_words
from trebol_installer.step_weights import weight

#: The outermost context of an installation, and the one before it in which the plan is made.
INSTALL = "install"
PREPARE = "prepare"


@dataclass(frozen=True)
class Prepared:
    """All that is known before the first step: what to do, and who does it."""

    plan: Plan
    executor: Executor


def require_root() -> None:
    """Raise BadInput unless this process may write to disks."""
    if os.geteuid() != 0:
        hint = _("run it as root, or look first with --dry-run")
        raise BadInput(_("installing needs root"), where="trebol install", hint=hint)


def this_machine(runner: Runner) -> Machine:
    """The probed machine, with the health of its disks.

    The other programs that `trebol check` asks (chronyc, timedatectl, ethtool, ipmitool) tell of nothing that the
    live system has, or of nothing that an installation is refused for.
    """
    # The probe loads pyudev, which a dry run on a recorded machine can do without.
    from trebol_hardware.probe.questions import with_disk_health
    from trebol_hardware.probe.whole import probe

    return with_disk_health(probe(edges=True), runner, privileged=os.geteuid() == 0)


def prepare_dry_run(answers: Answers, machine: Machine, medium: Path | None) -> Prepared:
    """A plan and an executor that does nothing. Without a medium the plan is made with nominal sizes."""
    manifest = read_manifest(medium) if medium is not None else None
    key = module_key(medium) if medium is not None else ""
    return Prepared(plan(machine, answers, manifest, console=running_consoles(), module_key=key), DryRun())


def prepare(
    answers: Answers,
    medium: Path,
    *,
    runner: Runner | None = None,
    retry: Callable[[StepFailed], bool] = never,
) -> Prepared:
    """A plan for this very machine, and the executor that installs it. Raises with every reason not to.

    `retry` is asked whether a step that failed is to be done again.
    """
    runner = runner or CommandRunner()
    manifest = read_manifest(medium)
    clear_leftovers(runner, TARGET)
    if answers.network.source is NetworkSource.DHCP:
        wake_links(runner)
    load_virtualisation(runner)
    machine = this_machine(runner)
    made = plan(machine, answers, manifest, console=running_consoles(), module_key=module_key(medium))
    return Prepared(made, Installer(answers, machine, manifest, medium, runner, retry=retry))


def run_logged(prepared: Prepared, sink: Sink, *, logs: Path = LOGS) -> None:
    """Carry the plan out, with log and events in `logs`, and an orderly end on SIGTERM.

    When whoever reads `sink` is gone, the installation goes on.
    """
    with logging_to(logs) as log, interruptible():
        execute(prepared, tee(log, while_it_lasts(sink)))


def execute(prepared: Prepared, sink: Sink) -> None:
    """Carry the plan out as one context named "install"."""
    with Context(sink).child(INSTALL, _("Install Trebol")) as context:
        context.result(weights=[weight(step) for step in prepared.plan.steps])
        prepared.executor.execute(prepared.plan, context)


def medium_at(folder: Path) -> Path | None:
    """The folder, where it is a medium at all."""
    return folder if (folder / MANIFEST).is_file() else None


def running_consoles() -> tuple[str, ...]:
    """The console= words that this system was booted with."""
    try:
        return console_words(COMMAND_LINE.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        wrong = _("cannot be read: {reason}").format(reason=error.strerror)
        raise TrebolError(wrong, where=str(COMMAND_LINE)) from error


def leave(mode: RebootMode, runner: Runner) -> None:
    """Reboot or power off, in an orderly way."""
    # udev has just got the disks back, and looks at them. From one that is shut down meanwhile it would read errors,
    # which the kernel prints as the last words of an installation.
    runner.run(["udevadm", "settle", "--timeout=10"], check=False)
    verb = "poweroff" if mode is RebootMode.POWER_OFF else "reboot"
    runner.run(["systemctl", verb])


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM end the run as an interrupt does, unmounting on the way out; a lost terminal ends nothing."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before: list[tuple[signal.Signals, Callable[[int, FrameType | None], object] | int | None]] = [
        (signal.SIGTERM, signal.signal(signal.SIGTERM, interrupt)),
        (signal.SIGHUP, signal.signal(signal.SIGHUP, signal.SIG_IGN)),
    ]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
