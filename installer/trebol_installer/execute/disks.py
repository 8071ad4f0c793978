"""Checking and partitioning a target disk. How it becomes blank is in `teardown` and `wipe`."""

from __future__ import annotations

from trebol_common import unfinished
from trebol_common.errors import TrebolError
from trebol_common.i18n import _
from trebol_installer.execute.block import check_disk, disk_node, partitions
from trebol_installer.execute.state import Run
from trebol_installer.steps import CheckTarget, MarkFinished, PartitionDisk, ReleaseMount


def check_target(step: CheckTarget, run: Run) -> None:
    """See `CheckTarget`. It may be mounted where the plan unmounts it."""
    released = {planned.mountpoint for planned in run.plan.steps if isinstance(planned, ReleaseMount)}
    check_disk(step.disk, size=step.size, serial=step.serial, edges=step.edges, released=released)


def mark_finished(step: MarkFinished, run: Run) -> None:
    """See `MarkFinished`."""
    unfinished.mark_finished(disk_node(step.disk))


def partition_disk(step: PartitionDisk, run: Run) -> None:
    """Write the GPT; when this returns, the kernel knows the partitions, and they are blank."""
    from trebol_installer.execute.partition import write_table

    # libparted waits until udev has nothing left to do, with whichever disk.
    held = {step.disk, *run.locked}
    run.lock.close()
    try:
        write_table(disk_node(step.disk), step.partitions)
    finally:
        for disk in sorted(held):
            run.keep_udev_off(disk)
    known = partitions(step.disk)
    if missing := [planned.number for planned in step.partitions if planned.number not in known]:
        what = _("the kernel did not take up partition {numbers}").format(numbers=", ".join(map(str, missing)))
        raise TrebolError(what, where=step.disk)
    # A signature of an older layout may lie just where a partition starts now.
    run.runner.run(["wipefs", "--all", *sorted(known.values())])
