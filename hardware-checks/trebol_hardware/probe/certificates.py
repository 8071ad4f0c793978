"""The certificates that Secure Boot takes signatures by: the firmware's own, and those that its owner enrolled."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path

_VARIABLES = "sys/firmware/efi/efivars"

#: UEFI Specification, 32.6: the firmware's list of what may be booted.
FIRMWARE_LIST = f"{_VARIABLES}/db-d719b2cb-3d3a-4596-a3bc-dad00e67656f"

#: The list that shim leaves to the kernel: whole in a table of its own (Linux, drivers/firmware/efi/mokvar-table.c),
#: and in a variable, where it fits into one.
OWNER_LISTS = (
    "sys/firmware/efi/mok-variables/MokListRT",
    f"{_VARIABLES}/MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23",
)

#: efivarfs gives as many bytes of attributes before the value.
_ATTRIBUTES = 4

#: UEFI Specification, 32.4.1, EFI_SIGNATURE_LIST: type, and three sizes in bytes: of the whole list, of what stands
#: between its header and its signatures, of each signature. A signature begins with its owner.
_X509 = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072").bytes_le
_HEADER = 28
_OWNER = 16


def read(root: Path) -> tuple[str, ...] | None:
    """The SHA-256 of each certificate, in hexadecimal, sorted; None where none of the lists can be read."""
    found: set[str] = set()
    known = False
    for path in (FIRMWARE_LIST, *OWNER_LISTS):
        try:
            content = (root / path).read_bytes()
        except OSError:
            continue
        known = True
        lists = content[_ATTRIBUTES:] if path.startswith(_VARIABLES) else content
        found.update(hashlib.sha256(certificate).hexdigest() for certificate in certificates(lists))
    return tuple(sorted(found)) if known else None


def certificates(lists: bytes) -> Iterator[bytes]:
    """The X.509 certificates (DER) in EFI signature lists, one after the other; up to where they are damaged."""
    at = 0
    while at + _HEADER <= len(lists):
        size, between, each = (int.from_bytes(lists[at + place : at + place + 4], "little") for place in (16, 20, 24))
        end = at + size
        if size < _HEADER or end > len(lists) or each <= _OWNER:
            return
        if lists[at : at + 16] == _X509:
            for start in range(at + _HEADER + between, end - each + 1, each):
                yield lists[start + _OWNER : start + each]
        at = end
