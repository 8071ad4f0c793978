"""Mounts of a build: in a mount and PID namespace of its own, so that nothing outlives it, however it ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from trebol_common.run import Runner

_INSIDE = "TREBOL_BUILD_NAMESPACE"


def enter_namespace() -> None:
    """Start this very command again inside new mount and PID namespaces; returns only there.

    When the command dies, even by SIGKILL, the kernel ends every program of the build and drops every mount.
    """
    if os.environ.get(_INSIDE) == "1":
        signal.signal(signal.SIGTERM, _interrupt)  # PID 1 of a namespace ignores what it does not handle.
        signal.signal(signal.SIGHUP, _interrupt)
        return
    command = (
        "unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc",
        sys.executable, *sys.orig_argv[1:],
    )  # fmt: skip
    os.execvpe(command[0], command, {**os.environ, _INSIDE: "1"})


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def mounted(arguments: Sequence[str | os.PathLike[str]], target: Path, runner: Runner) -> Iterator[Path]:
    """`mount ARGUMENTS TARGET` for as long as the block lasts; the folder is made where it is missing."""
    target.mkdir(parents=True, exist_ok=True)
    runner.run(["mount", *arguments, target])
    try:
        yield target
    finally:
        runner.run(["umount", target])


@contextmanager
def squashfs(image: Path, target: Path, runner: Runner) -> Iterator[Path]:
    """A squashfs, mounted read-only."""
    with mounted(["-t", "squashfs", "-o", "loop,ro", image], target, runner) as path:
        yield path


@contextmanager
def overlay(lower: Sequence[Path], upper: Path, work: Path, target: Path, runner: Runner) -> Iterator[Path]:
    """An overlayfs over `lower` (bottom first); what is written lands in `upper`."""
    upper.mkdir(parents=True, exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    stack = ":".join(str(path) for path in reversed(lower))
    options = f"lowerdir={stack},upperdir={upper},workdir={work}"
    with mounted(["-t", "overlay", "-o", options, "overlay"], target, runner) as path:
        yield path


@contextmanager
def api_filesystems(tree: Path, runner: Runner) -> Iterator[Path]:
    """/proc, /sys and /dev inside `tree`, as programs in a chroot expect them."""
    with ExitStack() as stack:
        stack.enter_context(mounted(["-t", "proc", "proc"], tree / "proc", runner))
        stack.enter_context(mounted(["-t", "sysfs", "-o", "ro", "sysfs"], tree / "sys", runner))
        stack.enter_context(mounted(["--bind", "/dev"], tree / "dev", runner))
        stack.enter_context(mounted(["-t", "tmpfs", "tmpfs"], tree / "run", runner))
        yield tree
