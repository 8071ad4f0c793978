"""What steps name: partitions to be, volumes that were there before, and paths."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trebol_hardware.machine import VolumeKind


class PartitionKind(StrEnum):
    """What a partition is for; it decides its GPT type."""

    BIOS_BOOT = "bios-boot"
    ESP = "esp"
    LVM = "lvm"
    RAID = "raid"
    BTRFS = "btrfs"


@dataclass(frozen=True)
class PartitionRef:
    """Partition `number` of the disk at the stable path `disk`; which node that is, is known once it exists."""

    disk: str
    number: int

    def __str__(self) -> str:
        return f"{self.disk}-part{self.number}"


#: A volume by its path (/dev/trebol/root), or a partition.
Device = str | PartitionRef


@dataclass(frozen=True)
class VolumeRef:
    """A volume that was there before: `path` is its name for people, `uuid` what it is found by when a step runs.

    `uuid` is `Volume.uuid` of the probe; where that is empty, the path has to do.
    """

    path: str
    kind: VolumeKind
    uuid: str = ""

    def __str__(self) -> str:
        return self.path


#: What may be in use on a target before it is wiped: the disk itself by its stable path, a partition, a volume.
Held = str | PartitionRef | VolumeRef


@dataclass(frozen=True)
class PlannedPartition:
    """A partition to be made; `start` and `size` in bytes, whole MiB."""

    number: int
    kind: PartitionKind
    start: int
    size: int
