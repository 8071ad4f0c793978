"""Measuring a disk's synchronous writes: claims the target, runs fio, leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from trebol_common.errors import Refused, TrebolError
from trebol_common.i18n import _
from trebol_common.run import Runner
from trebol_hardware.machine import Machine
from trebol_hardware.measure import fio
from trebol_hardware.measure.disk_target import (
    DEVICE_SPAN,
    FILE_SPAN,
    DeviceTarget,
    DirectoryTarget,
    FileTarget,
    check_filesystem,
    choose_disk,
    classify,
)


@dataclass(frozen=True)
class DiskMeasurement:
    """`on` says what was measured: the disk with model, or the file system with its device."""

    on: str
    writes: fio.Writes


def measure(
    target: Path, *, seconds: int, confirmation: str | None, runner: Runner, probe: Callable[[], Machine]
) -> DiskMeasurement:
    """Write for so many seconds, and say what came of it.

    A file is made and removed again, also when the program is interrupted. A device is probed, refused unless it is
    empty and `confirmation` is its word, and held exclusively: no mount, LVM or md can take it meanwhile. Raises
    BadInput, Refused, or TrebolError where fio fails.
    """
    match classify(target):
        case DeviceTarget(device):
            if os.geteuid() != 0:
                raise Refused(_("only root sees all that is on a disk"), where=str(device), hint=_("run it as root"))
            disk = choose_disk(probe(), device, confirmation)
            with _interruptible(), _claimed(device):
                writes = _run(device, min(DEVICE_SPAN, disk.size), seconds, runner)
            return DiskMeasurement(f"{device} {disk.model}".rstrip(), writes)
        case DirectoryTarget(folder):
            on = _filesystem(folder, runner)
            with _interruptible(), _temporary_file(folder) as file:
                return DiskMeasurement(on, _run(file, FILE_SPAN, seconds, runner))
        case FileTarget(path):
            on = _filesystem(path.parent, runner)
            with _interruptible(), _new_file(path):
                return DiskMeasurement(on, _run(path, FILE_SPAN, seconds, runner))


def _run(path: Path, size: int, seconds: int, runner: Runner) -> fio.Writes:
    return fio.parse(runner.run(fio.command(path, size=size, seconds=seconds)).stdout)


def _filesystem(folder: Path, runner: Runner) -> str:
    """ "ext4 on /dev/sda3". Raises BadInput for memory, TrebolError where too little is free."""
    shown = runner.run(["findmnt", "--json", "--target", str(folder), "--output", "FSTYPE,SOURCE"]).stdout
    try:
        found = json.loads(shown)["filesystems"][0]
        kind, source = str(found["fstype"]), str(found["source"])
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise TrebolError(_("its report lacks {what}").format(what=error), where="findmnt") from error
    check_filesystem(kind, folder)
    free = os.statvfs(folder)
    if free.f_bavail * free.f_frsize < 2 * FILE_SPAN:
        raise TrebolError(
            _("has less than {size} MiB free").format(size=2 * FILE_SPAN // 2**20),
            where=str(folder),
            hint=_("name another folder"),
        )
    return f"{kind} on {source}"


@contextmanager
def _claimed(device: Path) -> Iterator[None]:
    """Hold a block device exclusively (open(2): O_EXCL without O_CREAT fails with EBUSY where the system uses it)."""
    try:
        descriptor = os.open(device, os.O_RDWR | os.O_EXCL | os.O_CLOEXEC)
    except OSError as error:
        raise Refused(
            _("cannot be opened for this alone: {error}").format(error=error.strerror),
            where=str(device),
            hint=_("lsblk and fuser show what uses it; it takes root"),
        ) from error
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _temporary_file(folder: Path) -> Iterator[Path]:
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".trebol-disk-write-")
    os.close(descriptor)
    file = Path(name)
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


@contextmanager
def _new_file(path: Path) -> Iterator[None]:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except FileExistsError as error:
        raise Refused(_("was made by somebody else just now"), where=str(path)) from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Make SIGTERM and SIGHUP (a closed terminal) what Ctrl-C is: an exception, on which files are removed."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
