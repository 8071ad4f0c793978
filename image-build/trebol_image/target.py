"""Opening an ISO, or the stick it was written to, for patching in place: never a mounted one, never anything else."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from trebol_common.errors import BadInput, Refused
from trebol_image.locator import LENGTH, OFFSET, Locator, NoLocator

_SYS = Path("/sys")
_MOUNTINFO = Path("/proc/self/mountinfo")


@contextmanager
def opened(path: Path, *, write: bool = False) -> Iterator[BinaryIO]:
    """Open an ISO file or a whole block device. Raises BadInput, or Refused to write to one that is in use."""
    refuse_partition(path)
    if write:
        refuse_mounted(path)
    flags = os.O_CLOEXEC | (os.O_RDWR if write else os.O_RDONLY)
    if write and path.is_block_device():
        # The kernel grants this to one opener, and to none while a file system on it is mounted.
        flags |= os.O_EXCL
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise Refused("is in use", where=str(path), hint=f"unmount it first: umount {path}*") from error
        raise BadInput(
            f"cannot be opened: {error.strerror}", where=str(path), hint=_open_hint(error, write)
        ) from error
    with os.fdopen(descriptor, "r+b" if write else "rb", buffering=0) as stream:
        if write and not path.is_block_device():
            _lock(stream, path)
        yield stream


def _lock(stream: BinaryIO, path: Path) -> None:
    """Keep others who seed the same file out: the pieces that two write would mix."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Refused("is being written by another program", where=str(path), hint="wait until it is done") from error


def read_locator(stream: BinaryIO, path: Path) -> Locator:
    """The locator of an opened medium. Raises BadInput when this is none."""
    try:
        block = os.pread(stream.fileno(), LENGTH, OFFSET)
    except OSError as error:
        raise BadInput(
            f"cannot be read: {error.strerror}", where=str(path), hint="try another medium, or another port"
        ) from error
    try:
        return Locator.from_bytes(block)
    except NoLocator as error:
        raise BadInput(
            str(error), where=str(path), hint="give an ISO of Trebol, or the whole device it was written to"
        ) from error


def refuse_partition(path: Path, sys: Path = _SYS) -> None:
    """Raise BadInput when `path` is a partition: the medium is the whole device, from its first byte on."""
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise BadInput("does not exist", where=str(path), hint="check the path") from error
    except OSError as error:
        raise BadInput(
            f"cannot be opened: {error.strerror}", where=str(path), hint=_open_hint(error, write=False)
        ) from error
    if not stat.S_ISREG(found.st_mode) and not stat.S_ISBLK(found.st_mode):
        # Opening a FIFO would wait for somebody to write into it.
        kind = "is a folder" if stat.S_ISDIR(found.st_mode) else "is neither a file nor a disk"
        raise BadInput(kind, where=str(path), hint="give the ISO, or the device it was written to")
    if stat.S_ISBLK(found.st_mode) and (sys / "dev/block" / _number(found.st_rdev) / "partition").exists():
        raise BadInput("is a partition", where=str(path), hint="give the whole device, such as /dev/sdX")


def refuse_mounted(path: Path, sys: Path = _SYS, mountinfo: Path = _MOUNTINFO) -> None:
    """Raise Refused when the ISO file (by a loop device) or the device (or a partition of it) is mounted."""
    mounted = {}
    for line in mountinfo.read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split()
        # The kernel writes a blank as \040; all else stands as it is (proc_pid_mountinfo(5)).
        mounted[fields[2]] = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
    for number in _devices_of(path, sys):
        if number in mounted:
            raise Refused(
                f"is mounted at {mounted[number]}",
                where=str(path),
                hint=f"unmount it first: umount {mounted[number]}",
            )


def _devices_of(path: Path, sys: Path) -> Iterator[str]:
    """The numbers (MAJOR:MINOR) of the block devices through which `path` may be mounted."""
    if path.is_block_device():
        number = _number(path.stat().st_rdev)
        yield number
        yield from (child.read_text().strip() for child in (sys / "dev/block" / number).glob("*/dev"))
        return
    for backing in sys.glob("block/loop*/loop/backing_file"):
        if Path(backing.read_text().strip()) == path.resolve():
            disk = backing.parent.parent
            yield from (device.read_text().strip() for device in (disk / "dev", *disk.glob("*/dev")))


def _number(device: int) -> str:
    return f"{os.major(device)}:{os.minor(device)}"


def _open_hint(error: OSError, write: bool) -> str:
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "run it as a user who may write there (a stick: with sudo)" if write else "run it with sudo"
    return "check the path"


def is_whole(stream: BinaryIO, locator: Locator) -> bool:
    """Whether file or device are at least as long as the ISO was when it was made."""
    mode = os.fstat(stream.fileno()).st_mode
    if stat.S_ISBLK(mode):
        return stream.seek(0, os.SEEK_END) >= locator.size
    return os.fstat(stream.fileno()).st_size >= locator.size
