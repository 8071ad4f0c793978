"""A machine's own screen and keyboard: keys, and pictures of what is shown."""

from __future__ import annotations

import time
from pathlib import Path

from tests.e2e.lab import patient

from trebol_image.qemu import VirtualMachine
from trebol_image.qemu.errors import DeadlinePassed

#: Seconds between two pictures, as nothing tells of changes. Of a drawn screen each is one of two: its cursor blinks.
AGAIN = 1.3
DRAWN_WITHIN = 60.0


class VgaScreen:
    """The screen of `machine`; pictures go below `folder`."""

    def __init__(self, machine: VirtualMachine, folder: Path) -> None:
        self._machine = machine
        self._folder = folder

    def press(self, *keys: str) -> None:
        """Press keys by QEMU's names ("ret", "tab", "spc"; qapi/ui.json, QKeyCode)."""
        for key in keys:
            self._machine.qmp.execute("send-key", keys=[{"type": "qcode", "data": key}])

    def picture(self, name: str) -> Path:
        """A PNG of the screen once it is drawn. Raises DeadlinePassed where it changes all the time."""
        path = self._folder / f"{name}.png"
        end = time.monotonic() + patient(DRAWN_WITHIN)
        seen: set[bytes] = set()
        while time.monotonic() < end:
            now = self._machine.screenshot(path).read_bytes()
            if now in seen:
                return path
            seen.add(now)
            time.sleep(AGAIN)
        raise DeadlinePassed("the screen changes all the time", where=str(path))
