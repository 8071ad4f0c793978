"""A medium whose answers leave the network to be asked: only that screen appears, then the review."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import tomli_w
from tests.e2e.cases import Case
from tests.e2e.lab import Job, Lab
from tests.e2e.serial_screen import FIRST_WITHIN, SerialScreen

from trebol_image.qemu import Firmware, create_disk
from trebol_image.qemu.seeded import seeded_copy

CASE = Case("partly", 56, Firmware.BIOS)
ADDRESS = "10.0.2.106/24"


@dataclass(frozen=True)
class Partly:
    """What stood on the screens, one after the other."""

    screens: tuple[str, ...]


@contextmanager
def partly(lab: Lab) -> Iterator[Partly]:
    """Boot, answer what is asked, and come to the review."""
    folder = lab.folder / CASE.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    answers = CASE.answers(lab.public_key)
    del answers["network"]
    answers["interactive"] = {"ask": ["network"]}
    medium = seeded_copy(lab.iso, folder / "medium.iso", tomli_w.dumps(answers))
    targets = CASE.targets([create_disk(folder / "disk1.qcow2", CASE.disk_size)])
    screen = SerialScreen()
    with lab.machine(CASE.machine(*targets, iso=medium), folder / "install", tap=screen.tap) as machine:
        screen.of(machine)
        yield Partly(tuple(_screens(screen)))


def _screens(screen: SerialScreen) -> Iterator[str]:
    screen.wait("Interface", within=FIRST_WITHIN)
    yield screen.settled()
    screen.go_to("Address")
    screen.press("enter", "down", "enter")
    for label, text in (("IP address", ADDRESS), ("Gateway", "10.0.2.2"), ("Name server", "10.0.2.3")):
        screen.go_to(label)
        screen.type(text, shown=text)
    screen.go_to(CASE.mac)
    screen.press("blank")
    screen.push("< Next >", then="What will be done")
    screen.wait("< Install >")
    yield screen.settled()


def partly_job() -> Job:
    """The job of the one machine that is answered so."""
    return partly
