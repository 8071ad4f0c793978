"""Reading a GUID partition table, checksums included. Source: UEFI specification 2.10, chapter 5.3."""

from __future__ import annotations

import struct
import uuid
import zlib
from dataclasses import dataclass

from trebol_common.medium import DamagedMedium
from trebol_image.iso9660 import Extent, Image

ESP_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
SECTOR = 512
_HEADER = struct.Struct("<8s4sIIIQQQQ16sQIII")
_ENTRY = struct.Struct("<16s16sQQQ72s")
#: Largest table of entries that is read, in bytes; it is 16 KiB everywhere.
_LARGEST_TABLE = 1024 * 1024


@dataclass(frozen=True)
class Partition:
    """A partition: its type as upper-case GUID, and the bytes it covers."""

    type: str
    extent: Extent


def read_gpt(image: Image) -> dict[int, Partition]:
    """Partition number → partition, from the primary table. Raises DamagedMedium when there is none that is whole."""
    header = image.read(SECTOR, SECTOR)
    fields = _HEADER.unpack_from(header)
    signature, length, checksum, first, count, size, entries_checksum = (
        fields[0], fields[2], fields[3], fields[10], fields[11], fields[12], fields[13],
    )  # fmt: skip
    if signature != b"EFI PART":
        raise DamagedMedium("has no GUID partition table", where=image.where, hint="write the medium anew")
    plain = header[:16] + bytes(4) + header[20:length]
    # What the header says of the entries means something only once it is known to be whole.
    whole = zlib.crc32(plain) == checksum and size >= _ENTRY.size and count * size <= _LARGEST_TABLE
    entries = image.read(first * SECTOR, count * size) if whole else b""
    if not whole or zlib.crc32(entries) != entries_checksum:
        raise DamagedMedium(
            "has a GUID partition table with wrong checksums", where=image.where, hint="write the medium anew"
        )
    return {
        number: partition
        for number in range(1, count + 1)
        if (partition := _partition(entries[(number - 1) * size : number * size])) is not None
    }


def _partition(entry: bytes) -> Partition | None:
    kind, _, first, last, _, _ = _ENTRY.unpack_from(entry)
    if kind == bytes(16):
        return None
    length = (last - first + 1) * SECTOR
    return Partition(str(uuid.UUID(bytes_le=kind)).upper(), Extent(first * SECTOR, length))
