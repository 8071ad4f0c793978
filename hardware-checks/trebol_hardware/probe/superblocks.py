"""What superblocks tell that udev does not: how much of a file system is used, and the set of a bcache member.

Pure parsers over `read(offset, length)`, of at most 4 KiB for each file system. Numbers are as of its last commit:
what is mounted right now may be used a little more. Sources: the kernel's ext4 documentation (Super Block), XFS
Algorithms & Data Structures (Superblocks), btrfs' On-disk Format (Superblock), Microsoft's FAT specification
(FSInfo), linux/bcache.h (struct cache_sb).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from uuid import UUID

from trebol_hardware.probe.sysfs import count

#: Gives `length` bytes from `offset` on, fewer at the end of the device.
Reader = Callable[[int, int], bytes]


def used(kind: str, read: Reader) -> int | None:
    """Bytes in use on a file system of blkid's type `kind`; None where its superblock does not tell."""
    parser = _USED.get(kind)
    try:
        number = parser(read) if parser is not None else None
    except struct.error:
        return None
    return count(number)


def bcache_set(read: Reader) -> str:
    """The UUID of the cache set that a bcache member is or was attached to; empty where it never was."""
    block = read(4096, 72)
    if len(block) < 72 or block[24:40] != _BCACHE_MAGIC or not any(block[56:72]):
        return ""
    return str(UUID(bytes=block[56:72]))


_BCACHE_MAGIC = bytes.fromhex("c68573f64e1a45ca8265f57f48ba6d81")


def _ext(read: Reader) -> int | None:
    block = read(1024, 1024)
    if block[0x38:0x3A] != b"\x53\xef":
        return None
    blocks, _reserved, free, _inodes, _first, shift = struct.unpack_from("<6I", block, 0x04)
    (incompatible,) = struct.unpack_from("<I", block, 0x60)
    if incompatible & 0x80:  # INCOMPAT_64BIT
        blocks += struct.unpack_from("<I", block, 0x150)[0] << 32
        free += struct.unpack_from("<I", block, 0x158)[0] << 32
    # As statfs(2) does: what the file system's own tables take is not used by anybody.
    (overhead,) = struct.unpack_from("<I", block, 0x248)
    return int(blocks - overhead - free) << (10 + shift) if shift <= 6 else None


def _xfs(read: Reader) -> int | None:
    block = read(0, 512)
    if block[:4] != b"XFSB":
        return None
    size, blocks = struct.unpack_from(">IQ", block, 4)
    (log_start,) = struct.unpack_from(">Q", block, 48)
    (log_blocks,) = struct.unpack_from(">I", block, 96)
    (free,) = struct.unpack_from(">Q", block, 144)
    return int(blocks - (log_blocks if log_start else 0) - free) * int(size)


def _btrfs(read: Reader) -> int | None:
    block = read(0x10000, 4096)
    if block[0x40:0x48] != b"_BHRfS_M":
        return None
    return int(struct.unpack_from("<Q", block, 0x78)[0])


def _fat(read: Reader) -> int | None:
    """FAT32 only: the others keep no count."""
    boot = read(0, 512)
    sector, cluster, reserved, copies = struct.unpack_from("<HBHB", boot, 11)
    sectors, of_copy = struct.unpack_from("<II", boot, 32)
    if not sector or not cluster or boot[22:24] != b"\0\0" or boot[82:87] != b"FAT32":
        return None
    information = read(int.from_bytes(boot[48:50], "little") * sector, 512)
    if information[:4] != b"RRaA" or information[484:488] != b"rrAa":
        return None
    (free,) = struct.unpack_from("<I", information, 488)
    clusters = (sectors - reserved - copies * of_copy) // cluster
    return (clusters - free) * cluster * sector if free <= clusters else None


_USED: Mapping[str, Callable[[Reader], int | None]] = {
    "ext2": _ext,
    "ext3": _ext,
    "ext4": _ext,
    "xfs": _xfs,
    "btrfs": _btrfs,
    "vfat": _fat,
}

#: Types of file systems of which `used` knows anything.
KINDS = frozenset(_USED)
