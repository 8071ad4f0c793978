"""An installation typed into the screens over the serial line, with the defaults, and what it made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tests.e2e.answering import await_first, await_hardware, choose_country, mark_disk, name_node, unanswered
from tests.e2e.cases import Case
from tests.e2e.lab import Job, Lab, patient
from tests.e2e.nodes import INSTALL_WITHIN, RUNNING_WITHIN, SILENT_FOR, reach_front
from tests.e2e.reached import Reached
from tests.e2e.serial_screen import SerialScreen

from trebol_image.qemu import Firmware, create_disk

CASE = Case("typed", 51, Firmware.BIOS)


@dataclass(frozen=True)
class Typed(Reached):
    """The node that was installed, and the screens on the way: the first line of each → what stood there."""

    case: Case
    screens: dict[str, str]


@contextmanager
def typed(lab: Lab) -> Iterator[Typed]:
    """Boot the medium without answers, type them, have it installed, and boot what was installed."""
    folder, iso = unanswered(lab, CASE)
    targets = CASE.targets([create_disk(folder / "disk1.qcow2", CASE.disk_size)])
    screen = SerialScreen()
    config = replace(CASE.machine(*targets, iso=iso), reboot=False)
    with lab.machine(config, folder / "install", tap=screen.tap) as machine:
        screen.of(machine)
        screens = dict(_screens(screen, lab.public_key))
        machine.wait_for_shutdown(within=patient(INSTALL_WITHIN), silent=patient(SILENT_FOR))
    iso.unlink()
    with lab.machine(CASE.machine(*targets), folder / "boot") as machine:
        reach_front(machine, CASE)
        machine.ssh(f"timeout {patient(RUNNING_WITHIN):.0f} systemctl is-system-running --wait", key=lab.key)
        yield Typed(lab, machine, CASE, screens)


def _screens(screen: SerialScreen, public_key: str) -> Iterator[tuple[str, str]]:
    """Answer one screen after the other, and give its title and what stood there once it was answered."""
    await_first(screen)
    yield "welcome", screen.settled()
    screen.push("< Next >", then="This machine")
    await_hardware(screen)
    yield "hardware", screen.settled()
    screen.push("< Next >", then="Install on")
    mark_disk(screen)
    yield "disks", screen.settled()
    screen.push("< Next >", then="Country")
    choose_country(screen)
    yield "location", screen.settled()
    screen.push("< Next >", then="Full name")
    name_node(screen, CASE, public_key)
    yield "node", screen.settled()
    screen.push("< Next >", then="Interface")
    screen.push("< Test >", then="name server: ")
    yield "network", screen.settled()
    screen.push("< Next >", then="stands alone")
    yield "cluster", screen.settled()
    screen.push("< Next >", then="< Install >")
    yield "review", screen.settled()
    screen.push("< Install >", then="step ")
    yield "progress", screen.wait("step ", " so far")
    screen.wait("Trebol is installed.", within=INSTALL_WITHIN)
    screen.go_to("< Restart >")
    yield "done", screen.text()
    screen.press("enter")


def typed_job() -> Job:
    """The job of the one machine that is installed by hand."""
    return typed
