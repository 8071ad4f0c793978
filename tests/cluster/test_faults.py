"""Random faults, one schedule after the other on the same three nodes: never two quorate halves, nothing that the
store acknowledged is lost, and the cluster heals by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

import pytest
from tests.cluster.eventually import eventually
from tests.cluster.nodes import ContainerNode
from tests.cluster.rack import Rack, rack
from tests.cluster.schedules import Fault, Schedule, View, halves, schedule, settled
from tests.cluster.several import UNTIMED, switch

NAMES = ("n1", "n2", "n3")
#: Each takes a quarter of a minute and more.
SCHEDULES = 200
#: Seconds: corosync loses a token within 4 s, a node boots in 15 s on a quiet machine.
SETTLED_WITHIN, HEALED_WITHIN = 90.0, 180.0

NAMED: Mapping[str, Sequence[tuple[Fault, str]]] = {
    "two and one": [(Fault.PARTED, "n3")],
    "its power is cut": [(Fault.OFF, "n2")],
    "corosync is killed": [(Fault.COROSYNC, "n1")],
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Rack]:
    """Three nodes as one cluster, each of which votes in the store."""
    with switch() as bridge, rack(bridge, NAMES) as made:
        first = made.nodes[NAMES[0]]
        first.run("trebol", "cluster", "create", "clover")
        for name in NAMES[1:]:
            token = json.loads(first.run("trebol", "cluster", "token", "create", "--json"))["token"]
            made.nodes[name].run("trebol", "cluster", "join", token, *UNTIMED)
        yield made


@pytest.mark.parametrize("case", NAMED)
def test_a_minority_writes_nothing_and_all_is_well_once_it_is_back(cluster: Rack, case: str) -> None:
    bear(cluster, Schedule(case, tuple(NAMED[case])))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SCHEDULES))
def test_the_cluster_bears_what_befalls_it(cluster: Rack, seed: int) -> None:
    bear(cluster, schedule(seed, NAMES))


def bear(cluster: Rack, faults: Schedule) -> None:
    """Have it all happen, look meanwhile, and wait until all is well again."""
    kept, parts = Kept(), Parts(cluster)
    healed(cluster, parts, kept)
    assert write(cluster.nodes[NAMES[0]], kept, f"before {faults.name}")
    for fault, name in faults.faults:
        cluster.befall(fault, name)
    sides = faults.sides(NAMES)
    eventually(lambda: settled(parts.look(), sides, len(NAMES)), within=SETTLED_WITHIN)
    for side in sides:
        acknowledged = write(cluster.nodes[min(side)], kept, f"amid {faults.name}")
        assert 2 * len(side) > len(NAMES) or not acknowledged, f"{faults}: {sorted(side)} wrote without a quorum"
    cluster.mend()
    healed(cluster, parts, kept)
    assert not parts.wrong, str(faults)


class Parts:
    """What the nodes see, and each moment at which two parts of them had quorum.

    Corosync tells who is there some milliseconds before it has counted their votes: what is seen once more counts.
    """

    def __init__(self, cluster: Rack) -> None:
        self._cluster = cluster
        self.wrong: list[dict[str, View]] = []

    def look(self) -> dict[str, View]:
        """At this moment."""
        views = self._cluster.views()
        if found := halves(views):
            again = self._cluster.views()
            if not set(found).isdisjoint(halves(again)):
                self.wrong += [views, again]
        return views


class Kept:
    """What the store has to hold: what it acknowledged last, or what it may have taken since."""

    def __init__(self, *values: str) -> None:
        self.values = set(values)

    def await_known(self, node: ContainerNode) -> None:
        """Wait until the node has it: one whose store was alone for a while shows what it knew for a moment."""
        told: list[str] = []

        def is_known() -> bool:
            told.append(node.run("trebol", "api", "get", "/cluster/options"))
            return any(value in told[-1] for value in self.values)

        try:
            eventually(lambda: not self.values or is_known(), within=HEALED_WITHIN)
        except AssertionError as error:
            raise AssertionError(f"{node.name} has {told[-1]}, not {self.values}") from error


def write(node: ContainerNode, kept: Kept, value: str) -> bool:
    """Whether the store acknowledged it."""
    said = node.run(
        "sh", "-c", 'trebol api set /cluster/options "$1" && echo DONE', "sh", f"description={value}", check=False
    )
    if "DONE" not in said:
        kept.values.add(value)
        return False
    kept.values = {value}
    return True


def healed(cluster: Rack, parts: Parts, kept: Kept) -> None:
    """Wait until all is as it should be, without a hand."""
    eventually(lambda: settled(parts.look(), [frozenset(NAMES)], len(NAMES)), within=HEALED_WITHIN)
    eventually(lambda: len(cluster.stores()) == 1, within=HEALED_WITHIN)
    for node in cluster.nodes.values():
        for unit in ("trebold", "trebol-worker", "trebol-store", "corosync", "pacemaker"):
            node.await_state(f"{unit}.service")
        eventually(lambda node=node: online(node) == set(NAMES), within=HEALED_WITHIN)  # type: ignore[misc]
        kept.await_known(node)


def online(node: ContainerNode) -> set[str]:
    """Whom pacemaker sees online and clean."""
    told = node.run("crm_mon", "--one-shot", "--inactive", "--output-as=text")
    (line,) = [line for line in told.splitlines() if "Online:" in line]
    return set(line[line.index("[") + 1 : line.index("]")].split())
