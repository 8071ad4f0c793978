"""The partition table that is written is the one that was planned, read back by another program's code."""

from pathlib import Path

import _ped
import parted
import pytest

from trebol_common.errors import TrebolError
from trebol_common.unfinished import mark_finished
from trebol_image.gpt import read_gpt
from trebol_image.iso9660 import Extent, Image
from trebol_installer.execute.partition import write_table
from trebol_installer.steps import PartitionKind, PlannedPartition

MIB = 1024**2
PLANNED = (
    PlannedPartition(1, PartitionKind.BIOS_BOOT, MIB, MIB),
    PlannedPartition(2, PartitionKind.ESP, 2 * MIB, 512 * MIB),
    PlannedPartition(3, PartitionKind.LVM, 514 * MIB, 9 * 1024 * MIB),
)
#: Partition types of the GPT (UEFI specification 2.10, table 5.7; GRUB manual, "BIOS installation"; LVM).
TYPES = (
    "21686148-6449-6E6F-744E-656564454649",
    "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
    "E6D6D379-F507-44C2-A23C-238F2A3DF928",
)


def test_the_table_holds_what_was_planned(tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    with disk.open("wb") as stream:
        stream.truncate(10 * 1024 * MIB)
    write_table(disk, PLANNED)
    with disk.open("rb") as stream:
        table = read_gpt(Image(stream, str(disk)))
    assert {number: (entry.type, entry.extent) for number, entry in table.items()} == {
        planned.number: (kind, Extent(planned.start, planned.size))
        for planned, kind in zip(PLANNED, TYPES, strict=True)
    }


@pytest.mark.skipif(not hasattr(_ped.Partition, "set_type_uuid"), reason="needs libparted 3.6, as Debian 13 has")
def test_a_partition_of_a_pool_has_the_type_that_zfs_gives_its_own(tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    with disk.open("wb") as stream:
        stream.truncate(1024 * MIB)
    write_table(disk, (PlannedPartition(1, PartitionKind.ZFS, MIB, 512 * MIB),))
    with disk.open("rb") as stream:
        table = read_gpt(Image(stream, str(disk)))
    assert table[1].type == "6A898CC3-1DD2-11B2-99A6-080020736631"


def test_a_disk_has_the_mark_of_an_unfinished_installation_until_it_is_taken_off(tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    with disk.open("wb") as stream:
        stream.truncate(10 * 1024 * MIB)
    write_table(disk, PLANNED)
    before = names_of(disk)

    assert mark_finished(disk)
    assert not mark_finished(disk), "it has none any more"

    assert before == ["trebol-unfinished", "trebol-esp", "trebol-lvm"]
    assert names_of(disk) == ["trebol-bios-boot", "trebol-esp", "trebol-lvm"]
    with disk.open("rb") as stream:
        table = read_gpt(Image(stream, str(disk)))
    assert tuple(entry.type for entry in table.values()) == TYPES


def names_of(disk: Path) -> list[str]:
    return [partition.name for partition in parted.newDisk(parted.getDevice(str(disk))).partitions]


def test_a_disk_without_a_table_has_no_mark_to_take_off(tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    disk.write_bytes(bytes(MIB))
    with pytest.raises(TrebolError, match="libparted: "):
        mark_finished(disk)


def test_a_disk_that_is_too_small_is_told_in_libparteds_words(tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    with disk.open("wb") as stream:
        stream.truncate(100 * MIB)
    with pytest.raises(TrebolError, match="libparted: "):
        write_table(disk, PLANNED)
