"""A node whose clock is set by a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.e2e.cases import CASES
from tests.e2e.lab import Job, Lab
from tests.e2e.nodes import booted
from tests.e2e.reached import Reached

from trebol_image.qemu import Firmware


@dataclass(frozen=True)
class Clocked(Reached):
    """A running node, whose time nobody sets right by himself."""

    def jump(self, seconds: int) -> None:
        """Set the clock so much ahead, or back."""
        self.ssh(f"date --set=@$(($(date +%s) + {seconds}))")


@contextmanager
def clocked(lab: Lab) -> Iterator[Clocked]:
    """Boot an installed disk, and let its time be."""
    with booted(CASES["bios"], lab, "clock", Firmware.BIOS, None) as machine:
        found = Clocked(lab, machine)
        found.ssh("systemctl stop chrony.service")
        yield found


def clock_job() -> Job:
    """The job of this node."""
    return clocked
