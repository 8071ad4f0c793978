"""The medium's boot menu, an entry chosen by keys on the serial line, and what comes of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tests.e2e.lab import Job, Lab
from tests.e2e.layouts import LAYOUTS
from tests.e2e.nodes import FRONT, installed
from tests.e2e.serial_screen import SerialScreen

from trebol_common.run import CommandRunner
from trebol_image.qemu import Disk, Firmware, MachineConfig, Medium, create_disk
from trebol_image.seed import Seed, console_words, write_seed

MENU_WITHIN = 120.0
LED_WITHIN = 400.0
MEMORY_TEST = "Test the memory"
#: The node on the disk, where an entry needs one.
NODE = LAYOUTS["raid1"]


@dataclass(frozen=True)
class Entry:
    """An entry by the beginning of its label, and the words that stand on the serial line after it was chosen."""

    name: str
    firmware: Firmware
    label: str
    says: tuple[str, ...]
    with_node: bool = False


ENTRIES = {
    entry.name: entry
    for entry in (
        Entry("menu-memory-bios", Firmware.BIOS, MEMORY_TEST, ("Memtest86+", "Errors:")),
        Entry("menu-memory-uefi", Firmware.UEFI, MEMORY_TEST, ("Memtest86+", "Errors:")),
        Entry(
            "menu-unattended",
            Firmware.SECURE_BOOT,
            "Install Trebol by the answers",
            ("no answers were found", "answer.slot: empty"),
        ),
        Entry("menu-disk-bios", Firmware.BIOS, "Boot from the first disk", (NODE.host, f"< {FRONT} >"), True),
        Entry("menu-disk-uefi", Firmware.UEFI, "Boot from the first disk", (NODE.host, f"< {FRONT} >"), True),
    )
}


@dataclass(frozen=True)
class Chosen:
    """What stood in the menu, and on the line once the entry had led somewhere."""

    entry: Entry
    menu: str
    shown: str


@contextmanager
def chosen(entry: Entry, lab: Lab) -> Iterator[Chosen]:
    """Wait for the menu, go down to the entry, and see where it leads."""
    folder = lab.folder / entry.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    medium = folder / "medium.iso"
    CommandRunner().run(["cp", "--reflink=auto", lab.iso, medium])
    medium.chmod(0o644)
    write_seed(medium, Seed("", console_words("ttyS0"), autostart=False))
    disks: tuple[Disk, ...] = ()
    if entry.with_node:
        images = installed(NODE, lab).disks
        disks = NODE.targets(
            create_disk(folder / f"disk{number}.qcow2", backing=disk) for number, disk in enumerate(images, 1)
        )
    screen = SerialScreen()
    config = replace(MachineConfig(firmware=entry.firmware, medium=Medium(medium), disks=disks), nics=())
    with lab.machine(config, folder / "medium", tap=screen.tap) as machine:
        screen.of(machine)
        screen.wait("*Install Trebol", within=MENU_WITHIN)
        menu = screen.settled()
        while f"*{entry.label}" not in screen.settled():
            assert entry.label in menu, menu
            screen.press("down")
        screen.press("enter")
        yield Chosen(entry, menu, screen.wait(*entry.says, within=LED_WITHIN))
    medium.unlink()


def entry_job(name: str) -> Job:
    """The job of an entry."""
    return lambda lab: chosen(ENTRIES[name], lab)
