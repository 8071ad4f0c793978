"""The volume group of the node, by lvm2's tools."""

from __future__ import annotations

import json

from trebol_common.errors import Refused
from trebol_common.i18n import _
from trebol_common.run import Argument
from trebol_hardware.sizes import show_size
from trebol_installer.execute.block import node_of
from trebol_installer.execute.filesystems import make_swap
from trebol_installer.execute.state import Run
from trebol_installer.steps import (
    CreateThinPool,
    CreateVolume,
    CreateVolumeGroup,
    Device,
    MakeSwap,
    ReuseVolumeGroup,
)

#: Questions are answered with yes, and signatures of whatever once lay there are wiped without one.
_YES = ("--yes", "--wipesignatures", "y")


def create_group(step: CreateVolumeGroup, run: Run) -> None:
    """See `CreateVolumeGroup`."""
    node = node_of(step.device)
    if run.again:
        run.runner.run(["wipefs", "--all", node])
    # Data starts at 1 MiB whatever the disk says of its stripes: the plan counts on every extent.
    command: list[Argument] = ["vgcreate", "--yes", "--dataalignment", "1m", "--devices", node, step.group, node]
    run.runner.run(command)
    run.undo.callback(run.runner.run, ["vgchange", "--activate", "n", step.group])


def reuse_group(step: ReuseVolumeGroup, run: Run) -> None:
    """See `ReuseVolumeGroup`. Raises Refused, before anything is written, where the group is not as it has to be."""
    devices = _devices(step.device)
    columns = ["--options", "lv_name,lv_size,segtype", "--units", "b", "--nosuffix", "--reportformat", "json"]
    said = run.runner.run(["lvs", *devices, *columns, step.group], on_line=lambda line: None)
    volumes = {volume["lv_name"]: volume for volume in json.loads(said.stdout)["report"][0]["lv"]}
    if "root" not in volumes or volumes.get(step.kept, {}).get("segtype") != "thin-pool":
        raise Refused(
            _("has no volume root and thin pool {name}; it has {found}").format(
                name=step.kept, found=", ".join(volumes) or _("none")
            ),
            where=_("volume group {name}").format(name=step.group),
            hint=_("leave keep out of [disk-setup]: then all of it is made anew, and lost"),
        )
    if (size := int(volumes["root"]["lv_size"])) < step.root_size:
        raise Refused(
            _("{name} has {size}; the new system needs {needed}").format(
                name="root", size=show_size(size), needed=show_size(step.root_size)
            ),
            where=_("volume group {name}").format(name=step.group),
            hint=_("make it larger first: lvextend --size {size}b {group}/root").format(
                size=step.root_size, group=step.group
            ),
        )
    run.undo.callback(run.runner.run, ["vgchange", "--activate", "n", step.group])
    for name in ("root", "swap"):
        if name in volumes:
            run.runner.run(["lvchange", *devices, "--activate", "y", f"{step.group}/{name}"])
    if "swap" in volumes:
        make_swap(MakeSwap(f"/dev/{step.group}/swap"), run)


def create_volume(step: CreateVolume, run: Run) -> None:
    """See `CreateVolume`."""
    _remove_half_made(step, run)
    command: list[Argument] = ["lvcreate", *_YES, *_devices(step.device)]
    run.runner.run([*command, "--size", f"{step.size}b", "--name", step.name, step.group])


def create_thin_pool(step: CreateThinPool, run: Run) -> None:
    """See `CreateThinPool`."""
    _remove_half_made(step, run)
    # lvcreate refuses --wipesignatures with a pool, whose blocks are zeroed on first use. Without --monitor n it
    # waits for a dmeventd that the live system does not run; the node starts its own, and the pool with it.
    command: list[Argument] = ["lvcreate", "--yes", "--monitor", "n", "--activate", "n", *_devices(step.device)]
    sizes = ["--size", f"{step.size}b", "--poolmetadatasize", f"{step.metadata}b"]
    run.runner.run([*command, "--type", "thin-pool", *sizes, "--name", step.name, step.group])


def _remove_half_made(step: CreateVolume | CreateThinPool, run: Run) -> None:
    if run.again:
        run.runner.run(["lvremove", "--yes", *_devices(step.device), f"{step.group}/{step.name}"], check=False)


def _devices(device: Device) -> tuple[Argument, ...]:
    """Keeps LVM from looking at any other device, where a group of the same name might be."""
    return ("--devices", node_of(device))
