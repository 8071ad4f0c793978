"""`Machine`: everything the probe found out about a computer, as values.

Frozen dataclasses, lossless JSON both ways: a recorded `machine.json` stands in for hardware in tests, dry runs and
`trebol answer match` on an administrator's laptop. Sizes are bytes. Unknown is `None` (or an empty string for text
that firmware did not give), never a guess.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

from trebol_common.errors import BadInput
from trebol_common.i18n import _
from trebol_hardware.facts import (
    Bmc,
    Bond,
    Clock,
    DiskHealth,
    Kvm,
    Memory,
    NumaNode,
    PciDevice,
    PowerSupply,
    Watchdog,
)
from trebol_hardware.record import read_record

#: Version of the JSON form. A reader refuses a newer one and fills what an older one lacks with defaults.
FORMAT = 1

#: Sizes of a disk's logical sectors, in bytes, that Linux supports.
SECTORS = (512, 1024, 2048, 4096)


class FirmwareMode(StrEnum):
    """How the running system was booted, which is how the installed one will be."""

    BIOS = "bios"
    UEFI = "uefi"


@dataclass(frozen=True)
class Firmware:
    """Boot firmware. `secure_boot` is None where the mode has no such thing or it could not be read.

    `certificates` are those that Secure Boot takes signatures by, the machine owner's own among them: the SHA-256 of
    each in hexadecimal, sorted; None where no list of them could be read.
    """

    mode: FirmwareMode
    secure_boot: bool | None = None
    vendor: str = ""
    version: str = ""
    date: str = ""
    certificates: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Processor:
    """The CPUs as the kernel shows them. `vulnerabilities`: name → the kernel's verdict ("Mitigation: …")."""

    vendor: str
    model: str
    sockets: int
    cores: int
    threads: int
    flags: tuple[str, ...] = ()
    family: int | None = None
    model_number: int | None = None
    stepping: int | None = None
    microcode: str = ""
    vulnerabilities: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Product:
    """DMI names of the machine: what stands on its label, and on its main board.

    The board's are the only ones that tell where whoever built the machine never filled in its own.
    """

    manufacturer: str = ""
    name: str = ""
    version: str = ""
    serial: str = ""
    uuid: str = ""
    board_manufacturer: str = ""
    board_name: str = ""


#: blkid's types of members of something larger.
LVM_MEMBER = "LVM2_member"
ARRAY_MEMBER = "linux_raid_member"
INTEL_MEMBER = "isw_raid_member"
DDF_MEMBER = "ddf_raid_member"
MULTIPATH_MEMBER = "mpath_member"
ZFS_MEMBER = "zfs_member"
BCACHE = "bcache"
BLUESTORE = "ceph_bluestore"
LUKS = "crypto_LUKS"

#: Those that md assembles: its own, and the firmware's that it understands.
ARRAY_MEMBERS = frozenset({ARRAY_MEMBER, INTEL_MEMBER, DDF_MEMBER})

#: What stands for active swap among mount points, as in lsblk(8).
SWAP = "[SWAP]"


@dataclass(frozen=True)
class Content:
    """One thing found on a disk or partition: a signature, and what it belongs to.

    `kind` is blkid's type ("ext4", "LVM2_member", "linux_raid_member", "crypto_LUKS", "zfs_member", "iso9660",
    "swap", "ceph_bluestore", …) or "gpt"/"dos" for a partition table. `member_of` names the volume group, array, pool
    or cluster where that is known, `group_uuid` is that group's, array's, pool's (guid) or cluster's (fsid) own.
    `size` and `used` of a file system in bytes, None where they are not known.
    """

    kind: str
    label: str = ""
    uuid: str = ""
    member_of: str = ""
    group_uuid: str = ""
    size: int | None = None
    used: int | None = None


@dataclass(frozen=True)
class Partition:
    """A partition as the kernel sees it; `start` and `size` in bytes."""

    name: str
    number: int
    start: int
    size: int
    content: tuple[Content, ...] = ()
    mountpoints: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()


class VolumeKind(StrEnum):
    """What makes a volume of the devices below it."""

    LVM = "lvm"
    CRYPT = "crypt"
    RAID = "raid"
    BCACHE = "bcache"
    MULTIPATH = "multipath"
    OTHER = "other"


@dataclass(frozen=True)
class Volume:
    """A block device that the kernel makes of others, while it is active; `size` in bytes.

    `name` is the kernel's ("dm-0", "md127", "bcache0"), `path` the one that people and tools use
    ("/dev/mapper/trebol-root", "/dev/md127"), `below` the kernel's names of the disks, partitions and volumes that it
    is made of. `group` is the volume group of a logical volume. `uuid` is device-mapper's, md's or bcache's own.
    """

    name: str
    kind: VolumeKind
    path: str
    size: int = 0
    below: tuple[str, ...] = ()
    group: str = ""
    uuid: str = ""
    content: tuple[Content, ...] = ()
    mountpoints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Disk:
    """A whole disk.

    `name` is the kernel's ("sda"), good for this boot only; `by_id` its stable names, best first, without the folder
    ("ata-…", "nvme-…", "virtio-…"); `by_path` likewise. `udev` holds the udev properties that filters match.
    `transport` is "sata", "sas", "nvme", "usb", "virtio", "scsi", "mmc" or "". `medium` says that Trebol's own
    installation medium (or BMC virtual media) is on it: never a target. `write_cache` is the kernel's view ("write
    back", "write through"); `pci` the address of the controller (or NVMe function) it hangs on; `health` is None
    where it was not asked for, and not told by the kernel either. `system` names the system whose disk this seems to
    be ("Windows", "Trebol", "Ceph OSD"). `edges` is the SHA-256 of the disk's first MiB followed by its last, in
    hexadecimal, where it was asked for.
    """

    name: str
    size: int
    logical_sector: int = 512
    physical_sector: int = 512
    rotational: bool = False
    removable: bool = False
    read_only: bool = False
    transport: str = ""
    model: str = ""
    serial: str = ""
    wwn: str = ""
    by_id: tuple[str, ...] = ()
    by_path: tuple[str, ...] = ()
    medium: bool = False
    content: tuple[Content, ...] = ()
    partitions: tuple[Partition, ...] = ()
    mountpoints: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()
    udev: Mapping[str, str] = field(default_factory=dict)
    write_cache: str = ""
    pci: str = ""
    health: DiskHealth | None = None
    system: str = ""
    edges: str = ""

    @property
    def stable_path(self) -> str:
        """The path that names this disk in whatever is stored: by-id, else by-path, else the kernel's name."""
        if self.by_id:
            return f"/dev/disk/by-id/{self.by_id[0]}"
        if self.by_path:
            return f"/dev/disk/by-path/{self.by_path[0]}"
        return f"/dev/{self.name}"


