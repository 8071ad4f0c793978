"""BlueStore's label: bytes that ceph-osd --mkfs (16.2) wrote, and damaged ones."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.machines.superblocks import bluestore, osd_meta

from trebol_hardware.probe.bluestore import Label, crc32c, parse

OSD = "1d5c3b1a-2f4e-4a6c-8b0d-9e7f5a3c1b2d"
CLUSTER = "b8f5a1f2-3c4d-11f0-9a1b-3cecef010203"
REAL = base64.b64decode((Path(__file__).parent / "golden/bluestore-label.base64").read_text())


def test_a_real_label_names_osd_and_cluster() -> None:
    assert parse(REAL.ljust(4096, b"\0")) == Label(OSD, "3", CLUSTER, "main")


def test_the_label_of_a_db_device_names_the_osd_only() -> None:
    assert parse(bluestore(OSD, 2**30, "bluefs db")) == Label(OSD, description="bluefs db")


def test_the_osds_key_is_left_where_it_is() -> None:
    label = bluestore(OSD, 2**30, meta=osd_meta(3, CLUSTER))
    assert b"osd_key" in label
    assert parse(label) == Label(OSD, "3", CLUSTER, "main")


def test_the_checksum_is_crc_32c_without_the_last_inversion() -> None:
    """The check value of CRC-32C is 0xE3069283."""
    assert crc32c(b"123456789") == 0xE3069283 ^ 0xFFFFFFFF


@pytest.mark.parametrize("block", [b"", bytes(4096), REAL[:59], REAL[:-1], REAL[:300], REAL[:-1] + b"\0"])
def test_what_is_no_whole_label_is_none(block: bytes) -> None:
    assert parse(block) is None


@given(place=st.integers(0, len(REAL) - 1), value=st.integers(1, 255))
def test_one_wrong_byte_makes_it_worthless(place: int, value: int) -> None:
    damaged = bytearray(REAL.ljust(4096, b"\0"))
    damaged[place] ^= value
    assert parse(bytes(damaged)) is None


@given(body=st.binary(max_size=300), count=st.integers(0, 2**32 - 1))
def test_a_label_with_a_right_checksum_and_wrong_lengths_is_none_or_a_label(body: bytes, count: int) -> None:
    inner = bytes(32) + count.to_bytes(4, "little") + body
    block = f"bluestore block device\n{OSD}\n".encode() + b"\2\1" + len(inner).to_bytes(4, "little") + inner
    label = parse((block + crc32c(block).to_bytes(4, "little")).ljust(4096, b"\0"))
    assert label is None or isinstance(label, Label)
