"""One console drives an installation; another one can take over, whatever the first does."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trebol_installer.screens import driver
from trebol_installer.screens.driver import Driver

#: A console that drives until it is asked to let go, or with "deaf" whatever it is asked.
OTHER = """
import signal, sys
from pathlib import Path
from trebol_installer.screens.driver import LET_GO, Driver

driver = Driver("ttyS0", Path(sys.argv[1]))
# Waited for, not handled: what is asked before it waits is not lost.
signal.pthread_sigmask(signal.SIG_BLOCK, {LET_GO})
assert driver.try_to_drive()
print("drives", flush=True)
while True:
    signal.sigwait({LET_GO})
    if "deaf" not in sys.argv:
        driver.let_go()
"""


@pytest.fixture(params=["", "deaf"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", OTHER, str(tmp_path), request.param]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "drives\n"
        yield process
        process.kill()


def test_the_first_drives_and_the_second_knows_who_does(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    mine = Driver("tty1", tmp_path)

    assert not mine.try_to_drive() and not mine.drives
    assert mine.other() == "ttyS0"

    other.send_signal(signal.SIGKILL)
    other.wait()
    assert mine.try_to_drive(), "the lock goes with its holder"


def test_a_console_takes_over_from_one_that_lets_go_or_hangs(
    tmp_path: Path, other: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(other.args, list)
    deaf = other.args[-1] == "deaf"
    monkeypatch.setattr(driver, "PATIENCE", 0.0 if deaf else 60.0)
    mine = Driver("tty1", tmp_path)

    mine.take_over()

    assert mine.drives and mine.other() == "tty1"
    if deaf:
        # The lock goes before the process has ended.
        assert other.wait() == -signal.SIGKILL
    else:
        assert other.poll() is None
    mine.let_go()
    assert Driver("tty2", tmp_path).try_to_drive()


def test_a_screen_that_ended_is_nobody_to_ask(tmp_path: Path) -> None:
    (tmp_path / "driver").write_text("999999999 ttyS0\n")
    mine = Driver("tty1", tmp_path)

    mine.take_over()

    assert mine.drives and mine.other() == "tty1"
