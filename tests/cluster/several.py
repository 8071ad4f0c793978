"""Several nodes on one switch, which are to become a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType

from tests.cluster.nodes import ContainerNode, Link, built_node

from trebol_common.run import CommandRunner

BRIDGE = "trebol-tests"
#: For joins: packets are late where nodes share two processors with each other, and with other tests.
UNTIMED = ("--force", "rtt-high")
_PREFIX = "10.124.0"
#: This machine, as nodes reach it.
GATEWAY = f"{_PREFIX}.1"


@contextmanager
def switch() -> Iterator[str]:
    """A bridge of this machine's, which is the gateway on it."""
    runner = CommandRunner()
    runner.run(["ip", "link", "add", BRIDGE, "type", "bridge"])
    try:
        runner.run(["ip", "address", "add", f"{GATEWAY}/24", "dev", BRIDGE])
        runner.run(["ip", "link", "set", BRIDGE, "up"])
        yield BRIDGE
    finally:
        runner.run(["ip", "link", "delete", BRIDGE])


def link_on(bridge: str, name: str, number: int) -> Link:
    """The port `number` of the switch."""
    return Link(f"{_PREFIX}.{10 + number}", GATEWAY, f"--network-bridge={bridge}", f"vb-{name}")


@contextmanager
def running_nodes(
    bridge: str,
    names: Sequence[str],
    seeds: Mapping[str, Callable[[Path], None]] = MappingProxyType({}),
    *,
    first: int = 1,
) -> Iterator[list[ContainerNode]]:
    """Nodes that stand alone, booted at the same time; `first` is the number of the first one's port, `seeds` by
    name: see `built_node`."""
    with ExitStack() as stack, ThreadPoolExecutor() as pool:

        def boot(numbered: tuple[int, str]) -> ContainerNode:
            number, name = numbered
            return stack.enter_context(built_node(name, link_on(bridge, name, number), seeds.get(name)))

        yield list(pool.map(boot, enumerate(names, first)))
