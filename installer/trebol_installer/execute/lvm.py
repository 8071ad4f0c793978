"""The volume group of the node, by lvm2's tools."""

from __future__ import annotations

from trebol_common.run import Argument
from trebol_installer.execute.block import node_of
from trebol_installer.execute.state import Run
from trebol_installer.steps import CreateThinPool, CreateVolume, CreateVolumeGroup, Device

#: Questions are answered with yes, and signatures of whatever once lay there are wiped without one.
_YES = ("--yes", "--wipesignatures", "y")


def create_group(step: CreateVolumeGroup, run: Run) -> None:
    """See `CreateVolumeGroup`."""
    node = node_of(step.device)
    # Data starts at 1 MiB whatever the disk says of its stripes: the plan counts on every extent.
    command: list[Argument] = ["vgcreate", "--yes", "--dataalignment", "1m", "--devices", node, step.group, node]
    run.runner.run(command)
    run.undo.callback(run.runner.run, ["vgchange", "--activate", "n", step.group])


def create_volume(step: CreateVolume, run: Run) -> None:
    """See `CreateVolume`."""
    command: list[Argument] = ["lvcreate", *_YES, *_devices(step.device)]
    run.runner.run([*command, "--size", f"{step.size}b", "--name", step.name, step.group])


def create_thin_pool(step: CreateThinPool, run: Run) -> None:
    """See `CreateThinPool`."""
    # lvcreate refuses --wipesignatures with a pool, whose blocks are zeroed on first use. Without --monitor n it
    # waits for a dmeventd that the live system does not run; the node starts its own, and the pool with it.
    command: list[Argument] = ["lvcreate", "--yes", "--monitor", "n", "--activate", "n", *_devices(step.device)]
    sizes = ["--size", f"{step.size}b", "--poolmetadatasize", f"{step.metadata}b"]
    run.runner.run([*command, "--type", "thin-pool", *sizes, "--name", step.name, step.group])


def _devices(device: Device) -> tuple[Argument, ...]:
    """Keeps LVM from looking at any other device, where a group of the same name might be."""
    return ("--devices", node_of(device))
