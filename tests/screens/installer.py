"""The installer's screens on recorded machines."""

from __future__ import annotations

from collections.abc import Iterator, Set
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.screens.terminal import AtOnce, Terminal

from trebol_common.events import Context, Event
from trebol_common.run import ScriptedRunner
from trebol_common.tui.wizard import Place
from trebol_hardware.machine import Machine
from trebol_installer.logs import Saved, save_to_stick
from trebol_installer.neighbours import Neighbour
from trebol_installer.screens.controller import Screens
from trebol_installer.screens.draft import Draft
from trebol_installer.screens.engine import DryEngine, Engine
from trebol_installer.screens.neighbourhood import Heard
from trebol_installer.screens.world import DryWorld
from trebol_installer.ssh_keys import Keys, read_keys
from trebol_installer.sticks import LSBLK

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


class Failing(DryEngine):
    """An engine whose installation fails in its first step, which waits to be done again."""

    def events(self) -> Iterator[Event]:
        """See `Engine.events`."""
        seen: list[Event] = []
        context = Context(seen.append, ("install",))
        with suppress(OSError), context.child("mkfs", "ext4: /dev/trebol/root") as step:
            step.log("mkfs.ext4: Input/output error while writing out and closing file system")
            raise OSError("mkfs.ext4 /dev/trebol/root\n  exit status 1")
        yield from seen


@dataclass(frozen=True)
class WithSwitch(DryWorld):
    """A recorded machine of which some ports lead to a switch that speaks."""

    def neighbours(self) -> Iterator[Heard]:
        """See `World.neighbours`."""
        yield {}
        names = [nic.name for nic in self.machine.interfaces if nic.carrier]
        yield {name: Neighbour("sw1.example.org", f"Gi1/0/{7 + at}") for at, name in enumerate(names[:2])}


@dataclass(frozen=True)
class WithStick(DryWorld):
    """A recorded machine with a USB stick, or without one."""

    plugged: bool = True

    def save_logs(self, draft: Draft) -> Saved:
        """See `World.save_logs`."""
        if self.plugged:
            return Saved("trebol-logs-node1-20251128-140000.tar.gz", "SanDisk Ultra (sdb)")
        return save_to_stick(ScriptedRunner().expect(*LSBLK, stdout='{"blockdevices": []}'))


def failed(language: str, *, plugged: bool = True) -> Terminal[Screens]:
    """The screen of a failure, as somebody comes to it from another console."""
    recorded = Machine.load(MACHINES / "qemu-bios.json")
    draft = Draft.new(WHOLE)
    draft.language = language
    world = WithStick(recorded, Failing(recorded), plugged=plugged)
    world.engine.begin(Draft.new({**WHOLE, "disk-setup": {"filesystem": "ext4", "disk-list": ["vda"]}}))
    return Terminal(Screens(draft, world))


def at_a_switch(language: str) -> Terminal[Screens]:
    """The screen of the network, on a machine with a switch."""
    recorded = Machine.load(MACHINES / "rack-server.json")
    draft = Draft.new(WHOLE)
    draft.language, draft.place = language, Place("network")
    return Terminal(Screens(draft, WithSwitch(recorded, DryEngine(recorded))))


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
