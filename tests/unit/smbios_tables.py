"""Builds SMBIOS tables for tests, by the specification's offsets."""

from __future__ import annotations

from collections.abc import Mapping

END = b"\x7f\x04\xff\xfe\0\0"


def structure(
    kind: int, length: int, fields: Mapping[int, tuple[int, int]], strings: tuple[str, ...] = (), handle: int = 0
) -> bytes:
    """One structure of `length` bytes; `fields` are (value, size) by offset."""
    data = bytearray(length)
    data[0:4] = bytes([kind, length]) + handle.to_bytes(2, "little")
    for offset, (value, size) in fields.items():
        data[offset : offset + size] = value.to_bytes(size, "little")
    area = b"".join(text.encode() + b"\0" for text in strings) or b"\0"
    return bytes(data) + area + b"\0"


def array(*, use: int = 0x03, correction: int = 0x06, slots: int = 4, handle: int = 0x1000) -> bytes:
    """Type 16, a memory array: of system memory with multi-bit ECC by default."""
    return structure(16, 0x17, {0x05: (use, 1), 0x06: (correction, 1), 0x0D: (slots, 2)}, handle=handle)


def module(
    *,
    size: int,
    extended: int = 0,
    kind: int = 0x1A,
    speed: int = 3200,
    extended_speed: int = 0,
    configured: int = 2933,
    array: int = 0x1000,
    length: int = 0x5C,
) -> bytes:
    """Type 17, a memory device, with 72 and 64 bits."""
    fields = {
        0x04: (array, 2),
        0x08: (72, 2),
        0x0A: (64, 2),
        0x0C: (size, 2),
        0x10: (1, 1),
        0x12: (kind, 1),
        0x15: (speed, 2),
        0x17: (2, 1),
        0x1A: (3, 1),
        0x1C: (extended, 4),
        0x20: (configured, 2),
        0x54: (extended_speed, 4),
    }
    kept = {offset: field for offset, field in fields.items() if offset + field[1] <= length}
    return structure(17, length, kept, ("DIMM_A1", "Samsung", "M393A4K40DB3"))


def ipmi(*, interface: int = 0x01, revision: int = 0x20) -> bytes:
    """Type 38, an IPMI device."""
    return structure(38, 0x12, {0x04: (interface, 1), 0x05: (revision, 1)})


def power_supply(*, characteristics: int, watts: int = 750) -> bytes:
    """Type 39, a power supply."""
    return structure(39, 0x16, {0x05: (1, 1), 0x0C: (watts, 2), 0x0E: (characteristics, 2)}, ("PSU.Slot.1",))


def host_interface(*protocols: int, own: bytes = b"\x02\x01\x02") -> bytes:
    """Type 42, a network host interface that speaks `protocols`."""
    records = b"".join(bytes([protocol, 2, 0, 0]) for protocol in protocols)
    body = bytes([0x40, len(own)]) + own + bytes([len(protocols)]) + records
    return bytes([42, 4 + len(body), 0, 0]) + body + b"\0\0"
