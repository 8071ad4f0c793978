"""A switch without a memory: each machine's frames go to all others, and never back to itself."""

from __future__ import annotations

import selectors
import socket
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_LARGEST = 65536
#: Seconds between two looks whether it is over.
_LOOK = 0.5


@contextmanager
def segment(names: Sequence[str]) -> Iterator[dict[str, tuple[Path, Path]]]:
    """For each machine its own socket, which it makes, and the switch's port for it."""
    with tempfile.TemporaryDirectory(prefix="trebol-segment-") as folder, ExitStack() as stack:
        ends = {name: (Path(folder, name), Path(folder, f"{name}.port")) for name in names}
        ports = {}
        for machine, port in ends.values():
            bound = ports[machine] = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            bound.bind(str(port))
            bound.setblocking(False)
        over = threading.Event()
        passing = threading.Thread(target=_pass_on, args=(ports, over))
        passing.start()
        try:
            yield ends
        finally:
            over.set()
            passing.join()


def _pass_on(ports: dict[Path, socket.socket], over: threading.Event) -> None:
    with selectors.DefaultSelector() as selector:
        for machine, port in ports.items():
            selector.register(port, selectors.EVENT_READ, machine)
        while not over.is_set():
            for key, _events in selector.select(timeout=_LOOK):
                with suppress(BlockingIOError):
                    frame = ports[key.data].recv(_LARGEST)
                    for machine, port in ports.items():
                        # A machine that is not there, or does not take it now, loses it: it is a network.
                        if machine != key.data:
                            with suppress(OSError):
                                port.sendto(frame, str(machine))
