"""Three machines on one bridge, installed from the ISO, the third with answers that have it join."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from tests.e2e.bridge import bridge
from tests.e2e.cases import GATEWAY, Case
from tests.e2e.lab import Job, Lab, make_key, patient
from tests.e2e.nodes import RUNNING_WITHIN, installed, reach_front
from tests.e2e.reached import Reached
from tests.e2e.serial_screen import SerialScreen
from tests.e2e.wizard import OnConsole

from trebol_image.qemu import Disk, Firmware, MachineConfig, Nic, Tap, create_disk

CLUSTER = "clover"
#: Agreed before there was a cluster.
TEXT = "5d0c7f6b92e14a38bb6f1e0c3a7d4e21"
#: Emulated machines on two processors answer late, whatever the network.
FORCED = ("rtt-high", "loss", "not-measured")


@dataclass(frozen=True)
class Clustered(Case):
    """One of several machines on the bridge; with `peer`, it joins there on its first boot."""

    peer: str = ""

    def answers(self, public_key: str) -> dict[str, Any]:
        """As of other machines; with a peer, it joins."""
        answers = super().answers(public_key)
        if self.peer:
            answers["cluster"] = {"mode": "join", "peer": self.peer, "token": TEXT, "force": list(FORCED)}
        return answers

    def on(self, tap: Tap, disk: Disk) -> MachineConfig:
        """The installed machine with its management interface on the bridge."""
        config = self.machine(disk)
        *others, management = config.nics
        return replace(config, nics=(*others, Nic(management.mac, tap=tap)))


FIRST = Clustered("first-of-three", 71, Firmware.BIOS, static=True)
SECOND = Clustered("second-of-three", 72, Firmware.BIOS, static=True)
THIRD = Clustered("third-of-three", 73, Firmware.BIOS, static=True, peer=FIRST.address)


@dataclass(frozen=True)
class ThreeNodes:
    """The running nodes; the first with what its serial line shows."""

    first: OnConsole
    second: Reached
    third: Reached

    @property
    def all(self) -> tuple[Reached, Reached, Reached]:
        """The three."""
        return self.first, self.second, self.third


@contextmanager
def three_nodes(lab: Lab) -> Iterator[ThreeNodes]:
    """Install the three one after the other, and boot them one beside the other."""
    cases = (FIRST, SECOND, THIRD)
    installations = [installed(case, lab) for case in cases]
    screen = SerialScreen()
    with ExitStack() as stack:
        taps = stack.enter_context(bridge(f"{GATEWAY}/24", {case.name: case.address for case in cases}))
        nodes = []
        for case, installation in zip(cases, installations, strict=True):
            disk = create_disk(installation.folder / "together.qcow2", backing=installation.disks[0])
            folder = installation.folder / "together"
            shutil.rmtree(folder, ignore_errors=True)
            tap = screen.tap if case is FIRST else None
            machine = stack.enter_context(
                lab.machine(case.on(taps[case.name], *case.targets([disk])), folder, tap=tap)
            )
            reach_front(machine, case)
            nodes.append(Reached(lab, machine))
            # The third is starting for as long as its first boot waits for the cluster.
            if case is not THIRD:
                nodes[-1].ssh(f"timeout {patient(RUNNING_WITHIN):.0f} systemctl is-system-running --wait")
        first, second, third = nodes
        screen.of(first.machine)
        key = make_key(installations[0].folder / "other", reuse=False)
        yield ThreeNodes(OnConsole(lab, first.machine, screen, key), second, third)


def three_nodes_job() -> Job:
    """The job of the three."""
    return three_nodes
