"""What the installer has the live system do once it needs it.

The unattended installer is started before udev has looked at any device: loading it takes as long as that, and on
another processor. The screens have it begin once the first of them is drawn.
"""

from __future__ import annotations

import re
from pathlib import Path

from trebol_common.run import Runner

DEVICES = "trebol-live-devices.service"
VIRTUALISATION = "trebol-live-virtualisation.service"
NETWORK = "trebol-live-network.service"
AHEAD = "trebol-live-hash.service"
NEIGHBOURS = "trebol-lldp.service"
SCREENS = "trebol-screens@{console}.service"

#: The consoles that the kernel was told of; tty0 is whatever terminal is in front.
CONSOLES = Path("/sys/class/tty/console/active")


def begin_devices(runner: Runner) -> None:
    """Have the machine looked at; nobody waits for it here."""
    runner.run(["systemctl", "start", "--no-block", DEVICES, VIRTUALISATION])


def await_devices(runner: Runner) -> None:
    """Have disks and interfaces looked at. Their events may still be in the queue of udev, where the probe waits."""
    runner.run(["systemctl", "start", DEVICES])


def await_network(runner: Runner) -> None:
    """Have every port with a carrier ask for an address, and wait for the first, at most a minute.

    Without one this returns too: whoever needs the network then says for what.
    """
    runner.run(["systemctl", "start", NETWORK])


def hear_neighbours(runner: Runner) -> None:
    """Have the switches heard: the first word of each may take half a minute."""
    runner.run(["systemctl", "start", "--no-block", NEIGHBOURS])


def read_ahead(runner: Runner, layers: Path, *, meminfo: Path = Path("/proc/meminfo")) -> None:
    """Have the layers in this folder read and hashed before anybody installs them, so that they lie in memory then.

    Only where they take less than half of what is free: else they would push out what the live system runs from.
    """
    size = sum(path.stat().st_size for path in layers.glob("*.squashfs"))
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", meminfo.read_text(encoding="ascii"), re.MULTILINE)
    if found and 2 * size < int(found[1]) * 1024:
        runner.run(["systemctl", "start", "--no-block", AHEAD])


def start_screens(runner: Runner) -> None:
    """Ask on every console."""
    consoles = ["tty1" if name == "tty0" else name for name in CONSOLES.read_text(encoding="utf-8").split()]
    runner.run(["systemctl", "start", "--no-block", *(SCREENS.format(console=name) for name in consoles)])
