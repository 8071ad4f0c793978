"""The program that reads and measures, in a unit that systemd makes for the while.

The worker may not bind ports, and must not read raw frames; neither does it get to, for the seconds that somebody
joins. So its program runs outside of the worker's sandbox, in one that has just what it needs.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from trebol_common.errors import TrebolError
from trebol_common.run import Runner
from trebol_node.cluster.preflight.facts import HostFacts, PathFacts
from trebol_node.cluster.preflight.program import FACTS, MEASURE
from trebol_node.cluster.preflight.questions import FactsQuestion, Measured, MeasureQuestion

#: Each has a name of its own: systemd 257 was seen to keep one that had ended, and to start none of its name then.
#: That one measures at a time follows from the responder's port.
UNIT = "trebol-preflight-{ident}.service"

_PROGRAM = (sys.executable, "-P", "-m", "trebol_node.cluster.preflight.program")

#: Seconds after which systemd ends it, whatever it waits for.
_LIMIT = 30

SANDBOX = (
    "NoNewPrivileges=yes",
    # ProtectSystem=strict leaves /proc, /sys and /dev writable, this does not. Modules and the kernel's log need
    # capabilities that there are none of. Each setting of Protect… brings mounts, which all together take longer than
    # the program.
    "ReadOnlyPaths=/",
    "DevicePolicy=closed",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "SystemCallArchitectures=native",
)

#: Whose socket it is stands in folders of processes, which are their users' (ptrace(2)); chronyc has its own socket
#: beside chronyd's.
READS = (
    "CapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_SYS_PTRACE",
    "RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6",
    "ReadWritePaths=-/run/chrony",
)

#: Raw frames for ARP; all its ports are above 1024.
MEASURES = (
    "CapabilityBoundingSet=CAP_NET_RAW",
    "RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6 AF_PACKET",
    "PrivateDevices=yes",
)


class Measures(Protocol):
    """Reads the facts of this host, and measures from it. Both raise TrebolError where that cannot be done."""

    def facts(self, question: FactsQuestion) -> HostFacts:
        """See `reading.read`."""
        ...

    def measure(self, question: MeasureQuestion) -> tuple[PathFacts, ...]:
        """See `program.measured`."""
        ...


@dataclass(frozen=True)
class Program:
    """`Measures` by the program in its unit."""

    runner: Runner

    def facts(self, question: FactsQuestion) -> HostFacts:
        """See `Measures.facts`."""
        return HostFacts.of_json(self._answer(FACTS, question.hand_over(), READS))

    def measure(self, question: MeasureQuestion) -> tuple[PathFacts, ...]:
        """See `Measures.measure`. Raises TrebolError while another measurement is under way here."""
        return Measured.of_json(self._answer(MEASURE, question.hand_over(), MEASURES)).paths

    def _answer(self, what: str, question: str, settings: Sequence[str]) -> str:
        properties = (*SANDBOX, *settings, f"RuntimeMaxSec={_LIMIT}", "SyslogIdentifier=trebol-preflight")
        unit = UNIT.format(ident=secrets.token_hex(4))
        command = (
            *("systemd-run", "--quiet", "--collect", "--wait", "--pipe", f"--unit={unit}"),
            *(f"--property={each}" for each in properties),
            *("--", *_PROGRAM, what),
        )
        done = self.runner.run(command, input=question, check=False)
        if done.status != 0:
            said = " ".join(done.stderr.split())
            raise TrebolError(
                f"could not be done: {said or f'exit status {done.status}'}",
                where=f"preflight, {what}",
                hint="try again; see journalctl -t trebol-preflight",
            )
        return done.stdout
