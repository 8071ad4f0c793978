"""An installation that loses its power again and again, at random moments, and is then left in peace."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.e2e.cases import Case
from tests.e2e.installation import Installation
from tests.e2e.lab import Job, Lab, make_blank, patient
from tests.e2e.layouts import LAYOUTS
from tests.e2e.nodes import INSTALL_WITHIN, SILENT_FOR, installed, reach_front
from tests.e2e.reached import Reached

from trebol_image.qemu import Disk
from trebol_image.qemu.errors import DeadlinePassed
from trebol_image.qemu.seeded import seeded_copy
from trebol_image.qemu.serial import plain

CUTS = 10
#: Nothing is written to a disk before this is said.
BEFORE_WRITING = "✓ Verify the medium"
AFTER_WRITING = "Installed. "
LAST_BUT_ONE = "✓ Unmount the target"
#: The mirror has most to leave half done: partitions, array, volume group and two boot partitions.
LAYOUT = "raid1"
SIZE = 12 * 2**30


@dataclass(frozen=True)
class Survivor(Reached):
    """The node that was installed after all the cuts; `moments` in seconds after the first write, and their seed."""

    seed: int
    moments: tuple[float, ...]
    consoles: tuple[str, ...]


@contextmanager
def survivor(lab: Lab) -> Iterator[Survivor]:
    """Install with a power cut, as often as `CUTS` says, then whole, and boot; `TREBOL_SEED` chooses the moments.

    The answers are those for blank disks, without `wipe`: what a run that was cut off leaves is nobody's data.
    """
    usual = LAYOUTS[LAYOUT]
    seed = int(os.environ.get("TREBOL_SEED") or random.SystemRandom().randrange(10**6))
    moments = _moments(installed(usual, lab), seed)
    case = replace(usual, name="power-cut")
    folder = lab.folder / case.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Raw, because QEMU keeps back what tells where things lie in a qcow2, and loses it when it is killed.
    blanks = [make_blank(folder / f"disk{number}.raw", SIZE) for number in range(1, case.disks + 1)]
    disks = [replace(disk, format="raw") for disk in case.targets(blanks)]
    iso = seeded_copy(lab.iso, folder / "medium.iso", case.answer_file(lab.public_key))
    consoles = [
        _cut(case, lab, disks, iso, folder / f"cut{number}", moment) for number, moment in enumerate(moments, 1)
    ]
    with lab.machine(case.machine(*disks, iso=iso), folder / "whole") as machine:
        machine.wait_for_shutdown(within=patient(INSTALL_WITHIN), silent=patient(SILENT_FOR))
        consoles.append(plain(machine.serial.text))
    iso.unlink()
    with lab.machine(case.machine(*disks), folder / "after") as machine:
        reach_front(machine, case)
        machine.ssh(f"timeout {patient(300):.0f} systemctl is-system-running --wait", key=lab.key, check=False)
        yield Survivor(lab, machine, seed, moments, tuple(consoles))


def _moments(usual: Installation, seed: int) -> tuple[float, ...]:
    """Moments spread over all the time in which an installation that is not disturbed writes.

    Not after its last step but one: once a disk is marked as finished, the next run has to ask.
    """
    writing = _when(usual, LAST_BUT_ONE) - _when(usual, BEFORE_WRITING)
    chance = random.Random(seed)
    return tuple(chance.uniform(0, writing) for _ in range(CUTS))


def _when(usual: Installation, words: str) -> float:
    """Seconds from the machine's start to the first line with these words."""
    return next(line.time for line in usual.console if words in line.text)


def _cut(case: Case, lab: Lab, disks: Sequence[Disk], iso: Path, folder: Path, moment: float) -> str:
    """Begin an installation, and cut the power `moment` seconds after it may write; what the console showed."""
    with lab.machine(case.machine(*disks, iso=iso), folder) as machine:
        machine.serial.expect(BEFORE_WRITING, within=patient(INSTALL_WITHIN))
        try:
            machine.serial.expect(AFTER_WRITING, within=moment)
        except DeadlinePassed:
            machine.process.kill()
            machine.process.wait()
        return plain(machine.serial.text)


def power_cut_job() -> Job:
    """The job of the one machine that loses its power."""
    return survivor
