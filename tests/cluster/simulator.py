"""corosync-vqsim: votequorum itself, with nodes that are processes and a network that is a list."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pexpect.popen_spawn import PopenSpawn

#: It has room for the seven characters of a path and no more (vqsim/vqmain.c, a sizeof of a sizeof).
CONFIGURATION = "vq.conf"

#: Seconds that votequorum has to decide: it takes milliseconds.
PATIENCE = 20

_NODE = re.compile(r"^(\d+):(\d+): q=(\d) ring=\[([\d.a-f]+)\] nodes=\[([\d ]*)\]", re.MULTILINE)
_END = "#autofence: "


@dataclass(frozen=True)
class Told:
    """What a node says: whether it has quorum, in which ring, and which nodes it sees.

    Each partition counts its rings by itself, and that of the whole network is ahead of the others.
    """

    quorate: bool
    ring: str
    sees: frozenset[int]


class Simulator:
    """The nodes of a corosync.conf, all in one partition at first."""

    def __init__(self, program: PopenSpawn[str]) -> None:
        self._program = program

    def split(self, partitions: Sequence[Iterable[int]]) -> dict[int, bool]:
        """Part the network; nodes that see each other stand together. Number of node → whether it has quorum.

        Those of a partition have seen each other before, so that what they say first is what they decide.
        """
        return {node: each.quorate for node, each in self._move(partitions).items()}

    def heal(self, nodes: Iterable[int]) -> None:
        """One network again, in which all have quorum."""
        everybody = sorted(nodes)
        self._move([everybody])
        # Those who come back are heard one after the other.
        self.becomes(dict.fromkeys(everybody, True))

    def _move(self, partitions: Sequence[Iterable[int]]) -> dict[int, Told]:
        """Once each node is in its new ring, though the same nodes be in it."""
        before = self._show()
        wanted = {node: frozenset(members) for members in map(tuple, partitions) for node in members}
        moves = (f"{at}:{','.join(map(str, members))}" for at, members in enumerate(partitions))
        self._program.sendline(f"move {' '.join(moves)}")
        return self._wait(
            lambda told: told.keys() == wanted.keys()
            and all(
                told[node].sees == sees and (node not in before or told[node].ring != before[node].ring)
                for node, sees in wanted.items()
            )
        )

    def device(self, on: bool, nodes: Iterable[int]) -> None:
        """Have the quorum device give its votes to these nodes, or take them away."""
        self._program.sendline(f"qdevice {'on' if on else 'off'} {','.join(map(str, nodes))}")

    def becomes(self, quorate: Mapping[int, bool]) -> None:
        """Wait until nodes have quorum, or have not, as wanted; a device's word takes a while."""
        self._wait(lambda told: {node: each.quorate for node, each in told.items()} == quorate)

    def restart(self, node: int, partition: int) -> dict[int, bool]:
        """A node starts anew, in a partition of its own. Number of node → whether it has quorum."""
        self._program.sendline(f"down {node}")
        self._wait(lambda told: node not in told)
        self._program.sendline(f"up {partition}:{node}")
        # The first ring of all is that of before it has a network.
        found = self._wait(lambda told: node in told and told[node].ring != f"{node}.1")
        return {number: each.quorate for number, each in found.items()}

    def _wait(self, ready: Callable[[dict[int, Told]], bool]) -> dict[int, Told]:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if ready(told := self._show()):
                return told
        raise AssertionError(f"votequorum stays at {self._show()}")

    def _show(self) -> dict[int, Told]:
        self._program.sendline("show")
        self._program.expect_exact(_END, timeout=PATIENCE)
        said = str(self._program.before)
        return {
            int(node): Told(quorate == "1", ring, frozenset(map(int, sees.split())))
            for _partition, node, quorate, ring, sees in _NODE.findall(said)
        }


@contextmanager
def simulated(text: str, folder: Path, nodes: Iterable[int]) -> Iterator[Simulator]:
    """The nodes of a corosync.conf, once all of them have quorum."""
    (folder / CONFIGURATION).write_text(text)
    program = PopenSpawn(
        ["corosync-vqsim", "-n", "-c", CONFIGURATION], cwd=folder, encoding="utf-8", timeout=PATIENCE
    )
    try:
        simulator = Simulator(program)
        simulator.heal(nodes)
        yield simulator
    finally:
        # It ends its nodes when its input ends.
        program.sendeof()
        program.proc.wait(PATIENCE)
