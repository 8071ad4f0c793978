"""The machine's own screen and keyboard beside its serial line: one drives, the other says so and can take over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.answering import await_first, await_hardware, choose_country, mark_disk, name_node, unanswered
from tests.e2e.cases import Case
from tests.e2e.lab import Job, Lab, patient
from tests.e2e.serial_screen import SHOWN_WITHIN, SerialScreen
from tests.e2e.vga_screen import VgaScreen

from trebol_image.qemu import Firmware, create_disk

CASE = Case("two-consoles", 53, Firmware.UEFI)
ELSEWHERE = "This installation is being answered on tty1"
TAKE_OVER = "< Go on here >"


@dataclass(frozen=True)
class TwoConsoles:
    """`pictures` of the machine's own screen by name, and what stood on the serial line meanwhile."""

    pictures: dict[str, Path]
    serial: dict[str, str]


@contextmanager
def two_consoles(lab: Lab) -> Iterator[TwoConsoles]:
    """Answer in turns on both consoles, up to the review."""
    folder, iso = unanswered(lab, CASE)
    targets = CASE.targets([create_disk(folder / "disk1.qcow2", CASE.disk_size)])
    screen = SerialScreen()
    with lab.machine(CASE.machine(*targets, iso=iso), folder / "install", tap=screen.tap) as machine:
        screen.of(machine)
        yield _answer(screen, VgaScreen(machine, folder), lab.public_key)


def _answer(screen: SerialScreen, own: VgaScreen, public_key: str) -> TwoConsoles:
    seen = TwoConsoles({}, {})

    def on_own_screen(name: str, *keys: str) -> None:
        """What is pressed on the machine's keyboard makes its screen the one that drives."""
        own.press(*keys)
        screen.wait(ELSEWHERE, within=patient(SHOWN_WITHIN))
        seen.serial[name] = screen.settled()
        seen.pictures[name] = own.picture(name)

    await_first(screen)
    seen.pictures["welcome"] = own.picture("welcome")
    # Past the two languages to the button.
    on_own_screen("looking", "tab", "tab", "ret")
    screen.push(TAKE_OVER, then="This machine")
    await_hardware(screen)
    on_own_screen("hardware", "ret")
    screen.push(TAKE_OVER, then="processor")
    screen.push("< Next >", then="Install on")
    mark_disk(screen)
    on_own_screen("disks", "ret")
    screen.push(TAKE_OVER, then="[x] vda")
    screen.push("< Next >", then="Country")
    choose_country(screen)
    screen.push("< Next >", then="Full name")
    name_node(screen, CASE, public_key)
    screen.push("< Next >", then="Interface")
    on_own_screen("network", "ret")
    screen.push(TAKE_OVER, then="Interface")
    screen.push("< Next >", then="stands alone")
    screen.push("< Next >", then="< Install >")
    seen.serial["before"] = screen.settled()
    on_own_screen("review", "ret")
    screen.push(TAKE_OVER, then="< Install >")
    seen.serial["after"] = screen.settled()
    return seen


def two_consoles_job() -> Job:
    """The job of the one machine that is answered so."""
    return two_consoles
