"""Steps that check the medium and the targets, and those that make the system on a mounted root."""

from __future__ import annotations

from dataclasses import dataclass

from trebol_common.answers.model import ClusterMode, Keyboard
from trebol_common.first_boot import ToDo
from trebol_common.network import HostNetwork
from trebol_hardware.machine import FirmwareMode
from trebol_installer.steps.devices import Device, PartitionRef


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
class GetExecutable:
    """What the first boot is to run, into memory: from the server at `place`, of whose URL nothing else is told, or
    from the medium ("")."""

    place: str


@dataclass(frozen=True)
class LoadZfs:
    """Load the kernel's modules for ZFS: this kernel takes them, and so will the node's, which is the same.

    `cache_limit` is the most memory, in bytes, that the cache (ARC) takes while the node is installed, `cache_floor`
    what it always may have; 0 leaves that to ZFS.
    """

    cache_limit: int
    cache_floor: int = 0


@dataclass(frozen=True)
class ExtractLayer:
    """Unpack a layer into the target; `unpacked` in bytes."""

    layer: str
    file: str
    unpacked: int


@dataclass(frozen=True)
class MergePackages:
    """Have dpkg take up what layers above the base noted of their packages."""


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
class WritePool:
    """What the node needs to import its ZFS pool when it boots: host id, the pool's members, memory for its cache.

    `root` is the file system that it boots from, `cache_limit` the most memory, in bytes, that the cache (ARC) takes,
    `cache_floor` what it always may have; 0 leaves that to ZFS.
    """

    name: str
    root: str
    cache_limit: int
    cache_floor: int = 0


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
class WriteClusterIntent:
    """What the first boot does, into `trebol_common.CLUSTER_INTENT`: create the cluster `name`, which `nodes` join by
    the answers' token, or join that of the member `peer`; `token`: the answers have one; `force`: findings of the
    preflight that do not stop it."""

    mode: ClusterMode
    name: str | None
    peer: str | None
    token: bool
    nodes: tuple[str, ...] = ()
    force: tuple[str, ...] = ()


@dataclass(frozen=True)
class WriteFirstBoot:
    """What the first boot does by itself, into `trebol_common.first_boot.TO_DO`, and the executable beside it."""

    to_do: ToDo


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


@dataclass(frozen=True)
class GatherNews:
    """What the webhook is to be told, from the target, while that can be read."""


@dataclass(frozen=True)
class TellWebhook:
    """POST what was gathered to the answers' webhook at the server `place`. A webhook that cannot be told fails
    nothing: the node is installed."""

    place: str


@dataclass(frozen=True)
class MarkFinished:
    """Take the mark of an installation that has not ended off a disk; from now on its loss has to be confirmed."""

    disk: str
