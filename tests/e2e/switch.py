"""A switch at the other end of a machine's network port, which says by LLDP (IEEE 802.1AB) who it is."""

from __future__ import annotations

import socket
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from trebol_image.qemu import MachineConfig

#: Seconds between two announcements; switches wait for thirty.
AGAIN = 2.0

_NEAREST_BRIDGE = bytes.fromhex("0180c200000e")
_ADDRESS = bytes.fromhex("5254007b0f01")
_ETHERTYPE = 0x88CC
_CHASSIS, _PORT, _TTL, _PORT_DESCRIPTION, _SYSTEM_NAME = 1, 2, 3, 4, 5
#: Subtypes of a chassis known by a MAC address, and of a port known by its name.
_BY_MAC, _BY_NAME = b"\x04", b"\x05"


def announcement(name: str, port: str) -> bytes:
    """The Ethernet frame by which a switch tells its name and the port's."""
    told = (
        (_CHASSIS, _BY_MAC + _ADDRESS),
        (_PORT, _BY_NAME + port.encode()),
        (_TTL, struct.pack("!H", 120)),
        (_PORT_DESCRIPTION, b"to the rack"),
        (_SYSTEM_NAME, name.encode()),
        (0, b""),
    )
    body = b"".join(struct.pack("!H", kind << 9 | len(value)) + value for kind, value in told)
    return _NEAREST_BRIDGE + _ADDRESS + struct.pack("!H", _ETHERTYPE) + body


@dataclass(frozen=True)
class Wire:
    """The sockets at both ends of the wire: the switch's and the machine's."""

    switch: Path
    machine: Path

    def of(self, config: MachineConfig, mac: str) -> MachineConfig:
        """The machine with one more network port, which this wire leads from."""
        ends = f"local.type=unix,local.path={self.machine},remote.type=unix,remote.path={self.switch}"
        wire = ("-netdev", f"dgram,id=wire,{ends}", "-device", f"virtio-net-pci,netdev=wire,mac={mac},romfile=")
        return replace(config, extra=(*config.extra, *wire))


@contextmanager
def switch(name: str, port: str) -> Iterator[Wire]:
    """A switch that announces itself for as long as the context lasts, and listens to nobody."""
    with (
        tempfile.TemporaryDirectory(prefix="trebol-wire-") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end,
    ):
        wire = Wire(Path(folder, "switch"), Path(folder, "machine"))
        end.bind(str(wire.switch))
        end.settimeout(AGAIN)
        over = threading.Event()
        speaker = threading.Thread(target=_speak, args=(end, wire.machine, announcement(name, port), over))
        speaker.start()
        try:
            yield wire
        finally:
            over.set()
            speaker.join()


def _speak(end: socket.socket, machine: Path, frame: bytes, over: threading.Event) -> None:
    while not over.wait(AGAIN):
        with suppress(OSError):  # The machine is not there yet, or no longer.
            end.sendto(frame, str(machine))
        # What the machine says is taken off the wire, which would be full of it otherwise.
        with suppress(OSError):
            while end.recv(65536, socket.MSG_DONTWAIT):
                pass
