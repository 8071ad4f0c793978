"""USB sticks: which can be read or written, and what is told of each other one."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.usb_sticks import ESP, SYSTEM, disk, listing, part

from trebol_installer.sticks import FileSystem, Sticks, in_vain, to_read, to_write

STICK = "SanDisk Ultra (sdb)"
TARGETS = frozenset({"sdc"})


def told(sticks: Sticks) -> list[str]:
    assert sticks.usable == ()
    return [str(problem) for problem in sticks.refused]


@pytest.mark.parametrize("sort", [to_read, to_write])
@pytest.mark.parametrize(
    ("found", "name"),
    [
        (disk("sdb", part("sdb1", "ntfs"), part("sdb2")), "sdb2"),
        (disk("sdb", fstype="vfat"), "sdb"),
    ],
)
def test_a_stick_is_a_file_system_on_usb_in_a_partition_or_without_any(
    sort: Any, found: dict[str, Any], name: str
) -> None:
    assert sort(listing(SYSTEM, found), TARGETS).usable == (FileSystem(name, f"/dev/{name}", "vfat", STICK),)


@pytest.mark.parametrize(
    "found",
    [
        disk("sdb", part("sdb1", "iso9660")),
        disk("sdb", part("sdb1", "udf")),
        disk("sdb", part("sdb1", parttype=ESP)),
        disk("sdb", part("sdb1"), ro=True),
        disk("sdb", part("sdb1"), rm=False),
        disk("sdb", fstype="iso9660", type="rom"),
    ],
)
def test_more_can_be_read_than_written(found: dict[str, Any]) -> None:
    assert len(to_read(listing(found), TARGETS).usable) == 1
    assert told(to_write(listing(found), TARGETS)) != []


@pytest.mark.parametrize("sort", [to_read, to_write])
@pytest.mark.parametrize(
    ("found", "why"),
    [
        (SYSTEM, []),
        (disk("sdb", part("sdb1"), size=0), []),
        (disk("sdb", part("sdb1", at="/mnt"), part("sdb2")), [f"{STICK}: is in use"]),
        (disk("sdb", {**part("sdb1", "LVM2_member"), "children": [part("data", at="/")]}), [f"{STICK}: is in use"]),
        (disk("sdc", part("sdc1")), ["SanDisk Ultra (sdc): is installed on"]),
    ],
    ids=["another bus", "no card", "in use", "in use below", "target"],
)
def test_what_is_left_alone_is_told_whatever_it_is_for(sort: Any, found: dict[str, Any], why: list[str]) -> None:
    assert told(sort(listing(found), TARGETS)) == why


@pytest.mark.parametrize("kind", ["ext4", "ntfs", "btrfs", "crypto_LUKS"])
def test_what_a_look_might_change_is_not_read(kind: str) -> None:
    sticks = to_read(listing(disk("sdb", part("sdb1", kind))), TARGETS)

    assert told(sticks) == [f"{STICK}: sdb1 holds {kind}; only FAT, exFAT, ISO 9660 and UDF are read"]


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (disk("sdb"), "sdb holds nothing known; only FAT and exFAT are written to"),
        (disk("sdb", part("sdb1", "ext4")), "sdb1 holds ext4; only FAT and exFAT are written to"),
        (disk("sdb", part("sdb1", parttype=ESP)), "sdb1 is for the firmware to boot from"),
        (disk("sdb", part("sdb1"), ro=True), "is write-protected"),
        (disk("sdb", part("sdb1"), rm=False), "is a fixed disk, no stick"),
        (disk("sdb", part("sdb1", "iso9660", at="/run/trebol/medium"), part("sdb2"), fstype="iso9660"),
         "carries an installation medium, which has no file system to write to"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_told_why(found: dict[str, Any], why: str) -> None:
    assert told(to_write(listing(found), TARGETS)) == [f"{STICK}: {why}"]


def test_every_stick_is_looked_at() -> None:
    sticks = to_write(listing(disk("sdb", part("sdb1", "ntfs")), disk("sdd", part("sdd1")), SYSTEM), TARGETS)

    assert [system.device for system in sticks.usable] == ["/dev/sdd1"]
    assert [problem.where for problem in sticks.refused] == [STICK]


def test_where_no_stick_will_do_what_to_do_comes_last() -> None:
    refused = to_read(listing(disk("sdc"), disk("sdd")), TARGETS).refused

    assert [problem.hint for problem in in_vain(refused, "plug one in")] == ["", "plug one in"]
    assert [str(problem) for problem in in_vain((), "plug one in")] == ["no USB stick was found\n  → plug one in"]