@dataclass(frozen=True)
class NetworkInterface:
    """A physical network interface (no bridges, bonds, VLANs, virtual functions).

    `mac` is the permanent address, lower case with colons; `speed` and `fastest` (what the port can do) in Mbit/s;
    `duplex` "full", "half" or ""; `carrier` None where the interface is down and the kernel cannot tell.
    """

    name: str
    mac: str
    driver: str = ""
    carrier: bool | None = None
    speed: int | None = None
    pci: str = ""
    vendor: str = ""
    model: str = ""
    udev: Mapping[str, str] = field(default_factory=dict)
    duplex: str = ""
    fastest: int | None = None


@dataclass(frozen=True)
class Machine:
    """A computer, as probed. `memory` is what the kernel can use, in bytes; 0 where it did not say, and so are the
    processor's counts.

    `virtualisation` is the hypervisor that this machine runs under, by systemd-detect-virt(1)'s names. Of the rest,
    None and empty mean that it is not there or cannot be known; `tpm` is the TPM's version ("1.2", "2.0"),
    `kernel_words` the kernel's command line.
    """

    architecture: str
    firmware: Firmware
    processor: Processor
    memory: int
    product: Product = field(default_factory=Product)
    disks: tuple[Disk, ...] = ()
    interfaces: tuple[NetworkInterface, ...] = ()
    kernel: str = ""
    virtualisation: str = ""
    kvm: Kvm = field(default_factory=Kvm)
    pci: tuple[PciDevice, ...] = ()
    memory_details: Memory = field(default_factory=Memory)
    numa: tuple[NumaNode, ...] = ()
    bonds: tuple[Bond, ...] = ()
    clock: Clock = field(default_factory=Clock)
    bmc: Bmc | None = None
    watchdogs: tuple[Watchdog, ...] = ()
    power_supplies: tuple[PowerSupply, ...] = ()
    tpm: str = ""
    kernel_words: tuple[str, ...] = ()
    volumes: tuple[Volume, ...] = ()

    def to_json(self) -> str:
        """The recorded form: indented JSON with a format number, sorted as declared.

        Of a name that is not UTF-8 (Linux allows them), the other bytes are “?”.
        """
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=2, ensure_ascii=False) + "\n"
        return text.encode(errors="replace").decode()

    @classmethod
    def from_json(cls, text: str, *, where: str = "machine.json") -> Machine:
        """The inverse of `to_json`. Raises BadInput naming `where` when `text` is not such a record."""
        try:
            members = json.loads(text)
        except (ValueError, RecursionError) as error:
            # Beside JSONDecodeError: numbers of thousands of digits, brackets nested by the thousand.
            raise _bad_record(_("not JSON: {reason}").format(reason=error), where) from error
        if not isinstance(members, dict) or type(members.get("format")) is not int or members["format"] != FORMAT:
            raise _bad_record(_("not a machine record of format {number}").format(number=FORMAT), where)
        try:
            machine: Machine = read_record(cls, {key: members[key] for key in members if key != "format"}, "machine")
        except ValueError as error:
            raise _bad_record(_("damaged machine record: {reason}").format(reason=error), where) from error
        if wrong := next((disk.name for disk in machine.disks if disk.logical_sector not in SECTORS), None):
            sectors = _("damaged machine record: disk {name} has impossible sectors")
            raise _bad_record(sectors.format(name=wrong), where)
        names = Counter(disk.name for disk in machine.disks)
        names.update(partition.name for disk in machine.disks for partition in disk.partitions)
        names.update(volume.name for volume in machine.volumes)
        if wrong := next((name for name, number in names.items() if number > 1), None):
            raise _bad_record(_("damaged machine record: two devices are called {name}").format(name=wrong), where)
        return machine

    @classmethod
    def load(cls, path: Path) -> Machine:
        """Read a recorded machine. Raises BadInput when the file is missing or is not one."""
        try:
            return cls.from_json(path.read_text(encoding="utf-8"), where=str(path))
        except OSError as error:
            raise _bad_record(_("cannot be read: {reason}").format(reason=error.strerror), str(path)) from error
        except UnicodeDecodeError as error:
            raise _bad_record(_("not a text file"), str(path)) from error


def _bad_record(what: str, where: str) -> BadInput:
    hint = _("record one on the machine itself: trebol machine probe > machine.json")
    return BadInput(what, where=where, hint=hint)
