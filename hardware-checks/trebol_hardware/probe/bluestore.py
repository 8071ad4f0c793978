"""The label at the start of a BlueStore device: which OSD of which Ceph cluster it is.

Format, by Ceph's bluestore_types.cc (`bluestore_bdev_label_t`) and include/encoding.h: in the first 4096 bytes stand
the line "bluestore block device", a line with the OSD's UUID, and after those 60 bytes a structure: version and
oldest compatible version (a byte each), length (u32); UUID (16 bytes), size of the device (u64), time of birth (two
u32), description (text), and from version 2 on a map of texts (u32: how many). All numbers are little-endian, a text
is its length (u32) and its bytes. A CRC-32C (start -1, not inverted) over all of it follows.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from uuid import UUID

#: Bytes of a label (BDEV_LABEL_BLOCK_SIZE).
SIZE = 4096

_MAGIC = b"bluestore block device\n"
_HEADER = 60
_WITH_MAP = 2

#: Reversed polynomial of CRC-32C (RFC 3720, B.4).
_POLYNOMIAL = 0x82F63B78


@dataclass(frozen=True)
class Label:
    """`osd_uuid` is the OSD's own; `whoami` its number; `fsid` the cluster's; `description` "main", "bluefs db" or
    "bluefs wal". Of a device for DB or WAL the number and the cluster are not known: they stand on the main one.

    The map holds the OSD's secret key too, which is left where it is.
    """

    osd_uuid: str
    whoami: str = ""
    fsid: str = ""
    description: str = ""


def parse(block: bytes) -> Label | None:
    """The label in the first SIZE bytes of a device; None where there is none, or a damaged one."""
    if not block.startswith(_MAGIC):
        return None
    try:
        version, _compatible, length = struct.unpack_from("<BBI", block, _HEADER)
        start = _HEADER + 6
        end = start + length
        (checksum,) = struct.unpack_from("<I", block, end)
        if crc32c(block[:end]) != checksum:
            return None
        osd_uuid = str(UUID(bytes=block[start : start + 16]))
        description, place = _text(block, start + 16 + 8 + 8)
        meta: dict[str, str] = {}
        if version >= _WITH_MAP:
            (count,) = struct.unpack_from("<I", block, place)
            place += 4
            for _index in range(count):
                key, place = _text(block, place)
                meta[key], place = _text(block, place)
    except (struct.error, ValueError):
        return None
    return Label(osd_uuid, meta.get("whoami", ""), meta.get("ceph_fsid", ""), description)


def crc32c(data: bytes) -> int:
    """CRC-32C of `data` as Ceph reckons it: from -1, and not inverted at the end."""
    value, table = 0xFFFFFFFF, _table()
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 0xFF]
    return value


@cache
def _table() -> tuple[int, ...]:
    rows = []
    for value in range(256):
        for _bit in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        rows.append(value)
    return tuple(rows)


def _text(block: bytes, place: int) -> tuple[str, int]:
    """A text at `place`, and the place behind it. Raises ValueError where it reaches out of the label."""
    (length,) = struct.unpack_from("<I", block, place)
    end = place + 4 + length
    if end > len(block):
        raise ValueError("a text reaches out of the label")
    return block[place + 4 : end].decode(), end
