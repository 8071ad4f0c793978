"""Errors carry every reason; files are whole or untouched."""

import stat
from pathlib import Path

import pytest

from trebol_common.errors import BadInput, Problem, Refused, TrebolError, raise_for
from trebol_common.files import write_new, write_text


def test_an_error_says_what_where_and_what_to_do() -> None:
    error = Refused("holds a file system", where="/dev/sda", hint='set wipe = "confirmed"')
    assert str(error) == '/dev/sda: holds a file system\n  → set wipe = "confirmed"'


def test_all_problems_are_said_at_once() -> None:
    with pytest.raises(BadInput) as raised:
        raise_for([Problem("one", "a"), Problem("two", "b")], BadInput)
    assert str(raised.value) == "a: one\nb: two"
    raise_for([], BadInput)


def test_exit_statuses_are_fixed() -> None:
    assert (TrebolError.exit_status, BadInput.exit_status, Refused.exit_status) == (1, 2, 3)


def test_a_file_is_written_with_its_mode(tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "secret", "s", mode=0o600)
    path = tmp_path / "new" / "secret"
    assert path.read_text() == "s"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_old_file_survives_a_failed_write(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(ValueError, match="no"), write_new(path) as stream:
        stream.write("half")
        raise ValueError("no")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
