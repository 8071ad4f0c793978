"""Disks that look alike: pure."""

from __future__ import annotations

from trebol_hardware.machine import Disk


def is_twin(disk: Disk, other: Disk) -> bool:
    """Whether serial numbers do not tell two disks apart: cheap USB bridges, clones, two paths to one disk.

    Namespaces of an NVMe disk and actuators of a hard disk share a serial number too, but have world wide names of
    their own.
    """
    apart = disk.wwn and other.wwn and disk.wwn != other.wwn
    return disk.name != other.name and bool(disk.serial) and disk.serial == other.serial and not apart


def is_same(disk: Disk, other: Disk) -> bool:
    """Whether two disks of the kernel are one: two paths to one world wide name. Some makers give one name to many
    disks, whose serial numbers differ then, or, where none is known, their sizes may."""
    apart = disk.serial and other.serial and disk.serial != other.serial
    # A path that was not looked at again after its disk grew has the old size.
    alike = disk.size == other.size or (bool(disk.serial) and disk.serial == other.serial)
    one = bool(disk.wwn) and disk.wwn == other.wwn and alike
    return disk.name != other.name and one and not apart
