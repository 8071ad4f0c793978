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

#: The same with a disk of qemu-bios.
ON_VDA: dict[str, Any] = {**WHOLE, "disk-setup": {"filesystem": "ext4", "disk-list": ["vda"]}}


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


class Scripted:
    """An engine whose installation fails in its second step, as often as it is told to."""

    def __init__(self, failures: int = 1) -> None:
        self.failures = failures
        self.begun: list[str] = []
        self.said: list[str] = []

    def begin(self, draft: Draft) -> None:
        self.begun.append(draft.to_toml())

    def has_begun(self) -> bool:
        return False

    def events(self) -> Iterator[Event]:
        seen: list[Event] = []
        context = Context(seen.append)
        with context.child("install", "Install Trebol") as inside:
            inside.result(weights=[1, 1])
            with inside.child("check", "Check the disk"):
                pass
            for _ in range(self.failures):
                with suppress(OSError), inside.child("mkfs", "Make ext4") as step:
                    step.log("mkfs.ext4: No space left on device")
                    raise OSError("mkfs.ext4 ended with status 1")
                yield from seen
                seen.clear()
            with inside.child("mkfs", "Make ext4"):
                pass
        yield from seen

    def say(self, word: str) -> None:
        self.said.append(word)


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


@dataclass(frozen=True)
class Holding(DryWorld):
    """A recorded machine in a world where this list of keys is behind every URL, and on a stick."""

    keys: str = field(kw_only=True)

    def keys_from_url(self, url: str) -> Keys:
        return read_keys(self.keys.encode(), url)

    def keys_on_sticks(self, targets: Set[str]) -> Keys:
        return read_keys(self.keys.encode(), "sdb1")


def recorded(machine: str) -> Machine:
    """A machine of tests/machines."""
    return Machine.load(MACHINES / f"{machine}.json")


def screens(
    machine: str = "qemu-bios",
    members: dict[str, Any] | None = None,
    *,
    language: str = "en",
    at: str | None = None,
    asked: tuple[str, ...] | None = None,
    engine: Engine | None = None,
    saved: Path | None = None,
    keys: str | None = None,
) -> Screens:
    """The controller on a recorded machine, with what is known already; `at` is the screen that is shown first."""
    found = recorded(machine)
    draft = Draft.new(members)
    draft.language, draft.asked, draft.place = language, asked, Place(at) if at else None
    engine = engine or DryEngine(found, pause=0)
    return Screens(draft, DryWorld(found, engine) if keys is None else Holding(found, engine, keys=keys), saved)


def terminal(machine: str = "qemu-bios", members: dict[str, Any] | None = None, **others: Any) -> Terminal[Screens]:
    """The same on a terminal."""
    jobs = AtOnce(held=others.pop("held", False))
    return Terminal(screens(machine, members, **others), jobs=jobs)


def on_disks(machine: str, *disks: str, **others: Any) -> Terminal[Screens]:
    """The screen of the disks, with some of them marked."""
    shown = terminal(machine, WHOLE, at="disks", **others)
    for disk in disks:
        shown.switch(f"[ ] {disk}")
    return shown


def failed(language: str, *, plugged: bool = True) -> Terminal[Screens]:
    """The screen of a failure, as somebody comes to it from another console."""
    machine = recorded("qemu-bios")
    draft = Draft.new(WHOLE)
    draft.language = language
    world = WithStick(machine, Failing(machine), plugged=plugged)
    world.engine.begin(Draft.new(ON_VDA))
    return Terminal(Screens(draft, world))


def at_a_switch(language: str) -> Terminal[Screens]:
    """The screen of the network, on a machine with a switch."""
    draft = Draft.new(WHOLE)
    draft.language, draft.place = language, Place("network")
    return Terminal(Screens(draft, WithSwitch.of(recorded("rack-server"))))
