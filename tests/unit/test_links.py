"""Which port has a cable in it is known before one is chosen."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.unit.fakesys import FakeSystem

from trebol_common.run import ScriptedRunner
from trebol_installer.links import wake_links

#: By PCI address, which is not the order of their names.
PORTS = ("enp9s0", "enp2s0")


@pytest.fixture
def system(tmp_path: Path) -> FakeSystem:
    """Two wired ports without a link, a wireless one that never gets one, and the loopback."""
    system = FakeSystem(tmp_path)
    for number, name in enumerate(PORTS):
        system.interface(name, f"pci0000:00/0000:00:0{number}.0", attributes={"carrier": "0"})
    wireless = system.interface("wlp1s0", "pci0000:00/0000:00:00.1", attributes={"carrier": "0"})
    system.write(f"{wireless}/phy80211/name", "phy0")
    system.interface("lo", None)
    return system


def switched_on() -> ScriptedRunner:
    """The commands for both ports."""
    runner = ScriptedRunner()
    for name in PORTS:
        runner.expect("ip", "link", "set", "dev", name, "up")
    return runner


def wake(system: FakeSystem, links: Sequence[str], *, seconds: float) -> list[str]:
    """Wake the ports while `links` get a link, one event each; returns those whose event was not waited for."""
    coming = list(links)

    class Changes(socket.socket):
        def recv(self, *arguments: int) -> bytes:
            message = super().recv(*arguments)
            system.write(f"sys/class/net/{coming.pop(0)}/carrier", "1\n")
            return message

    @contextmanager
    def events() -> Iterator[socket.socket]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with theirs, Changes(fileno=ours.detach()) as changes:
            for name in links:
                theirs.send(name.encode())
            yield changes

    runner = switched_on()
    wake_links(runner, root=system.root, events=events, seconds=seconds)
    assert runner.expected == []
    return coming


@pytest.mark.parametrize(
    ("links", "left"),
    [(["enp9s0"], []), (["enp2s0", "enp9s0"], []), (["enp9s0", "enp2s0"], ["enp2s0"])],
    ids=["only the first", "the first is slower", "the first is faster"],
)
def test_the_port_that_would_be_taken_is_waited_for_and_no_other(
    system: FakeSystem, links: list[str], left: list[str]
) -> None:
    assert wake(system, links, seconds=3600) == left


@pytest.mark.parametrize("links", [[], ["enp2s0"]])
def test_a_port_without_a_cable_is_not_waited_for_for_ever(system: FakeSystem, links: list[str]) -> None:
    assert wake(system, links, seconds=0.05) == []


def test_a_machine_without_ports_is_not_waited_for(tmp_path: Path) -> None:
    wake_links(ScriptedRunner(), root=tmp_path, events=lambda: socket.socket(socket.AF_UNIX), seconds=3600)
