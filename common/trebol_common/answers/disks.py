"""`[disk-setup]`: which disks, and the layout on them.

The tables `lvm`, `btrfs` and `zfs` have the keys, values and defaults of Proxmox VE's answer.toml, and its rules:
only the table of the file system that was chosen may be given, and btrfs and zfs need their `raid`. What is ours says
so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import StrictBool, model_validator

from trebol_common.answers.section import Section
from trebol_common.answers.values import Ashift, Copies, Gibibytes, Mebibytes, Passphrase
from trebol_common.i18n import _


class Filesystem(StrEnum):
    """File system of the root; it decides the layout (ext4 and xfs: on LVM)."""

    EXT4 = "ext4"
    XFS = "xfs"
    ZFS = "zfs"
    BTRFS = "btrfs"


class FilterMatch(StrEnum):
    """Whether one or all keys of a filter must match."""

    ANY = "any"
    ALL = "all"


class MdRaid(StrEnum):
    """RAID levels of md below LVM."""

    RAID1 = "raid1"
    RAID10 = "raid10"


class BtrfsRaid(StrEnum):
    """Profiles of btrfs; RAID 0 of one disk is a single disk."""

    RAID0 = "raid0"
    RAID1 = "raid1"
    RAID10 = "raid10"


class ZfsRaid(StrEnum):
    """Layouts of a ZFS pool; RAID 0 of one disk is a single disk."""

    RAID0 = "raid0"
    RAID1 = "raid1"
    RAID10 = "raid10"
    RAIDZ1 = "raidz-1"
    RAIDZ2 = "raidz-2"
    RAIDZ3 = "raidz-3"


class BtrfsCompress(StrEnum):
    """btrfs(5), mount option `compress`; "on" is its own default (zlib)."""

    ON = "on"
    OFF = "off"
    ZLIB = "zlib"
    LZO = "lzo"
    ZSTD = "zstd"


class ZfsCompress(StrEnum):
    """zfsprops(7), `compression`; "on" is its own default (lz4)."""

    ON = "on"
    OFF = "off"
    LZJB = "lzjb"
    LZ4 = "lz4"
    ZLE = "zle"
    GZIP = "gzip"
    ZSTD = "zstd"


class ZfsChecksum(StrEnum):
    """zfsprops(7), `checksum`; "on" is its own default (fletcher4)."""

    ON = "on"
    FLETCHER4 = "fletcher4"
    SHA256 = "sha256"


class LvmSizes(Section):
    """`[disk-setup]` lvm.*: sizes in GiB; what is not given follows `trebol_installer.sizing`.

    `raid` is ours: LVM on an md array over all targets.
    """

    raid: MdRaid | None = None
    hdsize: Gibibytes | None = None
    swapsize: Gibibytes | None = None
    maxroot: Gibibytes | None = None
    maxvz: Gibibytes | None = None
    minfree: Gibibytes | None = None


class BtrfsOptions(Section):
    """`[disk-setup]` btrfs.*; `hdsize` in GiB of each disk, all of it where it is not given."""

    raid: BtrfsRaid
    compress: BtrfsCompress = BtrfsCompress.OFF
    hdsize: Gibibytes | None = None


class ZfsOptions(Section):
    """`[disk-setup]` zfs.*; `hdsize` in GiB of each disk, all of it where it is not given.

    `ashift` is the pool's sector size as a power of two. `arc_max` in MiB; where it is not given, a tenth of the
    memory, at least 64 MiB and at most 16 GiB.
    """

    raid: ZfsRaid
    ashift: Ashift = 12
    arc_max: Mebibytes | None = None
    checksum: ZfsChecksum = ZfsChecksum.ON
    compress: ZfsCompress = ZfsCompress.ON
    copies: Copies = 1
    hdsize: Gibibytes | None = None


class Encryption(Section):
    """`[disk-setup]` encryption.*, ours: what is below the file system is encrypted, and opened by this passphrase.

    With `tpm2` the machine's TPM opens it too. The passphrase is needed all the same: a firmware update, another main
    board or a cleared TPM would lock the node for good.
    """

    passphrase: Passphrase
    tpm2: StrictBool = False

    @model_validator(mode="before")
    @classmethod
    def _way_back_in(cls, members: Any) -> Any:
        if isinstance(members, Mapping) and "passphrase" not in members:
            raise ValueError(_("needs a passphrase, with tpm2 too: it is the way back in once the TPM has changed"))
        return members


class DiskSetup(Section):
    """`[disk-setup]`.

    `wipe = "confirmed"` is ours: the explicit yes to lose what a disk holds; it counts for disks named in
    `disk-list` only, never for what a filter happens to find. So is `keep`: what a new installation over an old one
    leaves alone.
    """

    filesystem: Filesystem
    disk_list: tuple[str, ...] = ()
    filter: dict[str, str] | None = None
    filter_match: FilterMatch = FilterMatch.ANY
    lvm: LvmSizes = LvmSizes()
    zfs: ZfsOptions | None = None
    btrfs: BtrfsOptions | None = None
    encryption: Encryption | None = None
    keep: tuple[Literal["data"], ...] = ()
    wipe: Literal["confirmed"] | None = None

    @property
    def hdsize(self) -> float | None:
        """GiB of each disk to use, from the table of the file system; None: all of it."""
        match self.filesystem:
            case Filesystem.BTRFS:
                return self.btrfs.hdsize if self.btrfs else None
            case Filesystem.ZFS:
                return self.zfs.hdsize if self.zfs else None
            case Filesystem.EXT4 | Filesystem.XFS:
                return self.lvm.hdsize

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if problems := list(self._contradictions()):
            raise ValueError("; ".join(problems))
        return self

    def _contradictions(self) -> Iterator[str]:
        if bool(self.disk_list) == bool(self.filter):
            yield _("needs either disk-list or filter, and not both")
        if len(set(self.disk_list)) != len(self.disk_list):
            yield _("disk-list names a disk twice")
        if not all(name.strip() for name in self.disk_list):
            yield _("disk-list has a name that is empty")
        own = self.filesystem.value if self.filesystem in (Filesystem.BTRFS, Filesystem.ZFS) else "lvm"
        if others := [key for key in ("lvm", "btrfs", "zfs") if key in self.model_fields_set and key != own]:
            yield _('{tables}: not with filesystem = "{filesystem}", which takes {own} only').format(
                tables=", ".join(others), filesystem=self.filesystem.value, own=own
            )
        if own != "lvm" and getattr(self, own) is None:
            yield _('filesystem = "{own}" needs {own}.raid; for a single disk, {own}.raid = "raid0"').format(own=own)
