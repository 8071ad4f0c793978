"""What somebody types into each screen over the serial line; each begins where its screen stands, and stays on it."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.e2e.cases import DOMAIN, PASSWORD, TIMEZONE, Case
from tests.e2e.lab import Lab
from tests.e2e.serial_screen import FIRST_WITHIN, SerialScreen

from trebol_image.qemu.seeded import seeded_copy

#: Seconds in which a machine is looked at.
LOOKED_WITHIN = 120.0


def unanswered(lab: Lab, case: Case, *words: str) -> tuple[Path, Path]:
    """An empty folder for a machine, and in it a medium without answers, with these kernel words."""
    folder = lab.folder / case.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder, seeded_copy(lab.iso, folder / "medium.iso", "", words=words)


def await_first(screen: SerialScreen) -> None:
    """The first screen, which asks for the language."""
    screen.wait("Install Trebol", "Language / Idioma", "< Next >", within=FIRST_WITHIN)


def await_hardware(screen: SerialScreen) -> None:
    """The machine, once it has been looked at."""
    screen.wait("This machine", "processor", "memory ", within=LOOKED_WITHIN)


def mark_disk(screen: SerialScreen, name: str = "vda") -> None:
    """Choose a disk, and see what becomes of it."""
    screen.go_to(f"[ ] {name}")
    screen.press("blank")
    screen.wait(f"[x] {name}", "now  ")


def choose_country(screen: SerialScreen) -> None:
    """Spain, by its first letters; time zone and keyboard come with it."""
    screen.go_to("Country")
    screen.press("enter")
    screen.wait("Type its first letters")
    screen.type("spa", shown="Spain")
    screen.press("enter")
    screen.wait(TIMEZONE)


def name_node(screen: SerialScreen, case: Case, public_key: str) -> None:
    """Name, mail, password and key."""
    for label, text, shown in (
        ("Full name", f"{case.host}.{DOMAIN}", f"{case.host}.{DOMAIN}"),
        ("Mail to", "admin@example.org", "admin@example.org"),
        ("Root password", PASSWORD, "*" * len(PASSWORD)),
        ("Again", PASSWORD, "strong"),
        # The line is longer than the screen is wide: its end is shown.
        ("1 ", public_key, public_key.split()[-1]),
    ):
        screen.go_to(label)
        screen.type(text, shown=shown)
