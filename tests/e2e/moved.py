"""Installed disks in other machines than the one they were installed in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.e2e.cases import CASES
from tests.e2e.lab import Job, Lab
from tests.e2e.nodes import booted
from tests.e2e.reached import Reached

from trebol_image.qemu import Firmware, VirtualMachine


@dataclass(frozen=True)
class Move:
    """A disk installed as `case`, booted by `firmware` that has no boot entry for it."""

    name: str
    case: str
    firmware: Firmware


MOVES = {
    move.name: move
    for move in (
        Move("bios-to-uefi", "bios", Firmware.UEFI),
        Move("bios-to-secure-boot", "bios", Firmware.SECURE_BOOT),
        Move("uefi-to-bios", "uefi", Firmware.BIOS),
        Move("uefi-to-new-board", "uefi", Firmware.UEFI),
    )
}


@dataclass(frozen=True)
class Moved(Reached):
    """A disk that runs in its new machine."""

    move: Move
    machine: VirtualMachine


@contextmanager
def moved(move: Move, lab: Lab) -> Iterator[Moved]:
    """Install the disk if no other job has, and boot it in its new machine."""
    with booted(CASES[move.case], lab, move.name, move.firmware, None) as machine:
        yield Moved(lab, machine, move)


def moved_job(name: str) -> Job:
    """The job of a move."""
    return lambda lab: moved(MOVES[name], lab)
