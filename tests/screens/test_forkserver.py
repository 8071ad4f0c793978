"""Who asks the fork server for a console gets a process there, which is nobody's child but the service manager's."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

#: The server, whose consoles say where they are, instead of drawing.
SERVER = """
import os, sys
from pathlib import Path
from trebol_installer.screens import console, forkserver
forkserver.FOLDER = Path(sys.argv[1])
def told():
    os.write(1, f"{os.ttyname(0)} {os.environ['TERM']} {os.getsid(0) == os.getpid()}\\n".encode())
    return 0
console.run = told
sys.exit(forkserver.main())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where a server listens."""
    os.mkfifo(tmp_path / "fork")
    (tmp_path / "pts").mkdir()
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", SERVER, tmp_path], env=paths, stderr=subprocess.PIPE) as server:
        yield tmp_path
        server.terminate()


def test_each_console_gets_a_process_of_its_own(folder: Path) -> None:
    consoles = [pty.openpty() for _ in range(2)]
    names = [os.ttyname(terminal).removeprefix("/dev/") for _, terminal in consoles]
    for name in names:
        os.mkfifo(folder / f"{name}.started")
    with (folder / "fork").open("r+b", buffering=0) as pipe:
        pipe.write(b"no request\n" + "".join(f"{name} vt220\n" for name in names).encode())
        started = [int((folder / f"{name}.started").read_text()) for name in names]

    assert len(set(started)) == 2
    for (master, _), name in zip(consoles, names, strict=True):
        assert os.read(master, 1000).decode().strip() == f"/dev/{name} vt220 True"
