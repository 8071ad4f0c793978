"""A person's terminal as the serial console of a virtual machine."""

from __future__ import annotations

import os
import select
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from trebol_image.qemu.serial import SerialConsole

#: Ctrl-], as for telnet and `virsh console`.
ESCAPE = b"\x1d"
#: Seconds between two looks whether the machine has ended while nobody types.
LOOK_AGAIN = 0.2


@contextmanager
def raw_terminal(descriptor: int) -> Iterator[None]:
    """Hand every key on as it is typed (Ctrl-C too), and set the terminal back on leaving."""
    saved = termios.tcgetattr(descriptor)
    tty.setraw(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, saved)


def attach(console: SerialConsole, descriptor: int) -> bool:
    """Type into the machine what is typed at `descriptor`, a terminal, until the machine ends or Ctrl-] is typed.

    Returns whether the machine ended by itself. What the machine prints is the business of the console's tap.
    """
    with raw_terminal(descriptor):
        while not console.wait_end(within=0):
            if not select.select([descriptor], [], [], LOOK_AGAIN)[0]:
                continue
            typed = os.read(descriptor, 4096)
            before, escape, _ = typed.partition(ESCAPE)
            console.send_bytes(before)
            if escape or not typed:
                return False
    return True
