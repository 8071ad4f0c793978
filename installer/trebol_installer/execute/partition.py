"""Writing a GPT with libparted (pyparted)."""

from __future__ import annotations

from pathlib import Path

import parted

from trebol_common.errors import TrebolError
from trebol_installer.steps import PartitionKind, PlannedPartition

#: libparted's flag that sets each GPT type; "boot" means EFI system partition there, by its older name. What has none
#: keeps the type of Linux file systems.
_FLAGS = {
    PartitionKind.BIOS_BOOT: parted.PARTITION_BIOS_GRUB,
    PartitionKind.ESP: parted.PARTITION_BOOT,
    PartitionKind.LVM: parted.PARTITION_LVM,
    PartitionKind.RAID: parted.PARTITION_RAID,
}

#: pyparted's exceptions have no common base but Exception.
_ERRORS = (
    parted.IOException,
    parted.DiskException,
    parted.DeviceException,
    parted.DiskLabelException,
    parted.PartitionException,
    parted.ConstraintException,
    parted.CreateException,
    parted.GeometryException,
)


def write_table(node: Path, partitions: tuple[PlannedPartition, ...]) -> None:
    """Write a new GPT with exactly these partitions to a disk (or an image of one), and tell the kernel of them.

    The disk must not be locked: Debian's libparted waits for udev on each commit, and udev for the lock. Raises
    TrebolError with libparted's words.
    """
    try:
        device = parted.getDevice(str(node))
        disk = parted.freshDisk(device, "gpt")
        for planned in partitions:
            geometry = parted.Geometry(
                device, start=planned.start // device.sectorSize, length=planned.size // device.sectorSize
            )
            partition = parted.Partition(disk, parted.PARTITION_NORMAL, geometry=geometry)
            disk.addPartition(partition, constraint=parted.Constraint(exactGeom=geometry))
            if planned.kind in _FLAGS:
                partition.setFlag(_FLAGS[planned.kind])
            partition.getPedPartition().set_name(f"trebol-{planned.kind.value}")
        disk.commit()
    except _ERRORS as error:
        raise TrebolError(f"libparted: {error}", where=str(node)) from error
