"""Steps that make a target blank, whatever stands on it."""

from __future__ import annotations

from dataclasses import dataclass

from trebol_installer.steps.devices import Held, VolumeRef


@dataclass(frozen=True)
class ReleaseSwap:
    """Stop swapping to a device."""

    device: Held


@dataclass(frozen=True)
class ReleaseMount:
    """Unmount what `devices` (several only for a file system of several devices) have mounted there, and below it."""

    mountpoint: str
    devices: tuple[Held, ...]


@dataclass(frozen=True)
class ExportPool:
    """Let go of a ZFS pool, should it be imported."""

    pool: str
    guid: str


@dataclass(frozen=True)
class CloseGroup:
    """Deactivate every logical volume of a group; by `uuid`, as lvm2 writes it: two groups may have one name."""

    group: str
    uuid: str


@dataclass(frozen=True)
class CloseVolume:
    """Close one volume: opened LUKS, array, bcache, or anything else of device-mapper."""

    volume: VolumeRef


@dataclass(frozen=True)
class LeaveBcache:
    """Have bcache let go of a backing device, or of a cache together with its whole set."""

    device: Held


@dataclass(frozen=True)
class WipeVolume:
    """Take every signature off an open volume whose bytes would tell of it even after the volume is gone."""

    volume: VolumeRef


@dataclass(frozen=True)
class WipeDisk:
    """Take away every signature of the disk and of its partitions, and see that none is left; `contents` is lost.

    Of logical volumes in them, open or not, the start and the places of copies of labels are zeroed.
    The last step of the teardown of a disk: nothing lies on it any more that is open.
    """

    disk: str
    size: int
    contents: tuple[str, ...]
