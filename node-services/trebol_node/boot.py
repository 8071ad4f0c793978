"""`trebol node boot-sync`: the boot partitions of the running node, brought up to date."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_common.esp import BOOT_PARTITIONS, Synchronised, read_boot_partitions, synchronise
from trebol_common.run import CommandRunner, Runner
from trebol_common.unfinished import mark_finished

#: Where a node mounts its boot partition; of several, the first.
ESP = Path("/boot/efi")

#: Where the others are mounted for as long as they are written.
OTHERS = Path("/run/trebol/boot")

#: Held by whichever run writes.
LOCK = Path("/run/trebol/boot-sync.lock")

#: There while a boot partition is older than the system: trebol-boot-sync.service then tries again at each boot.
BEHIND = Path("/var/lib/trebol/boot-partitions-behind")

_BY_UUID = Path("dev/disk/by-uuid")


def boot_sync(root: Path = Path("/"), runner: Runner | None = None) -> Iterator[str]:
    """Synchronise the boot partitions of the node below `root`; yields what was done, a line each.

    They are those that `trebol_common.esp.BOOT_PARTITIONS` names; without such a file, the one at /boot/efi. One
    whose disk is not there or cannot be written is told and left out. Raises Refused where none is there, or where
    /boot/efi holds no FAT file system: kernels copied elsewhere would fill the root and boot nothing. Raises
    TrebolError where none can be written, and what `trebol_common.esp.synchronise` raises. One run waits for another.
    A mark of an installation that did not end (`trebol_common.unfinished`) is taken off their disks.
    """
    with _alone(root):
        mountinfo = (root / "proc/self/mountinfo").read_text(encoding="utf-8")
        named = read_boot_partitions(root)
        if len(named) < 2:
            require_mounted(mountinfo)
            yield from describe(synchronise(root, root / ESP.relative_to("/")))
        else:
            yield from _several(named, root, mountinfo, runner or CommandRunner())
        for identity in named:
            yield from _finished(root / _BY_UUID / identity, root)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Hooks of several packages and a hand may run this at once: no run may take another's half-written file."""
    path = root / LOCK.relative_to("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _several(named: tuple[str, ...], root: Path, mountinfo: str, runner: Runner) -> Iterator[str]:
    """Each boot partition that is there, one after the other: what ails one must not keep the others back."""
    there = {identity: path for identity in named if (path := root / _BY_UUID / identity).exists()}
    if not there:
        raise Refused(
            f"no boot partition is there: {', '.join(named)}",
            where=str(root / BOOT_PARTITIONS),
            hint="check the disks",
        )
    failed: list[str] = []
    for identity, device in there.items():
        try:
            with _available(root, device.resolve(), mountinfo, runner) as esp:
                lines = tuple(describe(synchronise(root, esp)))
        except BadInput:  # The system's own fault, the same for each.
            raise
        except (TrebolError, OSError) as error:
            failed.append(f"{identity} cannot be written, and will not boot what is new: {error}")
        else:
            yield from (f"{identity}: {line}" for line in lines)
    missing = [identity for identity in named if identity not in there]
    _remember(root / BEHIND.relative_to("/"), behind=bool(failed or missing))
    if len(failed) == len(there):
        raise TrebolError("; ".join(failed), where="boot partitions", hint="check the disks")
    yield from (f"warning: {each}" for each in failed)
    yield from (
        f"warning: {each} is not there: its disk is missing, and will not boot what is new" for each in missing
    )


def _finished(device: Path, root: Path) -> Iterator[str]:
    """Take the mark of an unfinished installation off the disk of a boot partition: the node runs from it.

    The installer does so last of all; where the power went before, the next start of its medium could begin again.
    """
    partition = (root / "sys/class/block" / device.resolve().name).resolve()
    if device.exists() and (partition / "partition").exists():
        disk = partition.parent.name
        if mark_finished(root / "dev" / disk):
            yield f"{disk}: the installation is marked as finished"


def _remember(path: Path, *, behind: bool) -> None:
    if behind:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _available(root: Path, device: Path, mountinfo: str, runner: Runner) -> Iterator[Path]:
    """Where the file system on `device` is mounted already, else a folder where it is mounted for the while."""
    for line in mountinfo.splitlines():
        mount, _, super_block = line.partition(" - ")
        _kind, source, options = super_block.split(" ", 2)
        # A FAT with errors turns itself read-only (errors=remount-ro); only the options of the super block tell.
        read_only = "ro" in (*mount.split(" ")[5].split(","), *options.split(","))
        if source == f"/dev/{device.name}" and not read_only:
            yield root / mount.split(" ")[4].lstrip("/")
            return
    folder = root / OTHERS.relative_to("/")
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as mounted:
        runner.run(["mount", "-t", "vfat", "-o", "umask=0077,nodev,nosuid,noexec", device, folder])
        mounted.callback(runner.run, ["umount", folder])
        yield folder


def require_mounted(mountinfo: str) -> None:
    """Raise Refused unless `mountinfo` (proc(5)) shows a FAT file system, writable, on /boot/efi."""
    kind, options = _mounted(mountinfo)
    if not kind:
        raise Refused("is not a mount point", where=str(ESP), hint=f"mount the boot partition: mount {ESP}")
    if kind != "vfat":
        raise Refused(f"holds {kind}, not FAT", where=str(ESP), hint="mount the node's boot partition (ESP) there")
    if "ro" in options:
        raise Refused("is mounted read-only", where=str(ESP), hint=f"mount -o remount,rw {ESP}")


def _mounted(mountinfo: str) -> tuple[str, tuple[str, ...]]:
    """File system and options of what is on /boot/efi; of several mounts the last one is on top."""
    found: tuple[str, tuple[str, ...]] = ("", ())
    for line in mountinfo.splitlines():
        mount, _, super_block = line.partition(" - ")
        fields = mount.split(" ")
        kind = super_block.split(" ")[0]
        # An automount point is only the promise of a mount.
        if fields[4] == str(ESP) and kind != "autofs":
            found = (kind, tuple(fields[5].split(",")))
    return found


def describe(done: Synchronised) -> Iterator[str]:
    """What was done, for people and logs; one line where nothing was."""
    yield from (f"copied {path}" for path in done.copied)
    yield from (f"removed {path}" for path in done.removed)
    if not done.copied and not done.removed:
        yield "up to date"
    yield f"kernels: {', '.join(done.kernels)}"
    yield from (f"warning: {warning}" for warning in done.warnings)
