"""How many disks each layout wants, said in words."""

from __future__ import annotations

from typing import Any

import pytest

from trebol_common.answers.model import BtrfsRaid, DiskSetup, Filesystem, MdRaid, ZfsRaid
from trebol_installer.layout_rules import RULES, rule, show_layout


def setup(filesystem: str, level: str | None) -> DiskSetup:
    members: dict[str, Any] = {"filesystem": filesystem, "disk-list": ["vda"]}
    if level:
        members[filesystem if filesystem in ("btrfs", "zfs") else "lvm"] = {"raid": level}
    return DiskSetup.model_validate(members)


COUNTS = [
    ("ext4", None, [1], "1 disk"),
    ("xfs", None, [1], "1 disk"),
    ("ext4", "raid1", [2, 3, 4, 5, 6, 7, 8], "2 disks or more"),
    ("xfs", "raid10", [4, 6, 8], "4, 6, 8, … disks"),
    ("btrfs", "raid0", [1, 2, 3, 4, 5, 6, 7, 8], "1 disk or more"),
    ("btrfs", "raid1", [2, 3, 4, 5, 6, 7, 8], "2 disks or more"),
    ("btrfs", "raid10", [4, 5, 6, 7, 8], "4 disks or more"),
    ("zfs", "raid0", [1, 2, 3, 4, 5, 6, 7, 8], "1 disk or more"),
    ("zfs", "raid1", [2, 3, 4, 5, 6, 7, 8], "2 disks or more"),
    ("zfs", "raid10", [4, 6, 8], "4, 6, 8, … disks"),
    ("zfs", "raidz-1", [3, 4, 5, 6, 7, 8], "3 disks or more"),
    ("zfs", "raidz-2", [4, 5, 6, 7, 8], "4 disks or more"),
    ("zfs", "raidz-3", [5, 6, 7, 8], "5 disks or more"),
]


@pytest.mark.parametrize(
    ("filesystem", "level", "good", "said"), COUNTS, ids=[f"{name} {level}" for name, level, _, _ in COUNTS]
)
def test_each_layout_wants_its_number_of_disks(
    filesystem: str, level: str | None, good: list[int], said: str
) -> None:
    wants = rule(setup(filesystem, level)).disks

    assert [number for number in range(9) if wants.allows(number)] == good
    assert str(wants) == said


def test_every_layout_has_a_rule() -> None:
    levels: dict[str, tuple[str | None, ...]] = {
        "ext4": (None, *MdRaid),
        "xfs": (None, *MdRaid),
        "btrfs": tuple(BtrfsRaid),
        "zfs": tuple(ZfsRaid),
    }
    found = {name: [rule(setup(name, level)) for level in levels[name]] for name in levels}

    assert found["xfs"] == found["ext4"]
    assert [*found["ext4"], *found["btrfs"], *found["zfs"]] == list(RULES.values())
    assert set(levels) == set(Filesystem)


@pytest.mark.parametrize(
    ("filesystem", "level", "said"),
    [
        ("ext4", None, "ext4"),
        ("xfs", "raid10", 'xfs with lvm.raid = "raid10"'),
        ("zfs", "raidz-2", 'zfs with zfs.raid = "raidz-2"'),
        ("btrfs", "raid0", 'btrfs with btrfs.raid = "raid0"'),
    ],
)
def test_a_layout_is_named_in_the_words_of_the_answer_file(filesystem: str, level: str | None, said: str) -> None:
    assert show_layout(setup(filesystem, level)) == said
