"""Wiping and partitioning the target disk."""

from __future__ import annotations

import os

from trebol_common.errors import TrebolError
from trebol_installer.execute.block import check_disk, disk_node, locked, partitions
from trebol_installer.execute.lvm import close_groups_on
from trebol_installer.execute.state import Run
from trebol_installer.sizing import GIB, MIB
from trebol_installer.steps import CheckTarget, PartitionDisk, WipeDisk

#: Bytes zeroed at both ends: boot code, both GPTs, the labels that md and ZFS keep at the end.
_ENDS = 4 * MIB

#: Ceph keeps replicas of a BlueStore label here, which would make a wiped disk look like an OSD again
#: (ceph/ceph pull request 59742).
_BLUESTORE_REPLICAS = (1 * GIB, 10 * GIB, 100 * GIB, 1000 * GIB)
_BLUESTORE_LABEL = 4096


def check_target(step: CheckTarget, run: Run) -> None:
    """See `CheckTarget`."""
    check_disk(step.disk, size=step.size, serial=step.serial)


def wipe_disk(step: WipeDisk, run: Run) -> None:
    """Close volume groups on the disk, take every signature away, and zero where others hide."""
    # The medium was read in the meantime, which takes minutes: the disk may have been swapped or mounted since.
    checked = next(check for check in run.plan.steps if isinstance(check, CheckTarget) and check.disk == step.disk)
    check_disk(checked.disk, size=checked.size, serial=checked.serial)
    run.locks.take(step.disk, locked(step.disk))
    run.undo.callback(run.locks.release, step.disk)
    node = disk_node(step.disk)
    old = sorted(partitions(step.disk).values())
    close_groups_on(step.disk, run)
    # Partitions first: once the table is gone, nothing tells where their signatures were.
    run.runner.run(["wipefs", "--all", *old, node])
    _zero(str(node), step.size)


def _zero(node: str, size: int) -> None:
    # O_EXCL: the kernel itself refuses a disk that is mounted or held by anything, however that came about.
    descriptor = os.open(node, os.O_WRONLY | os.O_EXCL | os.O_CLOEXEC)
    try:
        for start, length in _zeroed(size):
            os.pwrite(descriptor, bytes(length), start)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _zeroed(size: int) -> list[tuple[int, int]]:
    """Start and length of what is zeroed on a disk of `size` bytes."""
    ends = min(_ENDS, size)
    replicas = [(start, _BLUESTORE_LABEL) for start in _BLUESTORE_REPLICAS if start + _BLUESTORE_LABEL <= size]
    return [(0, ends), *replicas, (size - ends, ends)]


def partition_disk(step: PartitionDisk, run: Run) -> None:
    """Write the GPT; when this returns, the kernel knows the partitions, and they are blank."""
    from trebol_installer.execute.partition import write_table

    run.locks.release(step.disk)
    write_table(disk_node(step.disk), step.partitions)
    run.locks.take(step.disk, locked(step.disk))
    known = partitions(step.disk)
    if missing := [planned.number for planned in step.partitions if planned.number not in known]:
        raise TrebolError(f"the kernel did not take up partition {', '.join(map(str, missing))}", where=step.disk)
    # A signature of an older layout may lie just where a partition starts now.
    run.runner.run(["wipefs", "--all", *sorted(known.values())])
