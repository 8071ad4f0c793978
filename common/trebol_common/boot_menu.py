"""GRUB's menu of a node: a value made of kernels and their command line (grub.cfg.j2 beside this file)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

#: Seconds that GRUB waits for a key.
TIMEOUT = 3

#: The configuration that Debian's signed GRUB looks for: it reads the menu.
STUB = "set prefix=($root)/grub\nconfigfile $prefix/grub.cfg\n"


@dataclass(frozen=True)
class SerialPort:
    """A serial port as GRUB names it; `speed` in bits per second."""

    unit: int
    speed: int


def serial_ports(command_line: str) -> tuple[SerialPort, ...]:
    """The serial ports among the console= words, in order: the menu is shown there too."""
    ports = []
    for word in command_line.split():
        if match := re.fullmatch(r"console=ttyS(\d+)(?:,(\d+)\w*)?", word):
            ports.append(SerialPort(int(match[1]), int(match[2] or 9600)))
    # GRUB's serial terminal is one port; the first one named wins.
    return tuple(ports[:1])


def render_menu(
    kernels: Iterable[str], command_line: str, *, title: str = "Trebol", more: tuple[str, ...] = ()
) -> str:
    """The text of grub.cfg: one entry per kernel in the order given, the serial terminal where the kernel has one.

    `more` are archives, by path on the ESP, that are unpacked over each kernel's initramfs.
    """
    # Only writing a menu needs it, and it takes a tenth of a second to load, two under emulation.
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("grub.cfg.j2").render(
        kernels=tuple(kernels),
        more=more,
        command_line=escape(command_line),
        serial=serial_ports(command_line),
        timeout=TIMEOUT,
        title=title,
    )


def escape(command_line: str) -> str:
    """Words for a `linux` line of GRUB, whose quoting is like a shell's: those with special characters are quoted."""
    return " ".join(word if re.fullmatch(r"[\w./:=,@%+-]*", word) else _quote(word) for word in command_line.split())


def _quote(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"
