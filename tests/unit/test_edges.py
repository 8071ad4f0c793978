"""The digest of both ends of a disk."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tests.unit.fakesys import AnsweringRunner, FakeSystem

from trebol_common.run import Completed
from trebol_hardware.probe import health
from trebol_hardware.probe.edges import EDGE, digest
from trebol_hardware.probe.whole import probe

SATA = "pci0000:00/0000:00:17.0/ata{0}/host{0}/target{0}:0:0/{0}:0:0:0/block"


def pattern(size: int) -> bytes:
    return bytes(range(251)) * (size // 251 + 1)


@pytest.mark.parametrize("size", [0, 512, EDGE, EDGE + 512, 2 * EDGE - 512])
def test_a_small_disk_is_read_whole_and_no_byte_twice(tmp_path: Path, size: int) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(pattern(size)[:size])
    assert digest(disk, size) == hashlib.sha256(pattern(size)[:size]).hexdigest()


@pytest.mark.parametrize(("changed", "known_again"), [(EDGE - 1, False), (4 * EDGE - 1, False), (2 * EDGE, True)])
def test_of_a_large_disk_both_ends_count(tmp_path: Path, changed: int, known_again: bool) -> None:
    disk, data = tmp_path / "disk", bytearray(pattern(4 * EDGE)[: 4 * EDGE])
    disk.write_bytes(data)
    before = digest(disk, len(data))
    assert before == hashlib.sha256(data[:EDGE] + data[-EDGE:]).hexdigest()

    data[changed] ^= 1
    disk.write_bytes(data)

    assert (digest(disk, len(data)) == before) is known_again


def test_a_disk_that_shrank_is_an_error_and_not_another_digest(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(EDGE))
    with pytest.raises(OSError, match="too early"):
        digest(disk, 4 * EDGE)


def test_the_probe_digests_only_where_it_is_asked_to_and_may(tmp_path: Path) -> None:
    system = FakeSystem(tmp_path)
    for index, name in enumerate(("sda", "sdb", "sdc")):
        system.disk(name, SATA.format(index), sectors=8, udev={"ID_FS_TYPE": "ntfs"})
        if name != "sdb":
            system.write(f"dev/{name}", bytes(4096))
    asleep = {"/dev/sdc": Completed(health.ASLEEP)}
    runner = AnsweringRunner({"smartctl": Completed(0, "{}")}, devices=asleep)

    plain = probe(system.root, udev=system.udev, runner=runner, health=True)
    asked = probe(system.root, udev=system.udev, runner=runner, health=True, edges=True)

    assert [disk.edges for disk in plain.disks] == ["", "", ""]
    assert [disk.edges for disk in asked.disks] == [hashlib.sha256(bytes(4096)).hexdigest(), "", ""]
