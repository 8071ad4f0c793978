"""What would become of the disks or of the network, while the rest of the answers is not there yet. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trebol_common.answers.model import DiskSetup, Filesystem
from trebol_common.answers.parse import KeyProblem, check_members
from trebol_common.errors import Problem, TrebolError
from trebol_common.medium import Layer, Manifest
from trebol_common.network import HostNetwork
from trebol_hardware.machine import Disk, Machine
from trebol_hardware.systems import TREBOL
from trebol_installer import features
from trebol_installer.describe import describe_contents
from trebol_installer.host_network import host_network
from trebol_installer.interfaces import select_interface
from trebol_installer.layout import Request
from trebol_installer.layout.usual import usual_sizes
from trebol_installer.plan import layout_for
from trebol_installer.plan_words import DiskChange, disk_change
from trebol_installer.select import select_disks

#: Tables in the place of those that a preview is not about.
_ELSE: Mapping[str, Any] = {
    "global": {
        "country": "es",
        "fqdn": "node.example.org",
        "keyboard": "en-us",
        "mailto": "admin@example.org",
        "timezone": "UTC",
        "root-password": "not to be used",
    },
    "network": {"source": "from-dhcp"},
}


@dataclass(frozen=True)
class Preview:
    """Each target before and after, what lies on several together, what to know of the layout, and `lost`: the
    targets that hold something, which somebody has to agree to lose, with `kept` all but the guests' data. With
    `problems` there is none of it.

    `keepable`: on the targets is a Trebol whose data can be kept; `against_keeping` is why it cannot. `usual` is what
    sizes come to where nothing is said of them, in bytes, by key.
    """

    title: str = ""
    disks: tuple[DiskChange, ...] = ()
    together: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    kept: bool = False
    problems: tuple[Problem, ...] = ()
    keepable: bool = False
    against_keeping: tuple[Problem, ...] = ()
    usual: Mapping[str, int] = field(default_factory=dict)


def network_of(
    machine: Machine, members: Mapping[str, Any], fqdn: object
) -> tuple[HostNetwork | None, tuple[Problem, ...]]:
    """The network that `[network]` means on a machine, or what is wrong with it."""
    named = {**_ELSE["global"], **({"fqdn": fqdn} if fqdn else {})}
    answers, wrong = check_members(
        {"global": named, "network": members, "disk-setup": {"filesystem": "ext4", "disk-list": ["none"]}}
    )
    if answers is None:
        return None, tuple(map(_problem, wrong))
    try:
        return host_network(machine, answers, select_interface(machine, answers).interfaces), ()
    except TrebolError as error:
        return None, error.problems


def preview(machine: Machine, setup: Mapping[str, Any], manifest: Manifest | None) -> Preview:
    """What `[disk-setup]` does to a machine, as if the loss of whatever the targets hold were agreed to."""
    usual = _usual(machine, setup, manifest)
    answers, wrong = check_members({**_ELSE, "disk-setup": {**setup, "wipe": "confirmed"}})
    if answers is None:
        return Preview(problems=tuple(map(_problem, wrong)), usual=usual)
    try:
        targets = select_disks(machine, answers)
        layers = features.layers_of(manifest, features.wanted(answers))
        layout = layout_for(targets, machine, answers.disk_setup, layers)
    except TrebolError as error:
        return Preview(problems=error.problems, usual=usual)
    against = _against_keeping(targets, machine, answers.disk_setup, layers)
    return Preview(
        layout.title,
        tuple(disk_change(disk, layout, alone=len(targets) == 1) for disk in targets),
        layout.volumes if len(targets) > 1 else (),
        layout.notes,
        tuple(disk.name for disk in targets if describe_contents(disk)),
        layout.kept,
        keepable=against == (),
        against_keeping=against or (),
        usual=usual,
    )


def _against_keeping(
    targets: tuple[Disk, ...], machine: Machine, setup: DiskSetup, layers: tuple[Layer, ...]
) -> tuple[Problem, ...] | None:
    """Why the data on the targets cannot be kept; None where there is none of a Trebol."""
    if not any(disk.system == TREBOL for disk in targets):
        return None
    try:
        layout_for(targets, machine, setup.model_copy(update={"keep": ("data",)}), layers)
    except TrebolError as error:
        return error.problems
    return ()


def _usual(machine: Machine, setup: Mapping[str, Any], manifest: Manifest | None) -> Mapping[str, int]:
    """What sizes come to on the targets where nothing but the RAID level is said, and how much of each disk to use;
    nothing while that much cannot be told."""
    filesystem = setup.get("filesystem")
    table = filesystem if filesystem in (Filesystem.BTRFS, Filesystem.ZFS) else "lvm"
    said = setup.get(table)
    if not isinstance(said, Mapping):
        said = {}
    plain = {
        **{
            key: value for key, value in setup.items() if key in ("filesystem", "disk-list", "filter", "filter-match")
        },
        table: {key: said[key] for key in ("raid", "hdsize") if key in said},
    }
    answers, _wrong = check_members({**_ELSE, "disk-setup": {**plain, "wipe": "confirmed"}})
    if answers is None:
        return {}
    try:
        targets = select_disks(machine, answers)
        layers = features.layers_of(manifest, features.wanted(answers))
        return usual_sizes(Request(targets, answers.disk_setup, machine.memory, features.unpacked(layers)))
    except TrebolError:
        return {}


def _problem(wrong: KeyProblem) -> Problem:
    return Problem(wrong.what, wrong.key, wrong.hint)
