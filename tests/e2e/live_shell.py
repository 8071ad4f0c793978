"""The root shell of the live system on the serial console, which it offers where an installation cannot begin."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.lab import make_blank, patient

from trebol_common.run import CommandRunner
from trebol_image.qemu import Disk, VirtualMachine
from trebol_image.qemu.seeded import seeded_copy
from trebol_image.qemu.serial import SerialConsole, plain

SHELL_WITHIN = 400.0
EACH_WITHIN = 240.0
#: Serial number and label of the disk with files for the shell, and where it is mounted.
TOOLS = "TOOLS"
TOOLS_AT = "/mnt/tools"


def tools_disk(folder: Path, files: Mapping[str, str]) -> Disk:
    """A small disk with these files: name → text."""
    image = make_blank(folder / "tools.raw", 4 * 2**20)
    runner = CommandRunner()
    runner.run(["mkfs.vfat", "-n", TOOLS, image])
    for name, text in files.items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        runner.run(["mcopy", "-i", image, path, f"::{name}"])
    return Disk(image, TOOLS, format="raw")


def shell_medium(iso: Path, copy: Path) -> Path:
    """A copy of the medium that looks for its answers where there are none."""
    return seeded_copy(iso, copy, "", words=("trebol.answer=/none",))


def reach_shell(machine: VirtualMachine) -> None:
    """Wait for the shell, and mount the disk of `tools_disk`."""
    machine.serial.expect("a root shell follows here", within=patient(SHELL_WITHIN))
    machine.serial.expect(r"# ", within=patient(SHELL_WITHIN))
    # The kernel's messages must not stand between the words of a program.
    shell(machine, f"dmesg -n 1; mkdir -p {TOOLS_AT}; mount -o ro /dev/disk/by-id/virtio-{TOOLS} {TOOLS_AT}")


def shell(machine: VirtualMachine, command: str) -> tuple[int, str]:
    """Exit status and output of a command on the serial console."""
    return shell_on(machine.serial, command)


def shell_on(console: SerialConsole, command: str) -> tuple[int, str]:
    """Exit status and output of a command on this line."""
    start = len(console.text)
    _type(console, command)
    status = _status(console, within=patient(EACH_WITHIN))
    return status, re.sub(r"\r", "", plain(console.text[start:]))


def begin(machine: VirtualMachine, command: str) -> None:
    """Type a command, and do not wait for its end."""
    _type(machine.serial, command)


def end(machine: VirtualMachine, *, within: float) -> int:
    """The exit status of the command that was begun."""
    return _status(machine.serial, within=within)


def _type(console: SerialConsole, command: str) -> None:
    # Its echo must not be taken for what it says.
    console.send(f"{{ {command}; }} 2>&1; echo sta''tus=$?\n")


def _status(console: SerialConsole, *, within: float) -> int:
    return int(console.expect(r"status=(\d+)", within=within)[1])
