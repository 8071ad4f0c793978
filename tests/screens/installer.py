"""The installer's screens on recorded machines."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.screens.terminal import AtOnce, Terminal

from trebol_hardware.machine import Machine
from trebol_installer.screens.controller import Screens
from trebol_installer.screens.draft import Draft
from trebol_installer.screens.engine import DryEngine, Engine
from trebol_installer.screens.world import DryWorld
from trebol_installer.ssh_keys import Keys, read_keys

MACHINES = Path(__file__).parents[1] / "machines"

#: What a whole installation needs, but for the disk.
WHOLE: dict[str, Any] = {
    "global": {
        "country": "es",
        "fqdn": "node1.example.org",
        "keyboard": "es",
        "mailto": "admin@example.org",
        "timezone": "Europe/Madrid",
        "root-password": "correct horse",
    },
    "network": {"source": "from-dhcp"},
}


@dataclass(frozen=True)
class Holding(DryWorld):
    """A recorded machine in a world where this list of keys is behind every URL, and on a stick."""

    keys: str = field(kw_only=True)

    def keys_from_url(self, url: str) -> Keys:
        return read_keys(self.keys.encode(), url)

    def keys_on_sticks(self, targets: Set[str]) -> Keys:
        return read_keys(self.keys.encode(), "sdb1")


def screens(
    machine: str = "qemu-bios",
    members: dict[str, Any] | None = None,
    *,
    language: str = "en",
    asked: tuple[str, ...] | None = None,
    engine: Engine | None = None,
    saved: Path | None = None,
    keys: str | None = None,
) -> Screens:
    """The controller on a recorded machine, with what is known already."""
    recorded = Machine.load(MACHINES / f"{machine}.json")
    draft = Draft.new(members)
    draft.language, draft.asked = language, asked
    if members is WHOLE:
        draft.put_aside("root-password-again", "correct horse")
    world = DryWorld(recorded, engine or DryEngine(recorded, pause=0))
    return Screens(draft, world if keys is None else Holding(world.machine, world.engine, keys=keys), saved)


def terminal(machine: str = "qemu-bios", members: dict[str, Any] | None = None, **others: Any) -> Terminal[Screens]:
    """The same on a terminal."""
    jobs = AtOnce(held=others.pop("held", False))
    return Terminal(screens(machine, members, **others), jobs=jobs)
