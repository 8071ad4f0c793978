"""How full file systems are, by their superblocks."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.machines.superblocks import bcache, btrfs, ext4, fat32, xfs

from trebol_common.run import CommandRunner
from trebol_hardware.probe import superblocks
from trebol_hardware.probe.raw import RawDevice
from trebol_hardware.record import LARGEST

BLOCK = 4096
SET = "9d1f3b5c-7e20-4a4b-9c6d-8f0a1b2c3d4e"
BACKING = "1c2d3e4f-5061-4273-8495-a6b7c8d9eafb"


def reader(data: bytes) -> superblocks.Reader:
    return lambda offset, length: data[offset : offset + length]


@pytest.mark.parametrize(
    ("kind", "data", "used"),
    [
        ("ext4", ext4(1000, 400), 600 * BLOCK),
        ("ext4", ext4(1000, 400, overhead=100), 500 * BLOCK),
        ("ext4", ext4(2**33, 2**32 + 5), (2**33 - 2**32 - 5) * BLOCK),
        ("ext2", ext4(1000, 400, sixty_four=False), 600 * BLOCK),
        ("xfs", xfs(131072, 114656), 32 * BLOCK),
        ("btrfs", btrfs(2**40, 30199808), 30199808),
        ("vfat", fat32(70000, 60000), 10000 * BLOCK),
        ("vfat", fat32(70000, 0xFFFFFFFF), None),
        ("vfat", fat32(70000, 70001), None),
        ("ext4", ext4(1000, 1001), None),
        ("ext4", bytes(4096), None),
        ("xfs", b"XFSB", None),
        ("btrfs", b"", None),
        ("ntfs", b"\xeb\x52\x90NTFS    " + bytes(4096), None),
        ("crypto_LUKS", ext4(1000, 400), None),
    ],
)
def test_the_superblock_tells_how_much_is_used(kind: str, data: bytes, used: int | None) -> None:
    assert superblocks.used(kind, reader(data)) == used


@pytest.mark.parametrize(
    ("data", "expected"), [(bcache(BACKING, SET), SET), (bcache(BACKING, ""), ""), (bytes(8192), ""), (b"", "")]
)
def test_a_member_of_bcache_tells_its_set(data: bytes, expected: str) -> None:
    assert superblocks.bcache_set(reader(data)) == expected


@given(kind=st.sampled_from(sorted(superblocks.KINDS)), data=st.binary(max_size=2048), place=st.integers(0, 600))
def test_damaged_superblocks_tell_nothing_or_a_count(kind: str, data: bytes, place: int) -> None:
    sound = {"xfs": xfs(10, 5), "btrfs": btrfs(10, 5), "vfat": fat32(70000, 5)}.get(kind, ext4(10, 5))
    start = 0x10000 if kind == "btrfs" else 1024 if kind.startswith("ext") else 0
    damaged = bytearray(sound)
    damaged[start + place : start + place + len(data)] = data

    used = superblocks.used(kind, reader(bytes(damaged)))

    assert used is None or 0 <= used <= LARGEST


@pytest.mark.parametrize(
    ("kind", "command"),
    [("ext4", ("mkfs.ext4", "-q", "-F", "-d")), ("btrfs", ("mkfs.btrfs", "-q", "--rootdir"))],
)
def test_what_the_real_tools_write_is_understood(tmp_path: Path, kind: str, command: tuple[str, ...]) -> None:
    if shutil.which(command[0], path="/usr/sbin:/sbin") is None:
        pytest.skip(f"needs {command[0]}")
    (tmp_path / "files").mkdir()
    (tmp_path / "files/file").write_bytes(bytes(range(256)) * 40_000)
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(2**28)
    CommandRunner().run([*command, tmp_path / "files", image])

    with closing(RawDevice(image)) as device:
        used = superblocks.used(kind, device.read)

    # The file, and tables of a few MiB at most.
    assert used is not None and 10_240_000 <= used < 10_240_000 + 2**23
