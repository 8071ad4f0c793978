"""Nodes of a cluster that can lose their power, their cable, or a service, and get it back."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from tests.cluster.nodes import ContainerNode, built_tree, container_node
from tests.cluster.schedules import Fault, View
from tests.cluster.several import link_on

from trebol_common.run import CommandRunner, Completed
from trebol_node.cluster.corosync import status

#: The switch that parted nodes are at.
OTHER = "trebol-parted"


class Inside(CommandRunner):
    """Runs programs in a node."""

    def __init__(self, node: ContainerNode) -> None:
        super().__init__()
        self._node = node

    def run(self, command: Sequence[Any], **options: Any) -> Completed:
        """As `CommandRunner.run`."""
        return super().run(
            ("nsenter", f"--target={self._node.leader}", "--all", "--wdns=/", "--", *command), **options
        )


@dataclass
class Rack:
    """The nodes by name, and what each runs in."""

    bridge: str
    names: Sequence[str]
    nodes: dict[str, ContainerNode] = field(default_factory=dict)
    _trees: dict[str, Path] = field(default_factory=dict)
    _running: dict[str, ExitStack] = field(default_factory=dict)

    def boot(self, name: str) -> None:
        """Start a node that is off, and wait for its daemon."""
        link = link_on(self.bridge, name, self.names.index(name) + 1)
        stack = self._running[name] = ExitStack()
        self.nodes[name] = stack.enter_context(container_node(self._trees[name], name, link))
        self.nodes[name].await_state("trebold.service")

    def switch_off(self, name: str) -> None:
        """Cut its power: nothing in it is told."""
        os.kill(self.nodes.pop(name).leader, signal.SIGKILL)
        self._running.pop(name).close()

    def plug(self, name: str, bridge: str) -> None:
        """Have its cable lead to another switch."""
        CommandRunner().run(["ip", "link", "set", f"vb-{name}", "master", bridge])

    def befall(self, fault: Fault, name: str) -> None:
        """Let it happen; what happens to a service of a node that is off happens to nobody."""
        match fault:
            case Fault.OFF:
                self.switch_off(name)
            case Fault.PARTED if name in self.nodes:
                self.plug(name, OTHER)
            case service if name in self.nodes:
                self.nodes[name].run("systemctl", "kill", "--signal=SIGKILL", service.value, check=False)

    def mend(self) -> None:
        """All cables lead to the first switch, and every node has power. Services are not touched."""
        for name in self.nodes:
            self.plug(name, self.bridge)
        for name in self.names:
            if name not in self.nodes:
                self.boot(name)

    def end(self) -> None:
        """All nodes go down in order."""
        for running in self._running.values():
            running.close()

    def views(self) -> dict[str, View]:
        """What corosync says on each node on which it answers."""
        found = {}
        for name, node in self.nodes.items():
            try:
                seen = status.read(Inside(node))
            except status.NotRunning:
                continue
            found[name] = View(seen.quorate, frozenset(each.name for each in seen.members if each.joined))
        return found

    def stores(self) -> set[tuple[int, int]]:
        """Hash and size of what each voter's store holds, all of the last revision that all have."""
        revision = min(int(self._store(name)["header"]["revision"]) for name in self.nodes)
        answers = [self._store(name, revision) for name in self.nodes]
        return {(int(answer["hash"]), int(answer.get("hash_revision", revision))) for answer in answers}

    def _store(self, name: str, revision: int = 0) -> dict[str, Any]:
        node = self.nodes[name]
        keys = node.tree / "etc/trebol/pki"
        answer = requests.post(
            f"https://{node.address}:2379/v3/maintenance/hashkv",
            json={"revision": str(revision)},
            cert=(str(keys / "client.pem"), str(keys / "client.key")),
            verify=str(keys / "ca.pem"),
            timeout=5,
        )
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


@contextmanager
def rack(bridge: str, names: Sequence[str]) -> Iterator[Rack]:
    """Nodes that stand alone, booted at the same time, and a second switch that nobody is at."""
    runner = CommandRunner()
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        runner.run(["ip", "link", "add", OTHER, "type", "bridge"])
        stack.callback(runner.run, ["ip", "link", "delete", OTHER])
        runner.run(["ip", "link", "set", OTHER, "up"])
        made = Rack(bridge, names)
        for name in names:
            made._trees[name] = stack.enter_context(built_tree())
        stack.callback(made.end)
        list(pool.map(made.boot, names))
        yield made
