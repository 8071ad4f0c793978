"""Block devices by sysfs: which node a stable path or a partition number is now. Names are read, never built."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path

from trebol_common.errors import Refused, TrebolError
from trebol_common.i18n import _
from trebol_installer.steps import Device, PartitionRef

SYSFS = Path("/sys/class/block")
MOUNTS = Path("/proc/self/mountinfo")

#: Where the links to md arrays are.
ARRAYS = "/dev/md/"

#: The kernel counts sizes in sysfs in these, whatever the disk's sectors are.
_SYSFS_SECTOR = 512


def disk_node(disk: str) -> Path:
    """The node (/dev/sda) of the disk at a stable path. Raises TrebolError where it is gone."""
    try:
        node = Path(disk).resolve(strict=True)
    except OSError as error:
        hint = _("check the disk and its cables, then start again")
        raise TrebolError(_("is not there any more"), where=disk, hint=hint) from error
    if not (SYSFS / node.name).exists():
        raise TrebolError(_("is not a block device"), where=disk)
    return node


def partitions(disk: str) -> dict[int, Path]:
    """Number → node of the partitions that the kernel knows on a disk."""
    folder = SYSFS / disk_node(disk).name
    return {
        int((child / "partition").read_text()): Path("/dev") / child.name
        for child in sorted(folder.resolve().iterdir())
        if (child / "partition").is_file()
    }


def node_of(device: Device) -> Path:
    """The node of a volume, array or partition. Raises TrebolError where it is not there."""
    if not isinstance(device, PartitionRef):
        # LVM knows an array by its kernel name; a logical volume is known by its path to every tool.
        return disk_node(device) if device.startswith(ARRAYS) else Path(device)
    node = partitions(device.disk).get(device.number)
    if node is None:
        raise TrebolError(_("the kernel does not know this partition"), where=str(device))
    return node


def check_disk(disk: str, *, size: int, serial: str, edges: str = "", released: Set[str] = frozenset()) -> None:
    """Make sure that a disk is the planned one, writable and mounted nowhere but at `released`. Raises Refused.

    With `edges`, both its ends are read, and must have that digest: what is on it has not changed either.
    """
    node = disk_node(disk)
    sysfs = SYSFS / node.name
    if (sysfs / "partition").exists():
        raise Refused(_("is a partition, not a disk"), where=disk)
    found = int((sysfs / "size").read_text()) * _SYSFS_SECTOR
    if found != size:
        what = _("has {size} bytes, but the plan is for a disk of {planned}").format(size=found, planned=size)
        raise Refused(what, where=disk, hint=_("start again: probe and plan"))
    if serial and (now := _serial(node.name)) != serial:
        if now:
            what = _("has serial {serial}, but the plan is for {planned}")
        else:
            what = _("has no serial, but the plan is for {planned}")
        raise Refused(what.format(serial=now, planned=serial), where=disk, hint=_("start again"))
    if (sysfs / "ro").read_text().strip() != "0":
        raise Refused(_("is read-only"), where=disk)
    mounted = [point for point in mountpoints([node, *partitions(disk).values()]) if point not in released]
    if mounted:
        what = _("is mounted at {points}").format(points=", ".join(mounted))
        raise Refused(what, where=disk, hint=_("unmount it, then start again"))
    if edges and _edges(node, size) != edges:
        what = _("holds something else than when it was planned for")
        raise Refused(what, where=disk, hint=_("start again: probe and plan"))


def _edges(node: Path, size: int) -> str:
    # Only needed for a disk that is about to be wiped; so below.
    from trebol_hardware.probe.edges import digest

    return digest(node, size)


def _serial(name: str) -> str:
    """The serial number, read as the probe reads it: the kernel alone does not tell that of a SATA or SAS disk."""
    # Slow to load under emulation, and only needed for a disk that is about to be wiped; so below.
    from trebol_hardware.probe.identity import serial
    from trebol_hardware.probe.udev import PyudevSource

    return serial(SYSFS / name, PyudevSource().properties("block", name))


def mountpoints(nodes: list[Path]) -> list[str]:
    """Where any of `nodes` is mounted, as the probe reads it."""
    from trebol_hardware.probe import mounts

    known = mounts.parse(MOUNTS.read_text(), swaps="")
    return [point for node in nodes for point in known.of((SYSFS / node.name / "dev").read_text().strip(), node.name)]


@contextmanager
def locked(disk: str) -> Iterator[None]:
    """Keep udev off a disk: it neither probes nor re-reads a disk that someone has locked.

    https://systemd.io/BLOCK_DEVICE_LOCKING. Without this a rescan by udev can make a new partition vanish for a
    moment while a file system is made on it, or an old one busy while it is removed.
    """
    descriptor = os.open(disk_node(disk), os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
