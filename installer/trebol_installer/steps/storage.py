"""Steps from blank partitions to a mounted root, and those that take an old node's layout over."""

from __future__ import annotations

from dataclasses import dataclass

from trebol_installer.steps.devices import Device, PartitionRef, PlannedPartition


@dataclass(frozen=True)
class PartitionDisk:
    """Write a new GPT."""

    disk: str
    partitions: tuple[PlannedPartition, ...]


@dataclass(frozen=True)
class CreateArray:
    """Make an md array `path` (/dev/md/NAME) of `level` ("raid1", "raid10") of partitions of one size."""

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
    """Start the array that is there already, of the same level and members as `CreateArray` would make it."""

    path: str
    level: str
    members: tuple[PartitionRef, ...]


@dataclass(frozen=True)
class OpenContainer:
    """Open the LUKS2 container that is there already, by the passphrase of the answers, as /dev/mapper/`name`."""

    device: Device
    name: str


@dataclass(frozen=True)
class BindToTpm:
    """Have this machine's TPM open the LUKS2 container on `device` too, as long as it boots as it does now."""

    device: Device


@dataclass(frozen=True)
class UnbindFromTpm:
    """Take the keys that the TPM gives out from the container on `device`, where it has any."""

    device: Device


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
    """Make the subvolume `name` anew in a btrfs that is there already on `devices`; the subvolume `kept` stays.

    All its data has to be of the profile `data` (mkfs.btrfs), and it needs room for `size` bytes.
    """

    devices: tuple[Device, ...]
    data: str
    name: str
    kept: str
    size: int


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
class CreatePool:
    """Make a ZFS pool `name`; with `encrypted`, everything in it is, by the passphrase of the answers.

    `groups` are its top-level vdevs: each a disk alone (`level` ""), or several as a `level` of zpoolconcepts(7)
    ("mirror", "raidz1", "raidz2", "raidz3"). `ashift` is its sector size as a power of two; `properties` are those of
    its root dataset, `key=value`.
    """

    name: str
    level: str
    groups: tuple[tuple[PartitionRef, ...], ...]
    ashift: int
    properties: tuple[str, ...]
    encrypted: bool = False


@dataclass(frozen=True)
class ReusePool:
    """Import the pool with this `guid` that is there already, as `CreatePool` with the same members would make it.

    Its file system `root` is taken away; `kept` stays as it is. There must be room for `root_size` bytes.
    """

    name: str
    guid: str
    level: str
    groups: tuple[tuple[PartitionRef, ...], ...]
    encrypted: bool
    root: str
    root_size: int
    kept: str


@dataclass(frozen=True)
class CreateDataset:
    """Make the file system `name` (POOL/PATH) of a ZFS pool, with `properties` (`key=value`); it is not mounted."""

    name: str
    properties: tuple[str, ...]


@dataclass(frozen=True)
class MountDataset:
    """Mount the file system `name` of a ZFS pool as the target's root."""

    name: str
