"""A cluster of containers on this machine: how long it takes to make one, to join it and to show it, as it grows."""

from __future__ import annotations

import json
import os
import signal
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.cluster.eventually import eventually
from tests.cluster.nodes import ContainerNode
from tests.cluster.several import running_nodes, switch

from bench import clients
from bench.clients import Load, percentile
from bench.figures import Figure, Phase
from bench.node import DAEMONS, main_process, proportional, signed_in
from trebol_common.network import API_PORT

#: The brief's limit of nodes.
NODES = 16

#: At how many nodes it is looked at on the way.
_SIZES = (3, 8, 16, 24)

#: Nodes that boot at the same time: more only wait for each other; beside so many that are there, fewer.
_AT_ONCE, _MANY, _AT_ONCE_BESIDE_MANY = 4, 16, 2

#: How often a command that shows is run.
_LOOKS = 5

#: All members share two processors: not each has measured all others in the time that a preflight has.
_FORCED = ("--force", "rtt-high", "--force", "loss", "--force", "not-measured")

LOAD = Load(clients=50, rate=1.0, seconds=15)


#: Each of a node's services watches files; all containers' are one user's, who may have 128 watchers (inotify(7)).
_WATCHERS = Path("/proc/sys/fs/inotify/max_user_instances")
_OF_A_NODE = 64


@contextmanager
def watched(nodes: int) -> Iterator[None]:
    """Let as many services watch files as so many nodes have."""
    before = _WATCHERS.read_text(encoding="ascii")
    _WATCHERS.write_text(str(max(int(before), nodes * _OF_A_NODE)), encoding="ascii")
    try:
        yield
    finally:
        _WATCHERS.write_text(before, encoding="ascii")


def measure(nodes: int = NODES) -> Iterator[Figure]:
    """Create, join one after the other, and look at the whole as it grows."""
    names = [f"c{number}" for number in range(1, nodes + 1)]
    with watched(nodes), ExitStack() as stack:
        bridge = stack.enter_context(switch())
        found: list[ContainerNode] = []
        handles: list[int] = []

        def boot(wanted: int) -> None:
            while len(found) < wanted:
                start = len(found)
                at_once = _AT_ONCE if start < _MANY else _AT_ONCE_BESIDE_MANY
                part = names[start : min(start + at_once, wanted)]
                booted = stack.enter_context(running_nodes(bridge, part, first=start + 1))
                found.extend(booted)
                handles.extend(os.pidfd_open(each.leader) for each in booted)
                # From here on all go at once: that each leaves the others in order would take minutes.
                stack.callback(_cut_off, handles)

        boot(sizes(nodes)[0])
        yield _created(found[0])
        who = signed_in(found[0])
        size = 1
        for wanted in sizes(nodes):
            # Those that stand alone take processor time too.
            boot(wanted)
            yield _joined(found[0], found[size:wanted], size)
            size = wanted
            yield _shown(found[:size])
            yield from _answers(found[:size], who)
            yield _memory(found[:size])


def _cut_off(handles: list[int]) -> None:
    """Power off all nodes, by pidfd_open(2) of their first processes."""
    while handles:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handles[-1], signal.SIGKILL)
        os.close(handles.pop())


def sizes(nodes: int) -> list[int]:
    """At how many nodes it is looked at."""
    return [*(each for each in _SIZES if each < nodes), nodes]


def _created(first: ContainerNode) -> Figure:
    began = time.perf_counter()
    first.run("trebol", "cluster", "create", "clover")
    return Figure("trebol cluster create", time.perf_counter() - began, "s", "at most 5 s")


def _joined(first: ContainerNode, others: list[ContainerNode], there: int) -> Figure:
    """The median of those that come to a cluster of so many; each of them as a phase."""
    phases = []
    for number, node in enumerate(others, there + 1):
        token = json.loads(first.run("trebol", "cluster", "token", "create", "--json"))["token"]
        began = time.perf_counter()
        node.run("trebol", "cluster", "join", token, *_FORCED)
        phases.append(Phase(f"node {number}", time.perf_counter() - began))
    seconds = [phase.seconds for phase in phases]
    return Figure(
        f"trebol cluster join, {there + 1} to {there + len(others)} nodes",
        statistics.median(seconds),
        "s",
        "at most 10 s per node",
        phases=tuple(phases),
        notes={"slowest": f"{max(seconds):.1f} s"},
    )


def _shown(nodes: list[ContainerNode]) -> Figure:
    """The command, of which most is Python's start."""
    first, wanted = nodes[0], len(nodes)

    def online() -> int:
        return sum(each.get("online", 0) for each in json.loads(first.run("trebol", "cluster", "status", "--json")))

    eventually(lambda: online() == wanted)
    times = []
    for _look in range(_LOOKS):
        began = time.perf_counter()
        first.run("trebol", "cluster", "status")
        times.append(time.perf_counter() - began)
    began = time.perf_counter()
    for _look in range(_LOOKS):
        first.run("trebol", "--version")
    floor = (time.perf_counter() - began) / _LOOKS
    return Figure(
        f"trebol cluster status, {wanted} nodes",
        statistics.median(times) * 1000,
        "ms",
        "at most 200 ms",
        floor * 1000,
        "trebol --version",
    )


def _answers(nodes: list[ContainerNode], who: Sequence[Mapping[str, str]]) -> Iterator[Figure]:
    first = nodes[0]
    paths = [f"/api2/json{path}" for path in ("/cluster/status", "/cluster/resources")]
    found = clients.measure((first.address, API_PORT), paths, who, LOAD)
    for path in paths:
        times = found.milliseconds[path]
        yield Figure(
            f"GET {path.removeprefix('/api2/json')}, p99, {len(nodes)} nodes",
            percentile(times, 99),
            "ms",
            "at most 50 ms with 50 clients",
            notes={"load": str(LOAD), "median": f"{statistics.median(times):.1f} ms"},
        )


def _memory(nodes: list[ContainerNode]) -> Figure:
    """Of the last to come, which votes in the store in small clusters alone."""
    node = nodes[-1]
    units = (*DAEMONS, "trebol-store.service", "corosync.service", "pacemaker.service")
    parts = {}
    for unit in units:
        if main := main_process(node, unit):
            children = node.run("cat", f"/proc/{main}/task/{main}/children").split()
            parts[unit] = sum(proportional(node, each) for each in (main, *map(int, children)))
    return Figure(
        f"memory of the daemons of the last of {len(nodes)} nodes",
        sum(parts.values()),
        "MB",
        notes={unit: f"{size:.0f} MB" for unit, size in parts.items()},
    )
