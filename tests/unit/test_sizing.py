"""Sizes of partitions and volumes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.answer_files import GIB

from trebol_common.answers.model import LvmSizes
from trebol_common.errors import BadInput, Refused
from trebol_installer.sizing import EXTENT, MIB, Sizes, cache_floor, cache_limit, minimum_disk, needed_root, sizes

UNPACKED = 2 * GIB


def divide(disk: float, memory: float = 8, **wishes: float) -> Sizes:
    return sizes(
        disk=int(disk * GIB), memory=int(memory * GIB), unpacked=UNPACKED, wishes=LvmSizes.model_validate(wishes)
    )


#: disk and memory in GiB → ESP in MiB, swap, root, data, metadata, free in GiB; computed by hand from the formulae.
DEFAULTS = [
    # disk, memory,  esp, swap,   root,   data, meta, free
    (8, 8, 512, 1.0, 6.492, 0, 0, 0),  # swap: an eighth; root: all that is left
    (16, 8, 512, 2.0, 6.746, 2.746, 1, 2.0),  # root: half; free: an eighth; data: 4.7 less twice its metadata
    (32, 1, 512, 2.0, 14.746, 8.746, 1, 4.0),  # swap: at least 2 from 32 GiB on
    (64, 2, 512, 4.0, 26.871, 22.621, 1, 8.0),  # swap: at least 4 from 64; root: rest/4 + 12
    (128, 64, 1024, 8.0, 41.746, 59.242, 1, 16.0),  # ESP of 1 GiB; swap: at most 8
    (500, 256, 1024, 8.0, 96.0, 371.355, 3.789, 16.0),  # root: at most 96
    (4000, 256, 1024, 8.0, 96.0, 3847.0, 16.0, 16.0),  # metadata: at most 16
]


@pytest.mark.parametrize(("disk", "memory", "esp", "swap", "root", "data", "meta", "free"), DEFAULTS)
def test_defaults_follow_proxmox(
    disk: float, memory: float, esp: int, swap: float, root: float, data: float, meta: float, free: float
) -> None:
    made = divide(disk, memory)

    assert made.esp == esp * MIB
    assert made.swap == pytest.approx(swap * GIB, abs=EXTENT)
    assert made.root == pytest.approx(root * GIB, abs=2 * EXTENT)
    assert made.metadata == pytest.approx(meta * GIB, abs=2 * EXTENT)
    assert made.free == pytest.approx(free * GIB, abs=4 * EXTENT)
    assert made.data == pytest.approx(data * GIB, abs=max(8 * EXTENT, data * GIB / 500))


def test_wishes_are_followed() -> None:
    made = divide(500, hdsize=200, swapsize=3, maxroot=20, maxvz=50, minfree=5)

    assert (made.swap, made.root) == (3 * GIB, 20 * GIB)
    assert made.data + 2 * made.metadata == pytest.approx(50 * GIB, abs=3 * EXTENT)
    assert made.esp + made.lvm < 200 * GIB


def test_zero_means_none() -> None:
    made = divide(100, swapsize=0, maxvz=0)

    assert (made.swap, made.data, made.metadata) == (0, 0, 0)
    assert made.free > 0


def test_swap_that_nobody_asked_for_makes_way_for_the_root() -> None:
    made = sizes(disk=minimum_disk(6 * GIB), memory=8 * GIB, unpacked=6 * GIB, wishes=LvmSizes())

    assert made.root == needed_root(6 * GIB)
    assert made.swap < EXTENT * 3


def test_a_root_is_never_smaller_than_its_layers_need() -> None:
    made = sizes(disk=20 * GIB, memory=2 * GIB, unpacked=8 * GIB, wishes=LvmSizes())

    assert made.root >= needed_root(8 * GIB)


WRONG: list[tuple[float, dict[str, float], type[Exception], str]] = [
    (7.9, {}, Refused, "the disk has 7.9 GiB; at least 8.0 GiB are needed"),
    (0.001, {}, Refused, "the disk has 1 MiB; at least 8.0 GiB are needed"),
    (100, {"hdsize": 5}, BadInput, "lvm.hdsize is 5.0 GiB; at least 8.0 GiB are needed"),
    (100, {"hdsize": 200}, BadInput, "lvm.hdsize is 200.0 GiB; the disk has 100.0 GiB"),
    (100, {"swapsize": 99}, BadInput, "lvm.swapsize leaves"),
    (100, {"swapsize": 2000}, BadInput, "lvm.swapsize leaves"),
    (100, {"maxroot": 1}, BadInput, "lvm.maxroot is 1.0 GiB; the root needs 4.2 GiB"),
    (100, {"maxroot": 0}, BadInput, "lvm.maxroot is 0 MiB; the root needs 4.2 GiB"),
]


@pytest.mark.parametrize(("disk", "wishes", "error", "told"), WRONG)
def test_what_does_not_fit_is_told_with_both_sizes(
    disk: float, wishes: dict[str, float], error: type[Exception], told: str
) -> None:
    with pytest.raises(error) as caught:
        divide(disk, **wishes)

    assert told in str(caught.value)


@given(
    disk=st.integers(min_value=8 * GIB, max_value=100_000 * GIB),
    memory=st.integers(min_value=0, max_value=4096 * GIB),
    unpacked=st.integers(min_value=0, max_value=4 * GIB),
    swapsize=st.none() | st.floats(0, 2),
    maxvz=st.none() | st.floats(0, 1e5),
    minfree=st.none() | st.floats(0, 1e5),
)
def test_whatever_the_disk_volumes_are_whole_extents_that_fit(
    disk: int, memory: int, unpacked: int, swapsize: float | None, maxvz: float | None, minfree: float | None
) -> None:
    wishes = LvmSizes(swapsize=swapsize, maxvz=maxvz, minfree=minfree)
    try:
        made = sizes(disk=disk, memory=memory, unpacked=unpacked, wishes=wishes)
    except (Refused, BadInput):
        return
    volumes = (made.root, made.swap, made.data, made.metadata, made.free)
    assert all(size >= 0 and size % EXTENT == 0 for size in volumes)
    assert made.root >= needed_root(unpacked)
    # One MiB for LVM's own metadata, two before the ESP and one for the second GPT.
    assert made.root + made.swap + made.data + 2 * made.metadata + made.free <= made.lvm - MIB
    assert 2 * MIB + made.esp + made.lvm + MIB <= disk
    assert made.data == 0 or made.data > GIB


@pytest.mark.parametrize(
    ("memory", "wish", "limit"),
    [
        (0.25, None, 64 * MIB),
        (8, None, 819 * MIB),
        (512, None, 16 * GIB),
        (8, 7168, 7 * GIB),
        (1, 64, 64 * MIB),
        # Where the machine was not looked at, nothing is known against it.
        (0, 7168, 7 * GIB),
    ],
)
def test_the_cache_of_zfs_takes_a_tenth_of_the_memory_or_what_was_asked_for(
    memory: float, wish: int | None, limit: int
) -> None:
    assert cache_limit(int(memory * GIB), wish) == limit


@pytest.mark.parametrize(("memory", "floor"), [(8, 0), (255, 0), (256, 8), (1024, 8)])
def test_a_small_cache_in_a_large_memory_lowers_the_floor_that_would_have_zfs_ignore_it(
    memory: int, floor: int
) -> None:
    assert cache_floor(memory * GIB, cache_limit(memory * GIB, None)) == floor * GIB


def test_a_cache_that_leaves_no_memory_for_anything_else_is_refused_with_one_that_does() -> None:
    with pytest.raises(BadInput, match=r"(?s)zfs.arc-max is 7.5 GiB; the machine has 8.0 GiB.*lower it to 7168"):
        cache_limit(8 * GIB, 7680)
