"""The steps of a plan: frozen values, one class for each thing that is done to a disk or to the new system.

No step holds a secret, a device name of this boot where there is a better one, or a UUID of what is made: plans are
printed, stored and compared. Secrets come from the answers and new UUIDs are made when a step runs. What was there
before is named by the UUID that it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trebol_common.answers.model import Keyboard
from trebol_common.network import HostNetwork
from trebol_hardware.machine import FirmwareMode, VolumeKind


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


@dataclass(frozen=True)
class CheckTarget:
    """The disk at the stable path is still the one that was planned for, and idle.

    `edges` is the digest of its ends (`trebol_hardware.probe.edges`); "" where what lies on it is open, so that they
    may change.
    """

    disk: str
    size: int
    serial: str
    edges: str = ""


@dataclass(frozen=True)
class VerifyLayers:
    """Every layer on the medium has the checksums of its manifest. `size` in bytes."""

    layers: tuple[str, ...]
    size: int


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

    The last step of the teardown of a disk: nothing lies on it any more that is open.
    """

    disk: str
    size: int
    contents: tuple[str, ...]


@dataclass(frozen=True)
class PartitionDisk:
    """Write a new GPT."""

    disk: str
    partitions: tuple[PlannedPartition, ...]


@dataclass(frozen=True)
class CreateArray:
    """Make an md array `path` (/dev/md/NAME) of `level` ("raid1", "raid10") of partitions of `size` bytes each."""

    path: str
    level: str
    members: tuple[PartitionRef, ...]


@dataclass(frozen=True)
class EncryptDevice:
    """Make a LUKS2 container of `device`, with the passphrase of the answers, and open it as /dev/mapper/`name`."""

    device: Device
    name: str


@dataclass(frozen=True)
class CreateVolumeGroup:
    """Make an LVM volume group of one partition or array."""

    group: str
    device: Device


@dataclass(frozen=True)
class AssembleArray:
    """Start the array that is there already, of the same members as `CreateArray` would make it."""

    path: str
    members: tuple[PartitionRef, ...]


@dataclass(frozen=True)
class OpenContainer:
    """Open the LUKS2 container that is there already, by the passphrase of the answers, as /dev/mapper/`name`."""

    device: Device
    name: str


@dataclass(frozen=True)
class ReuseVolumeGroup:
    """Take over a volume group that is there already: its volume `root` for the new system, at least of `root_size`
    bytes, and `swap` where it has one; `kept` is a thin pool that stays as it is."""

    group: str
    device: Device
    root_size: int
    kept: str


@dataclass(frozen=True)
class ReplaceSubvolume:
    """Make the subvolume `name` anew in a btrfs that is there already on `devices`; the subvolume `kept` stays."""

    devices: tuple[Device, ...]
    name: str
    kept: str


@dataclass(frozen=True)
class CreateVolume:
    """Make a logical volume of `size` bytes in the group on `device`."""

    group: str
    name: str
    size: int
    device: Device


@dataclass(frozen=True)
class CreateThinPool:
    """Make a thin pool of `size` bytes of data and `metadata` bytes of metadata (LVM adds a spare of the same)."""

    group: str
    name: str
    size: int
    metadata: int
    device: Device


@dataclass(frozen=True)
class MakeSwap:
    """Make a swap space."""

    device: Device


@dataclass(frozen=True)
class MakeFilesystem:
    """Make a file system; `kind` is "ext4", "xfs" or "vfat". `sector` is the disk's logical sector, in bytes."""

    device: Device
    kind: str
    label: str
    sector: int = 512


@dataclass(frozen=True)
class MakeBtrfs:
    """Make a btrfs over `devices`, known by the first of them, with its subvolumes.

    `data` and `metadata` are profiles of mkfs.btrfs ("single", "dup", "raid0", "raid1", "raid10").
    """

    devices: tuple[Device, ...]
    label: str
    data: str
    metadata: str
    subvolumes: tuple[str, ...]


@dataclass(frozen=True)
class MountTarget:
    """Mount a file system at `at` of the target ("/" is the target itself), with `options` of mount(8)."""

    device: Device
    at: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExtractLayer:
    """Unpack a layer into the target; `unpacked` in bytes."""

    layer: str
    file: str
    unpacked: int


