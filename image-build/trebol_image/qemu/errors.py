"""What can go wrong with a virtual machine; each error quotes the end of the console, where the reason stands."""

from __future__ import annotations

from collections.abc import Sequence

from trebol_common.errors import TrebolError

#: Lines of a console that an error quotes.
TAIL = 30


def quote(lines: Sequence[str], *, tail: int = TAIL) -> str:
    """The last lines, indented, to stand below an error's first line."""
    kept = [line for line in lines if line.strip()][-tail:]
    return "".join(f"\n    | {line}" for line in kept) or "\n    | (nothing)"


class DeadlinePassed(TrebolError):
    """What was waited for did not happen in time."""


class MachineEnded(TrebolError):
    """The virtual machine (or its QEMU) ended while something else was waited for."""


class EmulatorFault(TrebolError):
    """QEMU crashed, or its software emulation broke the guest's kernel; what was tested may be tried again."""
