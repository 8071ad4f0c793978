"""A second network for nodes that run: a bridge of its own, and a cable from each node to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tests.cluster.nodes import ContainerNode

from trebol_common.run import CommandRunner

BRIDGE = "trebol-second"
#: What the nodes call it.
INTERFACE = "second"
_PREFIX = "10.125.0"


def address(number: int) -> str:
    """Of the node with that number."""
    return f"{_PREFIX}.{10 + number}"


def cable(node: ContainerNode) -> str:
    """This machine's end."""
    return f"second-{node.name}"


@contextmanager
def second_network(nodes: Iterable[ContainerNode]) -> Iterator[None]:
    """While it is there, each node has an address on it, by its place in `nodes` from 1 on."""
    runner = CommandRunner()
    runner.run(["ip", "link", "add", BRIDGE, "type", "bridge"])
    runner.run(["ip", "link", "set", BRIDGE, "up"])
    try:
        for number, node in enumerate(nodes, 1):
            end = ("peer", "name", INTERFACE, "netns", str(node.leader))
            runner.run(["ip", "link", "add", cable(node), "type", "veth", *end])
            runner.run(["ip", "link", "set", cable(node), "master", BRIDGE, "up"])
            give(node, address(number))
            node.run("ip", "link", "set", INTERFACE, "up")
        yield
    finally:
        runner.run(["ip", "link", "delete", BRIDGE])


def give(node: ContainerNode, text: str) -> None:
    """One more address, which its daemon sees within 10 s."""
    node.run("ip", "address", "add", f"{text}/24", "dev", INTERFACE)


def plug(node: ContainerNode, *, plugged: bool) -> None:
    """Put the cable in, or pull it."""
    CommandRunner().run(["ip", "link", "set", cable(node), "up" if plugged else "down"])
