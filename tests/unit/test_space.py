"""A build says before it starts which disk is too small for it, and by how much."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trebol_common.errors import TrebolError
from trebol_image.build import space_for_base
from trebol_image.lock import Lock, Package
from trebol_image.space import Disk, Need, disk_of, require_space

MIB = 2**20
STORE, OUT = Path("/store"), Path("/out")


def disks(**free: int) -> Callable[[Path], Disk]:
    """Disks by name of the folder, each with so many MiB free."""
    return lambda folder: Disk(list(free).index(folder.name), free[folder.name] * MIB)


def one_disk(free: int) -> Callable[[Path], Disk]:
    return lambda folder: Disk(0, free * MIB)


def test_a_small_disk_is_named_with_what_it_needs_and_has() -> None:
    with pytest.raises(TrebolError) as caught:
        require_space([Need(STORE, 90 * MIB), Need(OUT, 50 * MIB + 1, "use another")], disks(store=90, out=50))
    assert str(caught.value) == "/out: 51 MiB are needed and 50 MiB are free\n  → use another"


def test_every_small_disk_is_named_at_once() -> None:
    with pytest.raises(TrebolError) as caught:
        require_space([Need(STORE, 9 * MIB), Need(OUT, 9 * MIB)], disks(store=8, out=7))
    assert [problem.where for problem in caught.value.problems] == ["/store", "/out"]


def test_needs_on_the_same_disk_add_up() -> None:
    needs = [Need(STORE, 60 * MIB, "a"), Need(OUT, 40 * MIB, "b")]
    require_space(needs, one_disk(100))
    with pytest.raises(TrebolError) as caught:
        require_space(needs, one_disk(99))
    assert str(caught.value) == "/store and /out: 100 MiB are needed and 99 MiB are free\n  → a; or b"


def test_the_disk_of_a_folder_is_looked_at(tmp_path: Path) -> None:
    disk = disk_of(tmp_path)
    assert disk.device == tmp_path.stat().st_dev
    require_space([Need(tmp_path, 0)])
    with pytest.raises(TrebolError, match="are needed"):
        require_space([Need(tmp_path, 2**62)])


def test_a_base_needs_room_in_the_store_and_its_iso_where_isos_go() -> None:
    package = Package(
        name="bash", version="5", architecture="amd64", sha256="", size=100 * MIB, installed=1000 * MIB, file="f"
    )
    store, out = space_for_base(Lock(epoch=1, packages=(package,)), STORE, OUT)
    assert (store.folder, store.size) == (STORE, (2 * 100 + 1000 + 600) * MIB)
    assert (out.folder, out.size) == (OUT, (600 + 64) * MIB)
