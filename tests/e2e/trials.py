"""A node whose network is changed on trial, by somebody who sits at its serial console."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.e2e.cases import CASES, Case
from tests.e2e.lab import Job, Lab, patient
from tests.e2e.live_shell import begin, end, shell
from tests.e2e.nodes import booted, log_in, reach_front
from tests.e2e.reached import Reached

from trebol_image.qemu import Firmware

#: With a fixed address, a gateway, and its second NIC in the bridge.
CASE = CASES["bios"]
NIC = 1
API = "/nodes/localhost/network"

#: What a trial must leave as it was, and what it must not leave behind.
_LOOK = """\
cat /etc/netplan/*.yaml
ip -4 -oneline address show vmbr0
ip -4 route show
cat /sys/class/net/vmbr0/mtu
for file in /run/netplan/50-trebol.yaml /run/trebol/network/trial.json; do if test -e $file; then echo $file; fi; done
"""


@dataclass(frozen=True)
class Tried(Reached):
    """The node."""

    case: Case

    def network(self) -> str:
        """Its netplan, address, routes and MTU, and the files of a trial that is not over."""
        return self.ssh(_LOOK)

    def log_in(self) -> None:
        """Have root's shell on the serial line, from the wizard or where it is already."""
        log_in(self.machine.serial, self.case)
        # The kernel's messages must not stand between the words of a program.
        shell(self.machine, "dmesg -n 1")

    def change(self, **settings: str) -> str:
        """Apply these settings of the bridge, and follow the task on the serial line; its UPID."""
        given = " ".join(f"{name}={value}" for name, value in settings.items())
        status, said = shell(
            self.machine, f"trebol api set {API}/vmbr0 type=bridge {given} && trebol node network apply"
        )
        found = re.search(r"UPID:\S+:", said)
        assert status == 0 and found, said
        begin(self.machine, f"trebol node tasks {found[0]} --wait")
        return found[0]

    def await_trial(self) -> None:
        """Wait until the change is in force."""
        self.machine.serial.expect(r"confirm within \d+ s to keep it", within=patient(120))

    def await_end(self) -> int:
        """Wait for the end of the task that is followed; 1 where the change was undone."""
        return end(self.machine, within=patient(240))

    def exit_status(self, upid: str) -> str:
        """How a task ended."""
        found: str = self.json(f"trebol api get /nodes/localhost/tasks/{upid}/status --json")["exitstatus"]
        return found

    def forget(self) -> None:
        """Have no change prepared any more."""
        self.ssh(f"trebol api delete {API}")

    def reach(self) -> None:
        """Wait until it is there again after a boot."""
        reach_front(self.machine, self.case)
        self.settle()

    def settle(self) -> None:
        """Wait until everything has started."""
        self.ssh("systemctl is-system-running --wait || true")


@contextmanager
def tried(lab: Lab) -> Iterator[Tried]:
    """Boot the installed node."""
    with booted(CASE, lab, "trials", Firmware.BIOS, None) as machine:
        node = Tried(lab, machine, CASE)
        node.settle()
        yield node


def trials_job() -> Job:
    """The job."""
    return tried
