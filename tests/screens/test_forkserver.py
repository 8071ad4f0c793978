"""Who asks the fork server for a console gets a process there, which is nobody's child but the service manager's."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
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


#: A console of a server that was started as the initramfs does it, in the background; somebody presses Ctrl+C.
PRESSED = """
import os, signal, subprocess, sys
for number in (signal.SIGINT, signal.SIGQUIT):
    signal.signal(number, signal.SIG_IGN)
from trebol_installer.screens import console
class Pressed:
    def __init__(self, first, shell):
        pass
    def run(self):
        subprocess.run([sys.executable, "-c", "import signal; print(*map(signal.getsignal, (2, 3)))"], check=True)
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()
console.App, console.First, console._silence_others = Pressed, lambda *a, **named: None, lambda: None
sys.exit(console.run())
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
    with ExitStack() as opened:
        pipe, *answers = (
            opened.enter_context((folder / name).open("r+b", buffering=0))
            for name in ("fork", *(f"{name}.started" for name in names))
        )
        pipe.write(b"no request\n" + "".join(f"{name} vt220\n" for name in names).encode())
        started = [int(answer.readline()) for answer in answers]

    assert len(set(started)) == 2
    for (master, _), name in zip(consoles, names, strict=True):
        assert os.read(master, 1000).decode().strip() == f"/dev/{name} vt220 True"


def test_ctrl_c_ends_the_screens_and_what_runs_in_their_shell() -> None:
    _, terminal = pty.openpty()
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(
        [sys.executable, "-c", PRESSED], env=paths, stdin=terminal, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 130, ended.stderr
    assert ended.stdout == f"{signal.default_int_handler} {signal.SIG_DFL}\n"
