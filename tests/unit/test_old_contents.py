"""The scripts that make old contents for the end-to-end tests; what can be made without a disk is made, and wiped."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.e2e.old_contents import OLD_CONTENTS, PRELUDE, OldContent, look, script

from trebol_common.run import CommandRunner
from trebol_installer.execute import wipe

GIB = 2**30
DISKS = ("/dev/disk/by-id/virtio-A", "/dev/disk/by-id/virtio-B")


@pytest.mark.parametrize("content", OLD_CONTENTS.values(), ids=OLD_CONTENTS.keys())
def test_every_script_is_shell_and_uses_the_disks_that_it_asks_for(content: OldContent) -> None:
    made = script(content, DISKS[: content.disks])

    CommandRunner().run(["bash", "-n"], input=made)
    assert {*re.findall(r"\$([AB])\b", "\n".join(content.commands))} == {*"AB"[: content.disks]}
    assert f"A={DISKS[0]}\n" in made


def test_a_script_for_the_wrong_number_of_disks_is_not_made() -> None:
    with pytest.raises(ValueError, match="mirror needs 2 disks, not 1"):
        script(OLD_CONTENTS["mirror"], DISKS[:1])


def test_a_label_that_no_tool_looks_at_is_seen_until_it_is_zeros(tmp_path: Path) -> None:
    disk, runner = tmp_path / "a disk", CommandRunner()
    with disk.open("wb") as file:
        file.truncate(32 * GIB)
    closed = OLD_CONTENTS["osd-in-closed-lvm"]

    for place in closed.labels:
        runner.run(["bash", "-c", look(closed, str(disk))])
        runner.run(["bash", "-c", f'{PRELUDE}\nput "$1" {place + 4095} x', "bash", disk])
        assert runner.run(["bash", "-c", look(closed, str(disk))], check=False).status == 1
        wipe.zero(disk, [(place, 4096)])
    assert look(OLD_CONTENTS["osd"], str(disk)) == "true"


def signatures(path: Path) -> set[str]:
    """What wipefs finds."""
    said = CommandRunner().run(["wipefs", "--json", "--no-act", path])
    return {found["type"] for found in json.loads(said.stdout)["signatures"]}


BYTES = [("ntfs", "ntfs"), ("bluestore", "ceph_bluestore"), ("zfs_labels", "zfs_member")]


@pytest.mark.parametrize(("function", "kind"), BYTES)
@pytest.mark.parametrize("start", [None, 63 * 512], ids=["whole disk", "partition"])
def test_what_is_written_as_bytes_is_found_by_wipefs_and_wiped_without_it(
    tmp_path: Path, function: str, kind: str, start: int | None
) -> None:
    inside, disk = tmp_path / "partition", tmp_path / "disk"
    with inside.open("wb") as file:
        file.truncate(12 * GIB)
    CommandRunner().run(["bash", "-c", f'{PRELUDE}\n{function} "$1"', "bash", inside])
    assert kind in signatures(inside)
    offset = start or 0
    with inside.open("rb") as source, disk.open("wb") as copy:
        copy.truncate(12 * GIB + 2 * offset)
        for place in (0, 1 * GIB, 10 * GIB, 12 * GIB - 2**20):
            source.seek(place)
            copy.seek(offset + place)
            copy.write(source.read(2**20))
    size = disk.stat().st_size

    wipe.zero(disk, wipe.of_partitions(size, [] if start is None else [(start, 12 * GIB)]))
    wipe.zero(disk, wipe.of_disk(size))

    assert signatures(disk) == set()
    with disk.open("rb") as file:
        for place in (0, 1 * GIB, 10 * GIB, 12 * GIB - 2**20):
            file.seek(offset + place)
            assert not any(file.read(2**20)), place
