"""A bridge of this host's, on which machines reach each other, and are reached by their own addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from trebol_common.run import CommandRunner
from trebol_image.qemu import Tap

BRIDGE = "trebol-e2e"


@contextmanager
def bridge(address: str, machines: Mapping[str, str]) -> Iterator[dict[str, Tap]]:
    """For each machine, whose own address is given, its port. This host is at `address` (with its prefix length),
    and leads nowhere else."""
    runner = CommandRunner()
    with ExitStack() as stack:
        runner.run(["ip", "link", "add", BRIDGE, "type", "bridge"])
        stack.callback(runner.run, ["ip", "link", "delete", BRIDGE])
        runner.run(["ip", "address", "add", address, "dev", BRIDGE])
        runner.run(["ip", "link", "set", BRIDGE, "up"])
        taps = {}
        for number, (name, own) in enumerate(machines.items()):
            tap = taps[name] = Tap(f"{BRIDGE}-{number}", own)
            runner.run(["ip", "tuntap", "add", "dev", tap.interface, "mode", "tap"])
            stack.callback(runner.run, ["ip", "link", "delete", tap.interface])
            runner.run(["ip", "link", "set", tap.interface, "master", BRIDGE, "up"])
        yield taps
