"""Sizes of partitions and logical volumes, with Proxmox VE's defaults and formulae (its installer's Install.pm and
Sys/Block.pm). All sizes are bytes; volumes are whole extents of 4 MiB.
"""

from __future__ import annotations

from dataclasses import dataclass

from trebol_common.answers.model import LvmSizes, MdRaid
from trebol_common.errors import BadInput, Problem, Refused, TrebolError
from trebol_common.i18n import _
from trebol_hardware.sizes import show_size

MIB = 1024**2
GIB = 1024**3

#: LVM's default extent, and the unit of every volume.
EXTENT = 4 * MIB

#: Partitions start at whole MiB: right for any sector, erase block or stripe in use.
ALIGNMENT = MIB

BIOS_BOOT = MIB

#: From here on the ESP has 1 GiB, below the least.
LARGE_DISK = 100 * GIB
LEAST_ESP = 512 * MIB

#: What each member of a pool gives at least: mkfs.btrfs(8) takes none below 125 MiB, zpool(8) none below 64.
LEAST_MEMBER = GIB

#: No node is installed on less, whatever its layers need.
MINIMUM_DISK = 8 * GIB

#: What a root needs beyond its layers: logs, package upgrades, an image or two being unpacked.
ROOM = 2 * GIB

#: Room for inodes, journal and blocks reserved for root, as a share of the unpacked layers.
OVERHEAD = 0.1

#: What md keeps at the start of each member of an array: superblock and bitmap, and room to change its shape later.
ARRAY_OFFSET = 16 * MIB

#: What LUKS2 keeps before its data (cryptsetup's default for both copies of the header and the key slots).
LUKS_HEADER = 16 * MIB

#: The least that ZFS takes as a limit of its cache (zfs(4), zfs_arc_max), and the most that is given by default.
LEAST_CACHE = 64 * MIB
LARGEST_CACHE = 16 * GIB

#: What a limit of the cache leaves to everything else.
BESIDE_CACHE = GIB

#: Largest default swap and root, in GiB.
DEFAULT_MAXIMUM_SWAP = 8
DEFAULT_MAXIMUM_ROOT = 96


@dataclass(frozen=True)
class Sizes:
    """Where the bytes of a disk go.

    `bios_boot`, `esp` and `lvm` are partitions, of each disk where there are several; `root`, `swap`, `data` (0:
    none) and `metadata` (of the thin pool, taken twice: LVM keeps a spare) are volumes; `free` stays in the group.
    """

    bios_boot: int
    esp: int
    lvm: int
    root: int
    swap: int
    data: int
    metadata: int
    free: int


def needed_root(unpacked: int) -> int:
    """The smallest root for layers of `unpacked` bytes: them, 10 % for the file system itself, and 2 GiB."""
    return _up(int(unpacked * (1 + OVERHEAD)) + ROOM)


def minimum_disk(unpacked: int) -> int:
    """The smallest disk: 8 GiB, or boot partitions and the smallest root without swap where that is more."""
    return max(MINIMUM_DISK, 2 * ALIGNMENT + _esp(0) + needed_root(unpacked) + EXTENT + ALIGNMENT)


@dataclass(frozen=True)
class PoolSizes:
    """Where the bytes of each disk go whose rest is part of one btrfs or ZFS pool."""

    bios_boot: int
    esp: int
    pool: int


def pool_sizes(
    *, disk: int, unpacked: int, hdsize: float | None, key: str = "btrfs.hdsize", data_disks: float = 1
) -> PoolSizes:
    """Divide each of several disks of `disk` bytes for a pool that holds what fits `data_disks` of them.

    `key` is where `hdsize` stands in the answers. Raises Refused where the pool would be too small for layers of
    `unpacked` bytes, and BadInput where that is because of hdsize, or hdsize is larger than the disk.
    """
    total = _total(disk, hdsize, key)
    esp = _esp(total)
    pool = _rest(total, esp)
    needed = max(needed_root(unpacked), MINIMUM_DISK - _esp(0) - 3 * ALIGNMENT)
    _require_room(disk, total, int(pool * data_disks), needed, key)
    _require_room(disk, total, pool, LEAST_MEMBER, key)
    return PoolSizes(BIOS_BOOT, esp, pool)


