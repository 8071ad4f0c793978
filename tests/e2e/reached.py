"""A running node that tests look at over SSH, and what is done when the emulator loses it."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from typing import Any

from tests.e2e.lab import Lab, patient

from trebol_common.run import CommandFailed
from trebol_image.qemu import VirtualMachine

#: What ssh itself ends with where there is no connection (ssh(1), EXIT STATUS).
NO_CONNECTION = 255
BACK_WITHIN = 600.0


@dataclass(frozen=True)
class Reached:
    """A running node."""

    lab: Lab
    machine: VirtualMachine

    def ssh(self, command: str) -> str:
        """What a shell command prints on the node; raises CommandFailed when it fails.

        A guest that the emulator broke is switched off and on, one that it keeps busy for minutes is waited for; then
        the command is given once more, with a warning.
        """
        try:
            return self.machine.ssh(command, key=self.lab.key).stdout
        except CommandFailed as error:
            if error.status != NO_CONNECTION:
                raise
            warnings.warn(f"asked again: {error}", stacklevel=2)
        if self.machine.serial.fault is not None:
            self.machine.reset()
        self.machine.wait_for_ssh(within=patient(BACK_WITHIN))
        return self.machine.ssh(command, key=self.lab.key).stdout

    def json(self, command: str) -> Any:
        """What a command that speaks JSON says."""
        return json.loads(self.ssh(command))
