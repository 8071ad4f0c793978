"""Which port has a cable in it is known before one is chosen."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trebol_common.run import ScriptedRunner
from trebol_installer.links import wake_links


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    """Two physical ports without a link, and the loopback."""
    for name in ("enp1s0", "enp2s0"):
        (tmp_path / name / "device").mkdir(parents=True)
        (tmp_path / name / "carrier").write_text("0\n")
    (tmp_path / "lo").mkdir()
    return tmp_path


def switched_on() -> ScriptedRunner:
    """The commands for both ports."""
    runner = ScriptedRunner()
    for name in ("enp1s0", "enp2s0"):
        runner.expect("ip", "link", "set", "dev", name, "up")
    return runner


def test_every_port_is_switched_on_and_waited_for(sysfs: Path) -> None:
    @contextmanager
    def events() -> Iterator[socket.socket]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with ours, theirs:
            for name in ("enp1s0", "enp2s0"):
                theirs.send(b"link")
                (sysfs / name / "carrier").write_text("1\n")
            yield ours

    runner = switched_on()
    wake_links(runner, sysfs=sysfs, events=events, seconds=3600)
    assert runner.expected == []


def test_a_port_without_a_cable_is_not_waited_for_for_ever(sysfs: Path) -> None:
    @contextmanager
    def events() -> Iterator[socket.socket]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with ours, theirs:
            yield ours

    wake_links(switched_on(), sysfs=sysfs, events=events, seconds=0.01)
