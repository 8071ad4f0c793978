"""Where the parts of a medium lie that are patched or checked in place, findable without reading a file system.

After xorriso has written the ISO, 512 bytes of text go into the "application use" area of its primary volume
descriptor, which ECMA-119 (8.4.32) leaves to whoever made the image. Block 16 is always at byte 32768, in a file as
on a stick, so one read of 512 bytes finds everything::

    TREBOLSLOT1
    version=0.1.0
    id=0123456789abcdef0123456789abcdef
    size=OF THE ISO IN BYTES
    slot=OFFSET LENGTH
    grubenv=OFFSET LENGTH
    esp=OFFSET LENGTH SHA256
    sum=FIRST 16 HEX DIGITS OF THE SHA-256 OF THE LINES ABOVE
    (NUL bytes)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from trebol_image.iso9660 import Extent

#: Byte offset and length of the application use area (BP 884 to 1395) of the volume descriptor in block 16.
OFFSET = 16 * 2048 + 883
LENGTH = 512
MAGIC = b"TREBOLSLOT1\n"


class NoLocator(ValueError):
    """These bytes hold no locator, or a damaged one; the message says which."""


@dataclass(frozen=True)
class Locator:
    """What the medium says of itself. `size` in bytes is how long the whole ISO is."""

    version: str
    medium_id: str
    size: int
    slot: Extent
    grubenv: Extent
    esp: Extent
    esp_sha256: str

    def to_bytes(self) -> bytes:
        """The locator as it lies on the medium: LENGTH bytes."""
        lines = MAGIC + (
            f"version={self.version}\n"
            f"id={self.medium_id}\n"
            f"size={self.size}\n"
            f"slot={self.slot.offset} {self.slot.length}\n"
            f"grubenv={self.grubenv.offset} {self.grubenv.length}\n"
            f"esp={self.esp.offset} {self.esp.length} {self.esp_sha256}\n"
        ).encode("ascii")
        block = lines + f"sum={_sum(lines)}\n".encode()
        if len(block) > LENGTH:
            raise ValueError(f"locator of {len(block)} bytes in an area of {LENGTH}")
        return block.ljust(LENGTH, b"\0")

    @classmethod
    def from_bytes(cls, block: bytes) -> Locator:
        """The inverse of `to_bytes`. Raises NoLocator."""
        if not block.startswith(MAGIC):
            raise NoLocator("is not a Trebol medium")
        lines, separator, tail = block.partition(b"sum=")
        if not separator or tail.split(b"\n")[0] != _sum(lines).encode():
            raise NoLocator("is a Trebol medium whose locator is damaged")
        try:
            members = dict(line.split("=", 1) for line in lines[len(MAGIC) :].decode("ascii").splitlines())
            esp = members["esp"].split()
            return cls(
                version=members["version"],
                medium_id=members["id"],
                size=int(members["size"]),
                slot=_extent(members["slot"]),
                grubenv=_extent(members["grubenv"]),
                esp=_extent(" ".join(esp[:2])),
                esp_sha256=esp[2],
            )
        except (KeyError, ValueError, IndexError) as error:
            raise NoLocator("is a Trebol medium of a version that this one does not know") from error


def _extent(text: str) -> Extent:
    offset, length = text.split()
    return Extent(int(offset), int(length))


def _sum(lines: bytes) -> str:
    return hashlib.sha256(lines).hexdigest()[:16]