def sizes(
    *,
    disk: int,
    memory: int,
    unpacked: int,
    wishes: LvmSizes,
    raid: MdRaid | None = None,
    disks: int = 1,
    encrypted: bool = False,
) -> Sizes:
    """Divide a disk of `disk` bytes in a machine of `memory` bytes, for layers of `unpacked` bytes.

    With `raid`, that is each of `disks` disks (the smallest one's size), and LVM lies on an array over all of them;
    with `encrypted`, in a LUKS container on that.
    With hd = hdsize or the whole disk, times the disks that RAID 10 stripes over, in GiB:

    - ESP: 1 GiB from 100 GiB on, else 512 MiB
    - swap: swapsize, or memory, at least 4 where hd >= 64, at least 2 where hd >= 32, at most hd/8, at most 8
    - root, of rest = LVM - swap: all below 12, half below 48, else rest/4 + 12; at most maxroot (96); never less
      than `needed_root`, for which a swap nobody asked for shrinks
    - minfree: as given, or 16 where hd > 128, else hd/8
    - data = rest - root - minfree, at most maxvz, only where more than 4 GiB; its metadata is 1 %, 1 to 16 GiB, and
      is taken twice from it

    Raises Refused where the disk is too small, and BadInput where the wishes contradict each other or the disk.
    """
    total = _total(disk, wishes.hdsize, "lvm.hdsize")
    esp = _esp(total)
    lvm = _rest(total, esp)
    capacity = (array_size(lvm, raid, disks) if raid else lvm) - (LUKS_HEADER if encrypted else 0)
    _require_room(disk, total, capacity, minimum_disk(unpacked) - _esp(0) - 3 * ALIGNMENT, "lvm.hdsize")
    total = total * _stripes(raid, disks)
    # LVM's metadata takes the first MiB of the partition.
    extents = _down(capacity - ALIGNMENT)
    root_needed = needed_root(unpacked)
    swap = _swap(total, memory, wishes)
    if wishes.swapsize is None:
        swap = min(swap, max(0, extents - root_needed))
    rest = extents - swap
    if rest < root_needed:
        raise BadInput(
            _("{key} leaves {rest} for the root; it needs {needed}").format(
                key="lvm.swapsize", rest=show_size(max(rest, 0)), needed=show_size(root_needed)
            ),
            hint=_("lower {key}").format(key="lvm.swapsize"),
        )
    root = _root(rest, wishes, root_needed)
    data, metadata = _data(rest - root, total, wishes)
    return Sizes(BIOS_BOOT, esp, lvm, root, swap, data, metadata, rest - root - data - 2 * metadata)


