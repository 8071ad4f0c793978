"""An installation by somebody with a USB stick in hand, a list of keys on a server, and a switch in the rack.

A step fails, so that there are logs to carry away.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.e2e.answering import await_first, await_hardware, choose_country, mark_disk, name_node, unanswered
from tests.e2e.cases import Case
from tests.e2e.lab import Job, Lab, make_blank
from tests.e2e.second_line import WORDS, break_mkfs, done, second_line
from tests.e2e.serial_screen import SerialScreen
from tests.e2e.switch import switch

from trebol_common.run import CommandRunner
from trebol_image.qemu import WEB_SERVER, Bus, Disk, Firmware, MediumKind, create_disk
from trebol_image.qemu.serial import SerialConsole

CASE = Case("surroundings", 55, Firmware.UEFI, medium=MediumKind.USB)
SWITCH, PORT = "rack7-tor", "Ethernet1/7"
WIRED_MAC = "52:54:00:7b:03:37"
KEY_ON_STICK = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6dv0yYzqg1k3nqVbX1mQnN7m0dYc5cVQYwqk2u1Rst stick@trebol"
KEY_ON_SERVER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC8lq5eJYz0r4pYl0M6m9cQm2bq1sVxg3m8bq0s7nUvw server@trebol"
KEYS_URL = f"http://{WEB_SERVER}/admin.keys"
#: An address comes first, for which the live system waits up to a minute.
FETCHED_WITHIN = 120.0
#: MiB: layers are read ahead where they take less than half of what is free.
MEMORY = 4096
#: Switches are listened to for 65 s from the first screen on.
HEARD_WITHIN = 120.0
#: What a terminal sends for Ctrl+X.
TO_SHELL = "\x18"


@dataclass(frozen=True)
class Surroundings:
    """What stood on the screens, by name; what the shell said beside them; the files in the logs on the stick."""

    screens: dict[str, str]
    said: dict[str, str]
    logs: dict[str, str]


#: What is asked of the live system while the screens are answered.
ASKED = {
    "read ahead": "systemctl is-active trebol-live-hash.service",
    # The text of the console that Alt+F3 shows (vcs(4)).
    "log": "fold -w 80 /dev/vcs3",
}


@contextmanager
def surroundings(lab: Lab) -> Iterator[Surroundings]:
    """Answer with what stands around the machine, have a step fail, and take the logs away."""
    folder, iso = unanswered(lab, CASE, *WORDS)
    stick = _stick(folder)
    targets = CASE.targets([create_disk(folder / "disk1.qcow2", CASE.disk_size)])
    screen = SerialScreen()
    with second_line(folder / "second.log") as line, switch(SWITCH, PORT) as wire:
        machine = CASE.machine(
            *targets,
            Disk(stick, "STICK", Bus.USB, format="raw", removable=True),
            iso=iso,
            response=_keys_on_server(folder),
        )
        config = line.of(wire.of(replace(machine, memory=MEMORY), WIRED_MAC))
        with lab.machine(config, folder / "install", tap=screen.tap) as running, line.shell() as shell:
            screen.of(running)
            screens = dict(_screens(screen, shell, lab.public_key))
            said = {name: done(shell, command) for name, command in ASKED.items()}
    yield Surroundings(screens, said, _logs(stick, folder))


def _stick(folder: Path) -> Path:
    """A stick as people have them: a file system on the whole of it, somebody's keys."""
    stick = make_blank(folder / "stick.raw", 64 * 2**20)
    keys = folder / "admin.pub"
    keys.write_text(f"{KEY_ON_STICK}\n", encoding="utf-8")
    runner = CommandRunner()
    runner.run(["mkfs.vfat", "-n", "KEYS", stick])
    runner.run(["mcopy", "-i", stick, keys, "::"])
    return stick


def _keys_on_server(folder: Path) -> Path:
    response = folder.absolute() / "response"
    body = f"{KEY_ON_SERVER}\n"
    response.write_text(f"HTTP/1.0 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}", encoding="utf-8", newline="")
    return response


def _screens(screen: SerialScreen, shell: SerialConsole, public_key: str) -> Iterator[tuple[str, str]]:
    await_first(screen)
    screen.press(TO_SHELL)
    screen.wait("# ")
    screen.type("echo in the sh''ell\r", shown="in the shell")
    yield "shell", screen.text()
    screen.press(*"exit\r")
    screen.wait("Install Trebol")
    screen.push("< Next >", then="This machine")
    await_hardware(screen)
    screen.push("< Next >", then="Install on")
    mark_disk(screen)
    screen.push("< Next >", then="Country")
    choose_country(screen)
    screen.push("< Next >", then="Full name")
    name_node(screen, CASE, public_key)
    screen.push("< Keys from USB stick >", then="1 key from the USB stick")
    yield "keys from a stick", screen.settled()
    screen.go_to("URL ")
    screen.type(KEYS_URL, shown=KEYS_URL)
    screen.go_to("< Keys from URL >")
    screen.press("enter")
    screen.wait(f"1 key from {KEYS_URL}", within=FETCHED_WITHIN)
    yield "keys from a server", screen.settled()
    screen.push("< Next >", then="Interface")
    screen.wait(WIRED_MAC, SWITCH, within=HEARD_WITHIN)
    yield "network", screen.settled()
    screen.push("< Next >", then="stands alone")
    screen.push("< Next >", then="< Install >")
    yield "review", screen.settled()
    break_mkfs(shell)
    screen.push("< Install >", then="The installation failed")
    screen.push("< Save logs to USB >", then="which can be taken out")
    yield "saved", screen.settled()


def _logs(stick: Path, folder: Path) -> dict[str, str]:
    """The files in the archive on the stick, by their names in it."""
    runner = CommandRunner()
    name = next(line for line in runner.run(["mdir", "-b", "-i", stick]).stdout.split() if "trebol-logs" in line)
    archive = folder / "logs.tar.gz"
    runner.run(["mcopy", "-n", "-i", stick, name, archive])
    with tarfile.open(archive) as files:
        return {
            Path(member.name).name: content.read().decode()
            for member in files
            if (content := files.extractfile(member)) is not None
        }


def surroundings_job() -> Job:
    """The job of the one machine that is answered so."""
    return surroundings
