"""The first bytes of file systems and members, in their formats on disk, for devices of recorded machines."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from uuid import UUID

from trebol_hardware.probe.bluestore import crc32c


def _placed(size: int, pieces: Mapping[int, bytes]) -> bytes:
    """`size` bytes, zero but for `pieces` at their offsets."""
    block = bytearray(size)
    for offset, piece in pieces.items():
        block[offset : offset + len(piece)] = piece
    return bytes(block)


def ext4(blocks: int, free: int, *, overhead: int = 0, sixty_four: bool = True) -> bytes:
    """ext4 of so many blocks of 4 KiB."""
    low = 0xFFFFFFFF
    pieces = {
        0x04: struct.pack("<6I", blocks & low, 0, free & low, 0, 0, 2),
        0x38: b"\x53\xef",
        0x60: struct.pack("<I", 0x2C2 if sixty_four else 0x242),
        0x150: struct.pack("<I", blocks >> 32),
        0x158: struct.pack("<I", free >> 32),
        0x248: struct.pack("<I", overhead),
    }
    return bytes(1024) + _placed(1024, pieces)


def xfs(blocks: int, free: int, *, log: int = 16384) -> bytes:
    """XFS of so many blocks of 4 KiB with its log inside."""
    pieces = {
        0: b"XFSB",
        4: struct.pack(">IQ", 4096, blocks),
        48: struct.pack(">Q", 67108871),
        96: struct.pack(">I", log),
        144: struct.pack(">Q", free),
    }
    return _placed(512, pieces)


def btrfs(total: int, used: int, *, devices: int = 1) -> bytes:
    """btrfs with so many bytes over all its devices."""
    pieces = {0x40: b"_BHRfS_M", 0x70: struct.pack("<QQ", total, used), 0x88: struct.pack("<Q", devices)}
    return bytes(0x10000) + _placed(4096, pieces)


def fat32(clusters: int, free: int) -> bytes:
    """FAT32 of so many clusters of 4 KiB; 0xFFFFFFFF free ones: it does not know."""
    of_copy = -(-clusters * 4 // 512)
    sectors = 32 + 2 * of_copy + clusters * 8
    boot = {
        11: struct.pack("<HBHB", 512, 8, 32, 2),
        32: struct.pack("<II", sectors, of_copy),
        48: struct.pack("<H", 1),
        82: b"FAT32   ",
        510: b"\x55\xaa",
    }
    return _placed(512, boot) + _placed(512, {0: b"RRaA", 484: b"rrAa", 488: struct.pack("<I", free)})


def bcache(uuid: str, cache_set: str) -> bytes:
    """A member of bcache; `cache_set` is empty where it was never attached to one."""
    pieces = {
        24: bytes.fromhex("c68573f64e1a45ca8265f57f48ba6d81"),
        40: UUID(uuid).bytes,
        56: UUID(cache_set).bytes if cache_set else bytes(16),
    }
    return bytes(4096) + _placed(4096, pieces)


def bluestore(osd_uuid: str, size: int, description: str = "main", meta: Mapping[str, str] | None = None) -> bytes:
    """BlueStore's label, as ceph-osd --mkfs writes it."""

    def text(value: str) -> bytes:
        return struct.pack("<I", len(value.encode())) + value.encode()

    body = UUID(osd_uuid).bytes + struct.pack("<QII", size, 1_795_389_313, 654_000_000) + text(description)
    body += struct.pack("<I", len(meta or {}))
    body += b"".join(text(key) + text(value) for key, value in sorted((meta or {}).items()))
    block = f"bluestore block device\n{osd_uuid}\n".encode() + struct.pack("<BBI", 2, 1, len(body)) + body
    return _placed(4096, {0: block + struct.pack("<I", crc32c(block))})


def osd_meta(number: int, fsid: str) -> dict[str, str]:
    """What the label of an OSD's main device holds."""
    return {
        "bfm_blocks": "262144",
        "bluefs": "1",
        "ceph_fsid": fsid,
        "ceph_version_when_created": "ceph version 18.2.7 reef (stable)",
        "kv_backend": "rocksdb",
        "magic": "ceph osd volume v026",
        "mkfs_done": "yes",
        "osd_key": "AQBtZSBoAAAAABAAh8yM9mYmE1m6C0wQ7T3e1w==",
        "ready": "ready",
        "require_osd_release": "18",
        "whoami": str(number),
    }
