"""The installer's screens on recorded machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.screens.terminal import AtOnce, Terminal

from trebol_hardware.machine import Machine
from trebol_installer.screens.controller import Screens
from trebol_installer.screens.draft import Draft
from trebol_installer.screens.engine import DryEngine, Engine
from trebol_installer.screens.world import DryWorld

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


def screens(
    machine: str = "qemu-bios",
    members: dict[str, Any] | None = None,
    *,
    language: str = "en",
    asked: tuple[str, ...] | None = None,
    engine: Engine | None = None,
    saved: Path | None = None,
) -> Screens:
    """The controller on a recorded machine, with what is known already."""
    recorded = Machine.load(MACHINES / f"{machine}.json")
    draft = Draft.new(members)
    draft.language, draft.asked = language, asked
    if members is WHOLE:
        draft.put_aside("root-password-again", "correct horse")
    return Screens(draft, DryWorld(recorded, engine or DryEngine(recorded, pause=0)), saved)


def terminal(machine: str = "qemu-bios", members: dict[str, Any] | None = None, **others: Any) -> Terminal[Screens]:
    """The same on a terminal."""
    jobs = AtOnce(held=others.pop("held", False))
    return Terminal(screens(machine, members, **others), jobs=jobs)
