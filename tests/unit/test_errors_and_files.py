"""Errors carry every reason; files are whole or untouched."""

import errno
import os
import stat
from pathlib import Path

import pytest

from trebol_common.errors import BadInput, NoSpace, Problem, Refused, TrebolError, of_system, raise_for
from trebol_common.files import write_new, write_output, write_text


def test_an_error_says_what_where_and_what_to_do() -> None:
    error = Refused("holds a file system", where="/dev/sda", hint='set wipe = "confirmed"')
    assert str(error) == '/dev/sda: holds a file system\n  → set wipe = "confirmed"'


def test_all_problems_are_said_at_once() -> None:
    with pytest.raises(BadInput) as raised:
        raise_for([Problem("one", "a"), Problem("two", "b")], BadInput)
    assert str(raised.value) == "a: one\nb: two"
    raise_for([], BadInput)


def test_a_full_disk_is_told_from_other_faults_of_the_system() -> None:
    full = of_system(OSError(errno.ENOSPC, "No space left on device", "/var/log/x"))
    assert isinstance(full, NoSpace)
    assert str(full) == "/var/log/x: No space left on device\n  → see what is full: df -h"
    assert type(of_system(PermissionError(errno.EACCES, "Permission denied", "/x"))) is TrebolError


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


def test_an_output_goes_through_a_link_and_into_a_pipe_and_replaces_neither(tmp_path: Path) -> None:
    file, link, pipe = tmp_path / "file", tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(file)
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    for _time in range(2):  # The first time the link points to nothing yet.
        write_output(link, "said")
    write_output(pipe, "said")
    assert link.is_symlink()
    assert file.read_text() == "said"
    assert pipe.is_fifo()
    assert os.read(reader, 10) == b"said"
    os.close(reader)


def test_an_output_that_is_a_folder_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError) as raised:
        write_output(tmp_path, "said")
    assert raised.value.filename == str(tmp_path)
    assert list(tmp_path.iterdir()) == []
