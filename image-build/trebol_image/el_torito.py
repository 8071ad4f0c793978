"""Reading the El Torito boot catalogue of a CD. Source: "El Torito" Bootable CD-ROM Format Specification 1.0."""

from __future__ import annotations

from dataclasses import dataclass

from trebol_common.medium import DamagedMedium
from trebol_image.iso9660 import BLOCK, Image

BIOS = 0x00
UEFI = 0xEF
_BOOT_RECORD = 17 * BLOCK
_ENTRY = 32
_BOOTABLE = 0x88
_SECTION = (0x90, 0x91)
_LAST_SECTION = 0x91


@dataclass(frozen=True)
class BootImage:
    """One entry of the catalogue: `platform` is BIOS or UEFI, `offset` where the image starts, in bytes."""

    platform: int
    bootable: bool
    offset: int


def read_catalogue(image: Image) -> tuple[BootImage, ...]:
    """The boot images. Raises DamagedMedium when the CD has no catalogue."""
    record = image.read(_BOOT_RECORD, BLOCK)
    if record[:7] != b"\x00CD001\x01" or not record[7:].startswith(b"EL TORITO SPECIFICATION"):
        raise DamagedMedium("has no El Torito boot record", where=image.where, hint="write the medium anew")
    catalogue = image.read(int.from_bytes(record[71:75], "little") * BLOCK, BLOCK)
    if catalogue[0] != 1 or catalogue[30:32] != b"\x55\xaa" or _checksum(catalogue[:_ENTRY]) != 0:
        raise DamagedMedium("has a damaged El Torito catalogue", where=image.where, hint="write the medium anew")
    images = [_boot_image(catalogue[1], catalogue[_ENTRY : 2 * _ENTRY])]
    at = 2 * _ENTRY
    while at < BLOCK and catalogue[at] in _SECTION:
        header, platform, count = (
            catalogue[at],
            catalogue[at + 1],
            int.from_bytes(catalogue[at + 2 : at + 4], "little"),
        )
        for _ in range(count):
            at += _ENTRY
            if at + _ENTRY > BLOCK:
                raise DamagedMedium(
                    "has a damaged El Torito catalogue", where=image.where, hint="write the medium anew"
                )
            images.append(_boot_image(platform, catalogue[at : at + _ENTRY]))
        at += _ENTRY
        if header == _LAST_SECTION:
            break
    return tuple(images)


def _boot_image(platform: int, entry: bytes) -> BootImage:
    return BootImage(platform, entry[0] == _BOOTABLE, int.from_bytes(entry[8:12], "little") * BLOCK)


def _checksum(entry: bytes) -> int:
    return sum(int.from_bytes(entry[index : index + 2], "little") for index in range(0, _ENTRY, 2)) & 0xFFFF
