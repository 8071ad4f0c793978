"""An installation by hand in which a program fails once, and the step is then done again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.e2e.cases import Case
from tests.e2e.lab import Job, Lab, patient
from tests.e2e.live_shell import TOOLS_AT, begin, end, reach_shell, shell, shell_medium, tools_disk
from tests.e2e.nodes import INSTALL_WITHIN, RUNNING_WITHIN, reach_front
from tests.e2e.reached import Reached

from trebol_image.qemu import Firmware, create_disk
from trebol_image.qemu.serial import plain

CASE = Case("retried", 41, Firmware.BIOS)
#: Found before the real one, once.
BROKEN = "#!/bin/sh\nrm /usr/local/sbin/mkfs.vfat\necho 'Input/output error' >&2\nexit 1\n"


@dataclass(frozen=True)
class Retried(Reached):
    """The node that was installed all the same, what the installer said until then, and its exit status."""

    said: str
    status: int


@contextmanager
def retried(lab: Lab) -> Iterator[Retried]:
    """Install from the live system's shell, say retry once, and boot what was installed."""
    folder = lab.folder / CASE.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    iso = shell_medium(lab.iso, folder / "medium.iso")
    targets = CASE.targets([create_disk(folder / "disk1.qcow2", CASE.disk_size)])
    tools = tools_disk(folder, {"answer.toml": CASE.answer_file(lab.public_key), "mkfs.vfat": BROKEN})
    with lab.machine(CASE.machine(*targets, tools, iso=iso), folder / "install") as machine:
        reach_shell(machine)
        shell(machine, f"install --mode=755 {TOOLS_AT}/mkfs.vfat /usr/local/sbin")
        start = len(machine.serial.text)
        begin(machine, f"trebol install --answers {TOOLS_AT}/answer.toml")
        machine.serial.expect("type retry", within=patient(INSTALL_WITHIN))
        machine.serial.send("retry\n")
        status = end(machine, within=patient(INSTALL_WITHIN))
        said = plain(machine.serial.text[start:])
    iso.unlink()
    with lab.machine(CASE.machine(*targets), folder / "boot") as machine:
        reach_front(machine, CASE)
        machine.ssh(f"timeout {patient(RUNNING_WITHIN):.0f} systemctl is-system-running --wait", key=lab.key)
        yield Retried(lab, machine, said, status)


def retried_job() -> Job:
    """The job of the one machine on which a step is done twice."""
    return retried
