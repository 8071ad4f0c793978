"""The steps of a teardown. Each can be done again: what is gone already is no error."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from trebol_hardware.machine import SWAP
from trebol_installer.execute import block, closing, wipe, zfs
from trebol_installer.execute.block import check_disk, disk_node
from trebol_installer.execute.holders import attribute, find, require_own, targets
from trebol_installer.execute.state import Run
from trebol_installer.steps import (
    CheckTarget,
    CloseGroup,
    CloseVolume,
    ExportPool,
    Held,
    LeaveBcache,
    ReleaseMount,
    ReleaseSwap,
    WipeDisk,
    WipeVolume,
)

SWAPS = Path("/proc/swaps")


def release_swap(step: ReleaseSwap, run: Run) -> None:
    """See `ReleaseSwap`."""
    name = _found(step.device, run)
    if name is not None and SWAP in _uses([name]):
        run.runner.run(["swapoff", f"/dev/{name}"])


def release_mount(step: ReleaseMount, run: Run) -> None:
    """See `ReleaseMount`. Swap files below it are let go of first."""
    names = [name for device in step.devices if (name := _found(device, run)) is not None]
    if step.mountpoint in _uses(names):
        for file in _swap_files(step.mountpoint):
            run.runner.run(["swapoff", file])
    # As often as it is mounted there, one on top of the other.
    while step.mountpoint in _uses(names):
        run.runner.run(["umount", "--recursive", step.mountpoint])


def export_pool(step: ExportPool, run: Run) -> None:
    """See `ExportPool`. By its guid, whatever the pool is called now; without one it is left alone."""
    _lock_targets(run)
    zfs.export_pool(step.guid, run)


def close_group(step: CloseGroup, run: Run) -> None:
    """See `CloseGroup`."""
    _lock_targets(run)
    closing.close_group(step.uuid, run)


def close_volume(step: CloseVolume, run: Run) -> None:
    """See `CloseVolume`."""
    if (name := _found(step.volume, run)) is not None:
        closing.close(name, run)


def leave_bcache(step: LeaveBcache, run: Run) -> None:
    """See `LeaveBcache`."""
    if (name := _found(step.device, run)) is not None:
        closing.leave_bcache(name, run)


def wipe_volume(step: WipeVolume, run: Run) -> None:
    """See `WipeVolume`."""
    if (name := _found(step.volume, run)) is not None:
        wipe.wipe_volume(name, run)


def wipe_disk(step: WipeDisk, run: Run) -> None:
    """See `WipeDisk`. The disk is looked at once more: the medium was read in the meantime, which takes minutes."""
    checked = next(check for check in run.plan.steps if isinstance(check, CheckTarget) and check.disk == step.disk)
    check_disk(checked.disk, size=checked.size, serial=checked.serial)
    _lock_targets(run)
    closing.close_all_above(disk_node(step.disk).name, run)
    wipe.wipe(step.disk, step.size, run)


def _found(held: Held, run: Run) -> str | None:
    """What a step names, if it is still there; it lies on targets, and udev is kept off them.

    udev would put an array together again as soon as one of its members is written to.
    """
    _lock_targets(run)
    name = find(held)
    if name is not None:
        require_own(name, run)
    return name


def _lock_targets(run: Run) -> None:
    for disk in targets(run).values():
        run.keep_udev_off(disk)


def _uses(names: list[str]) -> set[str]:
    """Where devices are mounted right now, SWAP where one is swapped to."""
    # Slow to load under emulation, and only needed for a disk that is about to be wiped; so here.
    from trebol_hardware.probe import mounts

    known = mounts.parse(block.MOUNTS.read_text(), SWAPS.read_text())
    called = [(name, alias) for name in names for alias in (name, f"mapper/{attribute(name, 'dm/name')}")]
    return {point for name, alias in called for point in known.of(attribute(name, "dev"), alias)}


def _swap_files(mountpoint: str) -> list[str]:
    files = [PurePosixPath(line.split()[0]) for line in SWAPS.read_text().splitlines()[1:] if line.strip()]
    return [str(file) for file in files if file.is_relative_to(mountpoint)]
