"""The certificates that Secure Boot knows, read from the firmware's lists and from those of the machine's owner."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

import pytest
from tests.unit.fakesys import FakeSystem

from trebol_hardware.probe import firmware
from trebol_hardware.probe.certificates import FIRMWARE_LIST, OWNER_LISTS, certificates

X509 = "a5c059a1-94e4-4aa7-87b5-ab155c2bf072"
SHA256 = "c1c41626-504c-4092-aca9-41f936934328"
ATTRIBUTES = b"\x07\0\0\0"


@pytest.fixture
def system(tmp_path: Path) -> FakeSystem:
    return FakeSystem(tmp_path)


def signature_list(*signatures: bytes, kind: str = X509, between: bytes = b"") -> bytes:
    """An EFI_SIGNATURE_LIST of signatures of one length."""
    each = 16 + len(signatures[0])
    header = uuid.UUID(kind).bytes_le + b"".join(
        number.to_bytes(4, "little") for number in (28 + len(between) + each * len(signatures), len(between), each)
    )
    return header + between + b"".join(b"o" * 16 + signature for signature in signatures)


def sums(*found: bytes) -> tuple[str, ...]:
    return tuple(sorted(hashlib.sha256(certificate).hexdigest() for certificate in found))


def test_certificates_of_all_lists_are_known_each_once(system: FakeSystem) -> None:
    (system.root / "sys/firmware/efi").mkdir(parents=True)
    lists = signature_list(b"digest", kind=SHA256) + signature_list(b"first", b"other") + signature_list(b"vendor")
    system.write(FIRMWARE_LIST, ATTRIBUTES + lists)
    system.write(OWNER_LISTS[0], signature_list(b"own") + signature_list(b"vendor"))
    system.write(OWNER_LISTS[1], ATTRIBUTES + signature_list(b"own"))

    assert firmware.read(system.root).certificates == sums(b"first", b"other", b"own", b"vendor")


def test_of_a_machine_booted_by_bios_or_without_lists_nothing_is_known(system: FakeSystem) -> None:
    assert firmware.read(system.root).certificates is None
    (system.root / "sys/firmware/efi").mkdir(parents=True)
    assert firmware.read(system.root).certificates is None
    system.write(FIRMWARE_LIST, ATTRIBUTES)
    assert firmware.read(system.root).certificates == ()


@pytest.mark.parametrize(
    ("damaged", "left"),
    [
        (b"", []),
        (b"\0" * 28, []),
        (signature_list(b"own")[:-1], []),
        (signature_list(b"own") + b"rest", [b"own"]),
        (signature_list(b"own", between=b"1234"), [b"own"]),
        (signature_list(b"own") + signature_list(b""), [b"own"]),
    ],
)
def test_a_damaged_list_is_read_up_to_where_it_is_damaged(damaged: bytes, left: list[bytes]) -> None:
    assert list(certificates(damaged)) == left
