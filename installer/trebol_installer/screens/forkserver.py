"""`python3 -m trebol_installer.screens.forkserver`: loads what the first screen needs once for all consoles.

The initramfs starts it beside the service manager, whose own start takes as long (docs/performance.md). The unit of a
console (trebol-screens@.service) asks in a pipe for a process there, by its name and kind: "ttyS0 vt220".
The process tells its PID in a pipe of that console's. Its parent is the service manager, which follows it.
"""

from __future__ import annotations

import gc
import os
import re
import sys
from fcntl import ioctl
from termios import TIOCSCTTY

from trebol_installer.screens.driver import FOLDER

_REQUEST = re.compile(r"([A-Za-z0-9_/]+) ([A-Za-z0-9-]+)\n")


def main() -> int:
    """Load, then serve for ever."""
    gc.disable()
    from trebol_installer.screens import console

    gc.freeze()
    # For writing too: a pipe that nobody writes to would end.
    with os.fdopen(os.open(FOLDER / "fork", os.O_RDWR | os.O_CLOEXEC), encoding="ascii") as requests:
        for line in requests:
            request = _REQUEST.fullmatch(line)
            if request is None:
                sys.stderr.write(f"no request for a console: {line!r}\n")
            elif _orphan():
                _become(*request.groups())
                return console.run()
    return 0


def _orphan() -> bool:
    """Fork twice, so that the service manager is the parent: true in the new process."""
    if child := os.fork():
        os.waitpid(child, 0)
        return False
    if os.fork():
        os._exit(0)
    return True


def _become(terminal: str, kind: str) -> None:
    """The process of a console, as if its unit had started it."""
    os.setsid()
    descriptor = os.open(f"/dev/{terminal}", os.O_RDWR)
    ioctl(descriptor, TIOCSCTTY, 0)
    os.dup2(descriptor, 0)
    os.dup2(descriptor, 1)
    os.close(descriptor)
    os.environ["TERM"] = kind
    # Whoever asked is gone where this fails.
    started = os.open(FOLDER / f"{terminal}.started", os.O_WRONLY | os.O_NONBLOCK)
    os.write(started, f"{os.getpid()}\n".encode())
    os.close(started)


if __name__ == "__main__":
    sys.exit(main())
