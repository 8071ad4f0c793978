"""What a layout is made of, and what it is."""

from __future__ import annotations

from dataclasses import dataclass

from trebol_common.answers.model import DiskSetup
from trebol_common.i18n import counted
from trebol_hardware.machine import Content, Disk
from trebol_installer.sizing import ALIGNMENT
from trebol_installer.steps import Device, Mount, PartitionKind, PartitionRef, PlannedPartition, Step

#: The third partition of every target.
SYSTEM_PARTITION = 3
ESP_PARTITION = 2


@dataclass(frozen=True)
class Request:
    """What a layout is asked for: `targets` in order, `memory` of the machine and `unpacked` layers in bytes."""

    targets: tuple[Disk, ...]
    setup: DiskSetup
    memory: int
    unpacked: int

    @property
    def smallest(self) -> int:
        """Bytes of the smallest target: what each of them can give."""
        return min(disk.size for disk in self.targets)

    def system_partitions(self) -> tuple[PartitionRef, ...]:
        """The third partition of each target."""
        return tuple(PartitionRef(disk.stable_path, SYSTEM_PARTITION) for disk in self.targets)


@dataclass(frozen=True)
class Layout:
    """What becomes of the targets.

    `partitions` are the same on each of them. `build` makes everything else but the ESPs' file systems, and mounts
    the root at "/" last; `mounts` are those of the installed system, without the ESP; `root` and `words` tell the
    kernel what to mount; `encrypted` are the LUKS containers, name in /dev/mapper and device. With `kept`,
    `partitions` are there already and so is what lies in the third: nothing is torn down. `prepare` comes
    before the first write, and `finish` is what the unpacked system has to be told of the layout. `title` and
    `volumes` are for people, and `notes` what they should know.
    """

    partitions: tuple[PlannedPartition, ...]
    build: tuple[Step, ...]
    mounts: tuple[Mount, ...]
    root: Device
    title: str
    volumes: tuple[str, ...]
    words: tuple[str, ...] = ()
    encrypted: tuple[tuple[str, Device], ...] = ()
    kept: bool = False
    prepare: tuple[Step, ...] = ()
    finish: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()


def system_of(disk: Disk) -> tuple[Content, ...]:
    """What the third partition of a disk holds; nothing where there is no such partition."""
    return next((part.content for part in disk.partitions if part.number == SYSTEM_PARTITION), ())


def boot_and(kind: PartitionKind, *, bios_boot: int, esp: int, rest: int) -> tuple[PlannedPartition, ...]:
    """BIOS boot partition, ESP, and the third of `kind`; sizes in bytes."""
    start = ALIGNMENT + bios_boot
    return (
        PlannedPartition(1, PartitionKind.BIOS_BOOT, ALIGNMENT, bios_boot),
        PlannedPartition(ESP_PARTITION, PartitionKind.ESP, start, esp),
        PlannedPartition(SYSTEM_PARTITION, kind, start + esp, rest),
    )


def on_several(level: str, disks: int) -> str:
    """A layout over several disks: `RAID 1 of 2 disks`."""
    return counted("{level} of {count} disk", "{level} of {count} disks", disks, level=level)
