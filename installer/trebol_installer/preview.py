"""What would become of the disks or of the network, while the rest of the answers is not there yet. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trebol_common.answers.parse import KeyProblem, check_members
from trebol_common.errors import Problem, TrebolError
from trebol_common.medium import Manifest
from trebol_common.network import HostNetwork
from trebol_hardware.machine import Machine
from trebol_installer import features
from trebol_installer.describe import describe_contents
from trebol_installer.host_network import host_network
from trebol_installer.interfaces import select_interface
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
    """Each target before and after, what lies on several together, and `lost`: the targets that hold something, which
    somebody has to agree to lose. With `problems` there is none of it."""

    title: str = ""
    disks: tuple[DiskChange, ...] = ()
    together: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


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
    answers, wrong = check_members({**_ELSE, "disk-setup": {**setup, "wipe": "confirmed"}})
    if answers is None:
        return Preview(problems=tuple(map(_problem, wrong)))
    try:
        targets = select_disks(machine, answers)
        layers = features.layers_of(manifest, features.wanted(answers))
        layout = layout_for(targets, machine, answers.disk_setup, layers)
    except TrebolError as error:
        return Preview(problems=error.problems)
    return Preview(
        layout.title,
        tuple(disk_change(disk, layout, alone=len(targets) == 1) for disk in targets),
        layout.volumes if len(targets) > 1 else (),
        tuple(disk.name for disk in targets if describe_contents(disk) and not layout.kept),
    )


def _problem(wrong: KeyProblem) -> Problem:
    return Problem(wrong.what, wrong.key, wrong.hint)
