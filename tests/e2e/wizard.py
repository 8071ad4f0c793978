"""The wizard on the serial line of a node that was installed from the ISO, driven by keys."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.cases import CASES
from tests.e2e.lab import Job, Lab, make_key, patient
from tests.e2e.nodes import RUNNING_WITHIN, installed, reach_front
from tests.e2e.reached import Reached
from tests.e2e.serial_screen import SerialScreen

from trebol_image.qemu import create_disk

CASE = CASES["bios"]
#: The longest text that stands in a field before another one is typed.
LONGEST = 60


@dataclass(frozen=True)
class OnConsole(Reached):
    """The node, its serial line, and a key that gets nobody in yet."""

    screen: SerialScreen
    other_key: Path

    def log_in(self, password: str, *, then: str) -> None:
        """From the first page, or from a login that failed."""
        if "Password" not in self.screen.settled():
            self.screen.push("< Log in >", then="Password")
        self.screen.go_to("Password")
        self.screen.type(password, shown="*" * len(password))
        self.screen.push("< Log in >", then=then)

    def open(self, topic: str, *, then: str) -> None:
        """A topic of the menu, from the menu or another topic."""
        if "This node" not in self.screen.settled():
            self.screen.push("< Back >", then="This node")
        self.screen.push(f"< {topic} >", then=then)

    def replace(self, label: str, text: str) -> None:
        """Another text in a field."""
        self.screen.go_to(label)
        self.screen.press("end", *["backspace"] * LONGEST)
        self.screen.type(text, shown=text)


@contextmanager
def wizard(lab: Lab) -> Iterator[OnConsole]:
    """Boot an installed node, and wait for the first page."""
    installation = installed(CASE, lab)
    disk = create_disk(installation.folder / "wizard.qcow2", backing=installation.disks[0])
    folder = installation.folder / "wizard"
    shutil.rmtree(folder, ignore_errors=True)
    screen = SerialScreen()
    with lab.machine(CASE.machine(*CASE.targets([disk])), folder, tap=screen.tap) as machine:
        screen.of(machine)
        reach_front(machine, CASE)
        machine.ssh(f"timeout {patient(RUNNING_WITHIN):.0f} systemctl is-system-running --wait", key=lab.key)
        yield OnConsole(lab, machine, screen, make_key(folder / "other", reuse=False))


def wizard_job() -> Job:
    """The job of the one node that is run from its console."""
    return wizard