def cache_limit(memory: int, wish: int | None) -> int:
    """The most memory, in bytes, for the cache of ZFS (ARC), in a machine of `memory` bytes.

    `wish` in MiB, or a tenth of the memory, at least 64 MiB and at most 16 GiB (default of Proxmox VE's installer).
    Raises BadInput where a wish beyond 64 MiB leaves less than 1 GiB for everything else.
    """
    if wish is None:
        return min(max(memory // 10 // MIB * MIB, LEAST_CACHE), LARGEST_CACHE)
    limit = wish * MIB
    if memory and limit > max(memory - BESIDE_CACHE, LEAST_CACHE):
        raise BadInput(
            _("{key} is {size}; the machine has {memory} of memory").format(
                key="zfs.arc-max", size=show_size(limit), memory=show_size(memory)
            ),
            hint=_("lower it to {most} or less, or leave it out").format(
                most=max(memory - BESIDE_CACHE, LEAST_CACHE) // MIB
            ),
        )
    return limit


def cache_floor(memory: int, limit: int) -> int:
    """What the cache of ZFS always may have, in bytes, beside `limit`; 0: ZFS's own, 1/32 of the memory.

    A limit that is not above that is ignored (zfs(4), zfs_arc_max; arc_tuning_update in module/zfs/arc.c). Half of
    the limit where it comes near.
    """
    return limit // 2 if limit <= memory // 16 else 0


def problems_of(error: TrebolError, where: str) -> list[Problem]:
    """The problems of a `sizes` error, at the place that the user knows."""
    return [Problem(problem.what, where, problem.hint) for problem in error.problems]


def array_size(member: int, raid: MdRaid, disks: int) -> int:
    """Bytes of an array over `disks` partitions of `member` bytes: whole MiB, two copies of everything in RAID 10."""
    return (member - ARRAY_OFFSET) // MIB * MIB * _stripes(raid, disks)


def _stripes(raid: MdRaid | None, disks: int) -> int:
    return disks // 2 if raid is MdRaid.RAID10 else 1


def _require_room(disk: int, total: int, usable: int, needed: int, key: str) -> None:
    if usable >= needed:
        return
    least = total + needed - usable
    has, wants = show_size(total), show_size(least)
    if has == wants:
        has, wants = f"{total // MIB} MiB", f"{-(-least // MIB)} MiB"
    if total == disk:
        small = _("the disk has {size}; at least {needed} are needed").format(size=has, needed=wants)
        raise Refused(small, hint=_("choose a larger disk"))
    raise BadInput(
        _("{key} is {size}; at least {needed} are needed").format(key=key, size=has, needed=wants),
        hint=_("raise {key}, or leave it out").format(key=key),
    )


def _rest(total: int, esp: int) -> int:
    """The third partition: two MiB before the ESP (GPT, BIOS boot partition), one behind for the second GPT."""
    return (total - 2 * ALIGNMENT - esp - ALIGNMENT) // ALIGNMENT * ALIGNMENT


def _total(disk: int, hdsize: float | None, key: str) -> int:
    if hdsize is None:
        return disk
    total = int(hdsize * GIB)
    if total > disk:
        raise BadInput(
            _("{key} is {size}; the disk has {whole}").format(key=key, size=show_size(total), whole=show_size(disk)),
            hint=_("lower {key}, or leave it out").format(key=key),
        )
    return total


def _esp(total: int) -> int:
    return GIB if total >= LARGE_DISK else LEAST_ESP


def _swap(total: int, memory: int, wishes: LvmSizes) -> int:
    if wishes.swapsize is not None:
        return _down(int(wishes.swapsize * GIB))
    swap = memory
    if total >= 64 * GIB:
        swap = max(swap, 4 * GIB)
    elif total >= 32 * GIB:
        swap = max(swap, 2 * GIB)
    return _down(min(swap, total // 8, DEFAULT_MAXIMUM_SWAP * GIB))


def _root(rest: int, wishes: LvmSizes, needed: int) -> int:
    if rest < 12 * GIB:
        root = rest
    elif rest < 48 * GIB:
        root = _down(rest // 2)
    else:
        root = _down(rest // 4 + 12 * GIB)
    maximum = _down(int((DEFAULT_MAXIMUM_ROOT if wishes.maxroot is None else wishes.maxroot) * GIB))
    if maximum < needed:
        raise BadInput(
            _("{key} is {size}; the root needs {needed}").format(
                key="lvm.maxroot", size=show_size(maximum), needed=show_size(needed)
            ),
            hint=_("raise {key}").format(key="lvm.maxroot"),
        )
    return max(min(root, maximum), needed)


def _data(left: int, total: int, wishes: LvmSizes) -> tuple[int, int]:
    """Data and metadata of the thin pool; (0, 0) where there is no room for one worth having."""
    default = 16 * GIB if total > 128 * GIB else total // 8
    free = default if wishes.minfree is None else int(wishes.minfree * GIB)
    data = max(0, left - free)
    if wishes.maxvz is not None:
        data = min(data, int(wishes.maxvz * GIB))
    if data <= 4 * GIB:
        return 0, 0
    metadata = _down(min(max(data // 100, GIB), 16 * GIB))
    return _down(data - 2 * metadata), metadata


def _down(size: int) -> int:
    return size // EXTENT * EXTENT


def _up(size: int) -> int:
    return -(-size // EXTENT) * EXTENT
