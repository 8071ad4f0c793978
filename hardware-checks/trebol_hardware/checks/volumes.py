"""Logical volumes of RAID controllers, told from disks by their model."""

from __future__ import annotations

import re

from trebol_hardware.machine import Disk

#: What controllers call their volumes: the controller's own name, or the word itself.
_VOLUME = re.compile(
    r"PERC\b|LOGICAL VOLUME|VIRTUAL DISK|VIRTUAL DRIVE|RAID|PRAID|SERVERAID|MR ?[0-9]{4}|MR[0-9A-Z]*SAS|AVAGO|LSI|"
    r"INTEL RS|ARC-|DELLBOSS|LOGICALDRV|3WARE|9[0-9]{3}[A-Z-]* ?DISK",
    re.IGNORECASE,
)


def is_volume(disk: Disk) -> bool:
    """Whether a disk is a RAID controller's logical volume; disks that a controller passes through (HBA or JBOD mode)
    keep their own model."""
    return bool(_VOLUME.match(disk.model))
