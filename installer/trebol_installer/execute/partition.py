"""Writing a GPT with libparted (pyparted)."""

from __future__ import annotations

import uuid
from pathlib import Path

import parted

from trebol_common.errors import TrebolError
from trebol_common.unfinished import PREFIX, UNFINISHED
from trebol_installer.steps import PartitionKind, PlannedPartition

#: libparted's flag that sets each GPT type; "boot" means EFI system partition there, by its older name. What has none
#: keeps the type of Linux file systems.
_FLAGS = {
    PartitionKind.BIOS_BOOT: parted.PARTITION_BIOS_GRUB,
    PartitionKind.ESP: parted.PARTITION_BOOT,
    PartitionKind.LVM: parted.PARTITION_LVM,
    PartitionKind.RAID: parted.PARTITION_RAID,
}

#: GPT types that have no flag. ZFS's is that of Solaris' /usr, as OpenZFS itself gives whole disks.
_TYPES = {PartitionKind.ZFS: uuid.UUID("6a898cc3-1dd2-11b2-99a6-080020736631")}

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


def _name(planned: PlannedPartition) -> str:
    return UNFINISHED if planned.kind is PartitionKind.BIOS_BOOT else f"{PREFIX}{planned.kind.value}"


def write_table(node: Path, partitions: tuple[PlannedPartition, ...]) -> None:
    """Write a new GPT with exactly these partitions to a disk (or an image of one), and tell the kernel of them.

    It has the mark of an installation that has not ended yet (`trebol_common.unfinished`).
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
            if planned.kind in _TYPES:
                partition.type_uuid = _TYPES[planned.kind].bytes
            partition.getPedPartition().set_name(_name(planned))
        disk.commit()
    except _ERRORS as error:
        raise TrebolError(f"libparted: {error}", where=str(node)) from error
