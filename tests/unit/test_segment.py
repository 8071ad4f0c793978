"""What a machine of the end-to-end tests sends reaches the others on its segment, and not itself."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest
from tests.e2e.segment import segment


def test_a_frame_goes_to_all_others_and_never_back() -> None:
    with segment(("a", "b", "c", "absent")) as ends, ExitStack() as stack:
        machines = {}
        for name in ("a", "b", "c"):
            machine = machines[name] = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            machine.bind(str(ends[name][0]))
            machine.settimeout(5)
        machines["a"].sendto(b"a frame", str(ends["a"][1]))
        assert (machines["b"].recv(100), machines["c"].recv(100)) == (b"a frame", b"a frame")
        machines["a"].setblocking(False)
        with pytest.raises(BlockingIOError):
            machines["a"].recv(100)
