"""SMBIOS: from the raw table of the firmware to structures (DMTF DSP0134, SMBIOS 3.7).

The kernel checks no more than a checksum: firmware writes lengths that run past the end, string numbers without a
string and structures too short for their own version. What is not there reads as 0 or empty, as if firmware had said
"unknown".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TABLE = "sys/firmware/dmi/tables/DMI"

#: DSP0134, 6.1.2: type, length and handle.
_HEADER = 4
#: DSP0134, 7.45: the last structure.
_END_OF_TABLE = 127


@dataclass(frozen=True)
class Structure:
    """One structure: `data` is its formatted area with the header, so that offsets are those of the specification."""

    kind: int
    handle: int
    data: bytes
    strings: tuple[str, ...] = ()

    def number(self, offset: int, size: int) -> int | None:
        """The little-endian number of `size` bytes at `offset`; None where the structure ends before it does."""
        field = self.data[offset : offset + size]
        return int.from_bytes(field, "little") if len(field) == size else None

    def byte(self, offset: int) -> int:
        """The byte at `offset`, 0 where there is none."""
        return self.number(offset, 1) or 0

    def word(self, offset: int) -> int:
        """The 16-bit number at `offset`, 0 where there is none."""
        return self.number(offset, 2) or 0

    def double_word(self, offset: int) -> int:
        """The 32-bit number at `offset`, 0 where there is none."""
        return self.number(offset, 4) or 0

    def text(self, offset: int) -> str:
        """The string whose number stands at `offset`; empty where there is none."""
        index = self.byte(offset)
        return self.strings[index - 1] if 0 < index <= len(self.strings) else ""


def read(root: Path) -> tuple[Structure, ...]:
    """The structures of the running machine; none where there is no table, or for anybody but root."""
    try:
        return tuple(parse((root / TABLE).read_bytes()))
    except OSError:
        return ()


def parse(table: bytes) -> Iterator[Structure]:
    """The structures of a table, up to the first that cannot be one, or runs past the end."""
    start = 0
    while start + _HEADER <= len(table):
        kind, length = table[start], table[start + 1]
        area_end = start + length
        if length < _HEADER or area_end > len(table):
            return
        handle = int.from_bytes(table[start + 2 : start + 4], "little")
        end = table.find(b"\0\0", area_end)
        strings = _strings(table[area_end : end if end >= 0 else len(table)])
        yield Structure(kind, handle, table[start:area_end], strings)
        if kind == _END_OF_TABLE or end < 0:
            return
        start = end + 2


def _strings(area: bytes) -> tuple[str, ...]:
    """The unformed section (DSP0134, 6.1.3): UTF-8 strings, each ended by a zero byte."""
    return tuple(part.decode(errors="replace").strip() for part in area.split(b"\0")) if area else ()