@dataclass(frozen=True)
class WriteIdentity:
    """Host name, hosts file, machine id and SSH host keys.

    `fqdn` is None where DHCP gives the name; `fallback` is then used until it does. `address` is the static one.
    """

    fqdn: str | None
    fallback: str
    address: str | None


@dataclass(frozen=True)
class Mount:
    """A line of the file system table: `kind` of file system ("swap" at "none"), and its options beyond the usual.

    An `optional` one is left out where the device turned out not to be there.
    """

    device: Device
    at: str
    kind: str
    options: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True)
class WriteMounts:
    """The file system table."""

    mounts: tuple[Mount, ...]


@dataclass(frozen=True)
class WriteEncryption:
    """What the node unlocks when it boots: name in /dev/mapper and device of each container."""

    containers: tuple[tuple[str, Device], ...]


@dataclass(frozen=True)
class WriteNetwork:
    """Netplan and the names of interfaces."""

    network: HostNetwork


@dataclass(frozen=True)
class WriteLocale:
    """Keyboard and time zone."""

    keyboard: Keyboard
    timezone: str


@dataclass(frozen=True)
class WriteAccess:
    """Root's password and SSH keys (`ssh_keys` counts them), and the subscription key, from the answers."""

    ssh_keys: int
    subscription_key: bool


@dataclass(frozen=True)
class WriteNodeConfiguration:
    """What Trebol itself keeps of the answers, in /etc/trebol/node.toml."""

    mailto: str
    country: str


@dataclass(frozen=True)
class BootPartition:
    """The ESP of a disk that boots; `sector` is the disk's logical one, in bytes: by BIOS only 512 can boot."""

    esp: PartitionRef
    sector: int = 512


@dataclass(frozen=True)
class InstallBootLoader:
    """Kernels and EFI programs onto each ESP, GRUB for BIOS into its partition, an NVRAM entry each under UEFI.

    The first of `boot` is mounted in the target already. The kernel's words are root= with the UUID of the file
    system on `root`, which is known once the step runs (the path itself, where none was made by that name), and
    `command_line`.
    """

    boot: tuple[BootPartition, ...]
    firmware: FirmwareMode
    root: Device
    command_line: str


@dataclass(frozen=True)
class WriteReport:
    """Log, plan, answers without secrets and machine into /var/log/trebol; the marker of a whole installation."""


@dataclass(frozen=True)
class CloseTarget:
    """Unmount the target."""


Step = (
    CheckTarget
    | VerifyLayers
    | ReleaseSwap
    | ReleaseMount
    | ExportPool
    | CloseGroup
    | CloseVolume
    | LeaveBcache
    | WipeVolume
    | WipeDisk
    | PartitionDisk
    | CreateArray
    | EncryptDevice
    | CreateVolumeGroup
    | AssembleArray
    | OpenContainer
    | ReuseVolumeGroup
    | ReplaceSubvolume
    | CreateVolume
    | CreateThinPool
    | MakeSwap
    | MakeFilesystem
    | MakeBtrfs
    | MountTarget
    | ExtractLayer
    | WriteIdentity
    | WriteMounts
    | WriteEncryption
    | WriteNetwork
    | WriteLocale
    | WriteAccess
    | WriteNodeConfiguration
    | InstallBootLoader
    | WriteReport
    | CloseTarget
)


def step_name(step: Step) -> str:
    """The step's name in events and JSON: `wipe-disk`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", type(step).__name__).lower()


def step_to_json(step: Step) -> dict[str, Any]:
    """The step as JSON members; devices are shown by their stable paths."""
    return {"step": step_name(step), **{key: _plain(value) for key, value in _members(step)}}


def _members(step: Step) -> Iterator[tuple[str, Any]]:
    for key in step.__dataclass_fields__:
        yield key, getattr(step, key)


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case PartitionRef():
            return str(value)
        case tuple():
            return [_plain(item) for item in value]
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case str():
            return str(value)
        case _ if hasattr(value, "__dataclass_fields__"):
            return _plain({key: getattr(value, key) for key in value.__dataclass_fields__})
        case _:
            return str(value)
