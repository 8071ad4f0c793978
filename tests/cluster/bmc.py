"""A machine's management controller, emulated: IPMI 2.0 over UDP. Its power switch is a process that is killed.

python -m tests.cluster.bmc ADDRESS PORT USER PASSWORD PROCESS
"""

from __future__ import annotations

import os
import signal
import sys

from pyghmi.ipmi.bmc import Bmc


class Emulated(Bmc):  # type: ignore[misc]
    """The controller of the machine that is the process `machine`, whose power is on."""

    def __init__(self, address: str, port: int, user: str, password: str, machine: int) -> None:
        super().__init__({user: password}, port=port, address=address)
        self._machine = machine
        self._power = "on"

    def get_power_state(self) -> str:
        """ "on" or "off"."""
        return self._power

    def power_off(self) -> None:
        """As if its plug were pulled."""
        self._power = "off"
        os.kill(self._machine, signal.SIGKILL)

    def power_on(self) -> None:
        """The machine does not come back."""
        self._power = "on"


if __name__ == "__main__":
    address, port, user, password, machine = sys.argv[1:]
    Emulated(address, int(port), user, password, int(machine)).listen()
