"""What a changed field does to the draft."""

from __future__ import annotations

from pathlib import Path

import pytest

from trebol_common.answers.model import Filesystem, NetworkSource
from trebol_installer.screens import disks, network, review, sizes
from trebol_installer.screens.draft import Draft
from trebol_installer.screens.edits import edit

SWAP = "disk-setup.lvm.swapsize"


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("8", 8),
        ("0", 0),
        ("1.5", 1.5),
        ("1.0", 1.0),
        ("-1", -1),
        ("1.", "1."),
        ("1,5", "1,5"),
        ("1e3", "1e3"),
        ("lots", "lots"),
        ("9" * 5000, "9" * 5000),
        ("", None),
    ],
)
def test_a_number_is_one_and_stays_as_it_was_typed(typed: str, value: object) -> None:
    draft = Draft.new()

    edit(draft, SWAP, typed)

    assert draft.get(SWAP) == value and type(draft.get(SWAP)) is type(value)
    assert draft.shown(SWAP) == typed


@pytest.mark.parametrize(
    ("key", "typed", "told"),
    [
        (SWAP, "lots", "'lots': must be a number"),
        (SWAP, "-1", "-1: Input should be greater than or equal to 0"),
        ("disk-setup.zfs.ashift", "8", "8: Input should be greater than or equal to 9"),
        ("disk-setup.zfs.arc-max", "1.5", "1.5: must be a whole number"),
        ("disk-setup.zfs.arc-max", "9" * 30, f"{'9' * 30}: Input should be less than or equal to {2**40}"),
    ],
)
def test_a_wrong_size_is_told_in_the_answer_files_words(key: str, typed: str, told: str) -> None:
    draft = Draft.new()
    if "zfs" in key:
        edit(draft, disks.FILESYSTEM, "zfs")

    edit(draft, key, typed)

    assert draft.check().of(key) == told


def test_a_number_is_shown_as_typed_by_the_screen_that_comes_later(tmp_path: Path) -> None:
    draft = Draft.new()
    edit(draft, SWAP, "1.50")
    draft.save(tmp_path / "draft.json")

    again = Draft.load(tmp_path / "draft.json")

    assert again.shown(SWAP) == "1.50" and again.get(SWAP) == 1.5
    assert Draft.new({"disk-setup": {"lvm": {"swapsize": 2}}}).shown(SWAP) == "2", "as a file says it"


def test_each_file_system_gets_its_table_back() -> None:
    draft = Draft.new()
    edit(draft, disks.RAID[Filesystem.EXT4], "raid1")
    edit(draft, SWAP, "4")

    edit(draft, disks.FILESYSTEM, "xfs")
    assert draft.get("disk-setup.lvm") == {"raid": "raid1", "swapsize": 4}, "xfs has the same"

    edit(draft, disks.FILESYSTEM, "btrfs")
    edit(draft, "disk-setup.btrfs.compress", "zstd")
    assert draft.get("disk-setup") == {"filesystem": "btrfs", "btrfs": {"raid": "raid0", "compress": "zstd"}}

    edit(draft, disks.FILESYSTEM, "ext4")
    assert draft.get("disk-setup") == {"filesystem": "ext4", "lvm": {"raid": "raid1", "swapsize": 4}}
    edit(draft, SWAP, "")
    edit(draft, disks.FILESYSTEM, "btrfs")
    assert draft.get("disk-setup.btrfs") == {"raid": "raid0", "compress": "zstd"}
    edit(draft, disks.FILESYSTEM, "ext4")
    assert draft.get("disk-setup.lvm") == {"raid": "raid1"}, "what was taken out does not come back"


def test_sizes_by_hand_are_put_aside_and_come_back() -> None:
    draft = Draft.new({"disk-setup": {"lvm": {"swapsize": 2}}})
    switch = sizes.BY_HAND + "disk-setup.lvm"
    assert sizes.is_by_hand(draft, "disk-setup.lvm"), "an answer file's sizes are never hidden"

    edit(draft, switch, False)
    assert draft.get("disk-setup.lvm") is None and not sizes.is_by_hand(draft, "disk-setup.lvm")

    edit(draft, switch, True)
    assert draft.get(SWAP) == 2


def test_what_is_kept_is_an_answer_and_takes_an_agreement_back() -> None:
    draft = Draft.new()
    draft.put_aside(review.CONFIRMED, "sda")

    edit(draft, disks.KEEP, True)
    assert draft.get(disks.KEEP) == ["data"] and draft.aside[review.CONFIRMED] == ""

    edit(draft, disks.KEEP, False)
    assert draft.get(disks.KEEP) is None


def test_an_address_that_was_taken_out_does_not_come_back() -> None:
    draft = Draft.new()
    for source in (NetworkSource.ANSWER, NetworkSource.DHCP, NetworkSource.ANSWER):
        edit(draft, network.SOURCE, source)
        if draft.get(network.CIDR) is None and source is NetworkSource.ANSWER:
            edit(draft, network.CIDR, "192.0.2.10/24")
    edit(draft, network.CIDR, "")

    edit(draft, network.SOURCE, NetworkSource.DHCP)
    edit(draft, network.SOURCE, NetworkSource.ANSWER)

    assert draft.get(network.CIDR) is None
