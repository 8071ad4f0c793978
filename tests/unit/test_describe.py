"""Disks in lines for people."""

from __future__ import annotations

import pytest
from tests.unit.answer_files import GIB, machine

from trebol_hardware.machine import Content, Disk, Partition
from trebol_installer.describe import count_of_disks, describe_disk, describe_targets

FIRST, SECOND = machine("supermicro-epyc-9004").disks[:2]


def test_a_line_has_what_every_key_of_a_filter_asks_for() -> None:
    disk = Disk(
        "sda",
        40 * GIB,
        rotational=True,
        transport="sata",
        model="M",
        serial="S",
        by_id=("ata-M_S",),
        content=(Content("gpt"),),
        partitions=(Partition("sda1", 1, 0, GIB, (Content("ext4", label="data"),)),),
    )

    assert describe_disk(disk) == (
        'sda        40.0 GiB  sata rotational  M  S  ata-M_S  holds GPT, sda1: ext4 "data" (1.0 GiB)'
    )


def test_a_line_says_what_is_not_known() -> None:
    bare = Disk("vda", GIB, by_path=("pci-1",), medium=True)

    assert describe_disk(bare) == "vda         1.0 GiB  no model  no serial  pci-1  installation medium  empty"


def test_every_target_is_in_the_summary() -> None:
    title, said = describe_targets([SECOND, FIRST])

    assert title == "disks"
    assert said == "; ".join(f"{disk.stable_path} ({disk.name}), 1.7 TiB" for disk in (SECOND, FIRST))
    assert describe_targets([FIRST]) == ("disk", f"{FIRST.stable_path} (nvme0n1), 1.7 TiB")


@pytest.mark.parametrize(("number", "said"), [(0, "no disk"), (1, "1 disk"), (2, "2 disks")])
def test_disks_are_counted_in_words(number: int, said: str) -> None:
    assert count_of_disks(number) == said
