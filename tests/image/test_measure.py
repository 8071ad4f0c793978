"""`trebol check disk-write` on a loop device, `trebol check network` between two namespaces, with the real tools."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.image.conftest import ROOT

from trebol_common.errors import Refused
from trebol_common.run import CommandRunner
from trebol_hardware.machine import Disk, Machine
from trebol_hardware.measure.disk import DiskMeasurement, measure
from trebol_hardware.measure.disk_target import DEVICE_SPAN

TREBOL = str(ROOT / ".venv/bin/trebol")
SERIAL = "LOOP-42"
MIB = 2**20


@dataclass(frozen=True)
class Loop:
    """A loop device and the file behind it."""

    device: Path
    image: Path


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """A loop device without content, a little larger than what is written."""
    image = tmp_path / "disk.img"
    with image.open("wb") as file:
        file.truncate(DEVICE_SPAN + 8 * MIB)
    device = subprocess.run(
        ["losetup", "--find", "--show", str(image)], check=True, capture_output=True, text=True
    ).stdout.strip()
    yield Loop(Path(device), image)
    subprocess.run(["losetup", "--detach", device], check=True)


def write_for_a_second(loop: Loop) -> DiskMeasurement:
    """Measure it as if the probe had found an empty disk there: of itself, it takes no loop device."""
    recorded = Machine.load(ROOT / "tests/machines/qemu-bios.json")
    found = Disk(loop.device.name, loop.image.stat().st_size, serial=SERIAL, model="Loop")
    machine = Machine(recorded.architecture, recorded.firmware, recorded.processor, recorded.memory, disks=(found,))
    return measure(loop.device, seconds=1, confirmation=SERIAL, runner=CommandRunner(), probe=lambda: machine)


def content(image: Path, start: int) -> bytes:
    """A mebibyte of it."""
    with image.open("rb") as file:
        file.seek(start)
        return file.read(MIB)


def test_an_empty_disk_is_written_to_and_no_further_than_said(loop: Loop) -> None:
    measured = write_for_a_second(loop)
    assert measured.on == f"{loop.device} Loop"
    assert measured.writes.writes > 0
    assert measured.writes.iops > 0
    assert any(content(loop.image, 0))
    assert not any(content(loop.image, DEVICE_SPAN))


def test_a_disk_that_is_in_use_is_left_as_it_is_whatever_the_probe_says(loop: Loop, tmp_path: Path) -> None:
    point = tmp_path / "mounted"
    point.mkdir()
    subprocess.run(["mkfs.ext4", "-q", str(loop.device)], check=True)
    subprocess.run(["mount", "-o", "ro,noload", str(loop.device), str(point)], check=True)
    before = content(loop.image, 0)
    try:
        with pytest.raises(Refused, match="cannot be opened for this alone"):
            write_for_a_second(loop)
    finally:
        subprocess.run(["umount", str(point)], check=True)
    assert content(loop.image, 0) == before


def test_the_command_itself_writes_to_no_loop_device(loop: Loop) -> None:
    command = [TREBOL, "check", "disk-write", str(loop.device), "--seconds", "1", "--destroy", loop.device.name]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    # 3, or 1 where no udev runs: then nobody knows what a disk holds.
    assert result.returncode in (1, 3), result.stderr
    assert "Traceback" not in result.stderr
    assert loop.image.stat().st_blocks == 0


@dataclass(frozen=True)
class Nodes:
    """Names of two network namespaces; the second has 192.0.2.2, fe80::2 and the larger MTU."""

    near: str
    far: str


def ip(*arguments: str) -> None:
    """ip(8)."""
    subprocess.run(["ip", *arguments], check=True)


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    """Two nodes with one cable, whose interfaces differ in their MTU."""
    names = Nodes(f"trebol-near-{os.getpid()}", f"trebol-far-{os.getpid()}")
    try:
        for name in (names.near, names.far):
            ip("netns", "add", name)
        ip(
            *("link", "add", "eth0", "netns", names.near, "address", "02:00:00:00:00:01", "mtu", "1400"),
            *("type", "veth", "peer", "name", "eth0", "netns", names.far, "address", "02:00:00:00:00:02"),
        )
        for name, number in ((names.near, 1), (names.far, 2)):
            ip("-netns", name, "link", "set", "eth0", "addrgenmode", "none", "up")
            ip("-netns", name, "address", "add", f"192.0.2.{number}/24", "dev", "eth0")
            ip("-netns", name, "address", "add", f"fe80::{number}/64", "dev", "eth0", "nodad")
        yield names
    finally:
        for name in (names.near, names.far):
            subprocess.run(["ip", "netns", "delete", name], check=False)


@contextmanager
def serving(namespace: str) -> Iterator[None]:
    """`trebol check network --serve` there, which ends by itself with its client."""
    command = ["ip", "netns", "exec", namespace, TREBOL, "check", "network", "--serve", "--lifetime", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline().startswith("listening")
            yield
            assert server.wait(timeout=30) == 0
        finally:
            server.kill()


@pytest.mark.parametrize("peer", ["192.0.2.2", "fe80::2%eth0"], ids=["ipv4", "link-local"])
def test_two_nodes_measure_the_way_between_them(nodes: Nodes, peer: str) -> None:
    with serving(nodes.far):
        command = ["ip", "netns", "exec", nodes.near, TREBOL, "check", "network", peer, "--seconds", "1", "--json"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    figures = json.loads(result.stdout)["figures"]
    assert figures["failures"] == {}
    assert figures["round_trips"]["received"] == figures["round_trips"]["sent"] == 100
    assert figures["to_tcp"]["rate"] > 10**7
    assert figures["from_tcp"]["rate"] > 10**7
    assert figures["udp"]["packets"] > 0
    assert figures["to_mtu"] == {"path": 1400, "link": 1400}
    # What comes from the far node is too large for the near one; the kernel lets the 4 bytes of a VLAN's tag through.
    assert figures["from_mtu"]["link"] == 1500
    assert 1400 <= figures["from_mtu"]["path"] <= 1404
    findings = {finding["code"]: finding["severity"] for finding in json.loads(result.stdout)["findings"]}
    assert findings["network-path-mtu"] == "fail"
    assert result.returncode == 1


def test_a_node_that_is_not_there_is_told(nodes: Nodes) -> None:
    command = ["ip", "netns", "exec", nodes.near, TREBOL, "check", "network", "192.0.2.2", "--seconds", "1"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "192.0.2.2: does not answer on TCP port 24050: Connection refused" in result.stderr
    assert "trebol check network --serve" in result.stderr
