"""Reading the file tree of an ISO 9660 image with Rock Ridge names: enough to find every file's bytes, no root.

Sources: ECMA-119 (directory records, 9.1), IEEE P1281 (SUSP: CE, ST) and P1282 (Rock Ridge: NM).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from trebol_common.medium import DamagedMedium

BLOCK = 2048
_DESCRIPTOR = 16 * BLOCK
_FOLDER = 0x02
_CONTINUES = 0x80
_CHUNK = 4 * 1024 * 1024
#: Longest directory that is read, in bytes, and shortest record in one (ECMA-119, 9.1: a name of one character).
_LONGEST_FOLDER = 16 * 1024 * 1024
_SHORTEST_RECORD = 34


@dataclass(frozen=True)
class Extent:
    """A run of bytes of the image."""

    offset: int
    length: int


@dataclass(frozen=True)
class File:
    """A file of the image: its bytes lie in `extents`, in order (more than one from 4 GiB on)."""

    extents: tuple[Extent, ...]

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return sum(extent.length for extent in self.extents)


class Image:
    """An image in a file or on a device, opened for reading by the caller."""

    def __init__(self, stream: BinaryIO, where: str) -> None:
        self._descriptor = stream.fileno()
        self.where = where

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes at `offset`. Raises DamagedMedium when the image ends before, or cannot be read there."""
        pieces = []
        while length:
            try:
                piece = os.pread(self._descriptor, length, offset)
            except OSError as error:
                raise DamagedMedium(
                    f"cannot be read at byte {offset}: {error.strerror}",
                    where=self.where,
                    hint="the medium or its drive is failing; write the medium anew, or try another one",
                ) from error
            if not piece:
                raise DamagedMedium(
                    f"ends at byte {offset}, before its content does",
                    where=self.where,
                    hint="the download or the copy was cut off: download the ISO again and compare its checksum",
                )
            pieces.append(piece)
            offset += len(piece)
            length -= len(piece)
        return b"".join(pieces)

    def chunks(self, file: File) -> Iterator[bytes]:
        """The content of `file`, in pieces."""
        for extent in file.extents:
            for start in range(0, extent.length, _CHUNK):
                yield self.read(extent.offset + start, min(_CHUNK, extent.length - start))

    def content(self, file: File) -> bytes:
        """The content of `file`, which should be a small one."""
        return b"".join(self.chunks(file))

    def files(self) -> dict[str, File]:
        """Every regular file: path without leading slash → where it lies. Raises DamagedMedium."""
        descriptor = self.read(_DESCRIPTOR, BLOCK)
        if descriptor[:6] != b"\x01CD001":
            raise DamagedMedium(
                "is not an ISO 9660 image", where=self.where, hint="give the ISO, or the whole device"
            )
        found: dict[str, File] = {}
        root = descriptor[156 : 156 + 34]
        self._walk(_extent(root), "", found, set())
        return found

    def _walk(self, folder: Extent, prefix: str, found: dict[str, File], seen: set[int]) -> None:
        if folder.offset in seen or folder.length > _LONGEST_FOLDER:
            raise DamagedMedium("has a directory tree without an end", where=self.where, hint="write the medium anew")
        seen.add(folder.offset)
        pending: list[Extent] = []
        for record in _records(self.read(folder.offset, folder.length)):
            if len(record) < max(_SHORTEST_RECORD, 33 + record[32] if len(record) > 32 else 0):
                raise DamagedMedium("has a damaged directory", where=self.where, hint="write the medium anew")
            if record[33:34] in (b"\0", b"\1") and record[32] == 1:
                continue
            path = prefix + self._name(record)
            if record[25] & _FOLDER:
                self._walk(_extent(record), f"{path}/", found, seen)
                continue
            pending.append(_extent(record))
            if not record[25] & _CONTINUES:
                found[path] = File(tuple(pending))
                pending = []

    def _name(self, record: bytes) -> str:
        """The Rock Ridge name of a directory record, else its ISO 9660 name without version."""
        length = record[32]
        name = "".join(self._name_parts(record[33 + length + (length + 1) % 2 :]))
        return name or record[33 : 33 + length].decode("ascii", errors="replace").partition(";")[0]

    def _name_parts(self, area: bytes, continued: int = 0) -> Iterator[str]:
        at = 0
        while at + 4 <= len(area) and area[at + 2] >= 4:
            signature, length = area[at : at + 2], area[at + 2]
            match signature:
                case b"NM":
                    yield area[at + 5 : at + length].decode("utf-8", errors="replace")
                case b"CE":
                    block, offset, size = (_little(area, at + 4 + index * 8) for index in range(3))
                    if continued > 8 or offset + size > BLOCK:
                        raise DamagedMedium("has a damaged directory", where=self.where, hint="write the medium anew")
                    yield from self._name_parts(self.read(block * BLOCK + offset, size), continued + 1)
                case b"ST":
                    return
            at += length


def _records(data: bytes) -> Iterator[bytes]:
    """The records of a directory: none crosses a block, a zero length byte ends the block."""
    at = 0
    while at < len(data):
        length = data[at]
        if length == 0:
            at += BLOCK - at % BLOCK
            continue
        yield data[at : at + length]
        at += length


def _extent(record: bytes) -> Extent:
    return Extent(_little(record, 2) * BLOCK, _little(record, 10))


def _little(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")
