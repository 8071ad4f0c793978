"""Loading the drivers that the hardware checks need: the live system wakes disks and network ports only."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from trebol_common.run import CommandFailed, Runner


def load_virtualisation(runner: Runner, *, root: Path = Path("/")) -> None:
    """Load KVM for this processor, and the door to its registers. Where that fails, the checks say what is missing.

    On a node udev does it. Without KVM's module, a machine whose VT-x is on would look like one that cannot use it.
    """
    # As in `links`: a dry run on a recorded machine does without.
    from trebol_hardware.checks.extension import extension_of
    from trebol_hardware.probe.processor import read

    extension = extension_of(read(root))
    modules = ("msr", extension.module) if extension else ("msr",)
    with suppress(CommandFailed):
        # --all: one that does not load keeps no other from it.
        runner.run(["modprobe", "--all", "--quiet", *modules], check=False)
