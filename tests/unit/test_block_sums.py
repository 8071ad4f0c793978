"""Layers are hashed while the machine still boots, and what was hashed is neither read again nor trusted too much."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from trebol_common import block_sums
from trebol_common.block_sums import BLOCK, hash_ahead, take


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    """A medium of two layers: two and a half blocks, and a few bytes."""
    folder = tmp_path / "medium" / "trebol"
    folder.mkdir(parents=True)
    with (folder / "base.squashfs").open("wb") as stream:
        stream.write(b"base")
        stream.truncate(BLOCK * 5 // 2)
    (folder / "live.squashfs").write_bytes(b"live")
    (folder / "layers.txt").write_text("base base.squashfs\nlive live.squashfs\n")
    return folder.parent


def sums(medium: Path, name: str) -> dict[int, str]:
    return dict(enumerate(block_sums.block_sums(medium / "trebol" / name)))


def test_what_is_hashed_ahead_is_what_the_verification_would_hash(medium: Path, tmp_path: Path) -> None:
    hash_ahead(medium, tmp_path / "record")
    assert take(tmp_path / "record") == {name: sums(medium, name) for name in ("base.squashfs", "live.squashfs")}


def test_the_live_system_runs_it_as_a_program_of_the_standard_library_alone(medium: Path, tmp_path: Path) -> None:
    record = tmp_path / "record"
    program = [sys.executable, "-I", "-S", block_sums.__file__, str(medium), str(record)]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(take(record)) == {"base.squashfs", "live.squashfs"}


def test_a_medium_that_cannot_be_read_is_left_to_the_verification(tmp_path: Path) -> None:
    program = [sys.executable, "-I", "-S", block_sums.__file__, str(tmp_path), str(tmp_path / "record")]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0
    assert "layers.txt" in done.stderr
    assert take(tmp_path / "record") == {}


def test_hashing_ahead_stops_once_the_record_is_taken(
    medium: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[dict[str, dict[int, str]]] = []

    def hash_and_take(descriptor: int, number: int) -> str:
        if number == 1:
            taken.append(take(tmp_path / "record"))
        return f"sum{number}"

    monkeypatch.setattr(block_sums, "block_sum", hash_and_take)
    hash_ahead(medium, tmp_path / "record")

    assert taken == [{"base.squashfs": {0: "sum0"}}]
    assert take(tmp_path / "record") == {}, "nothing is hashed for nobody"


def test_known_blocks_are_not_read_again_and_count_as_progress(medium: Path) -> None:
    done: list[int] = []
    found = block_sums.block_sums(medium / "trebol/base.squashfs", done.append, known={0: "known", 2: "too"})
    assert found == ("known", sums(medium, "base.squashfs")[1], "too")
    assert done == [BLOCK, 2 * BLOCK, BLOCK * 5 // 2]
