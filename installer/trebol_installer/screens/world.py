"""What the screens ask of the world: to look, to plan, to install; for real, or on a recorded machine."""

from __future__ import annotations

from collections.abc import Iterator, Set
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from trebol_common.answers import Answers
from trebol_common.answers.model import Checks
from trebol_common.answers.parse import dump_answers
from trebol_common.errors import TrebolError
from trebol_common.i18n import _
from trebol_common.keyboard import KEYMAPS
from trebol_common.medium import FOLDER as LAYERS
from trebol_common.medium import LIVE_MEDIUM, module_key, read_manifest
from trebol_common.network import HostNetwork
from trebol_common.run import CommandRunner, Runner
from trebol_hardware.machine import Machine
from trebol_installer import live, session
from trebol_installer.drivers import load_virtualisation
from trebol_installer.hardware import checked
from trebol_installer.key_sticks import keys_on_sticks
from trebol_installer.links import wake_links
from trebol_installer.logs import Saved, save_to_stick
from trebol_installer.neighbours import listen
from trebol_installer.plan import Plan, plan
from trebol_installer.screens.draft import Draft
from trebol_installer.screens.driver import FOLDER
from trebol_installer.screens.engine import EVENTS, DryEngine, Engine, UnitEngine
from trebol_installer.screens.facts import Facts
from trebol_installer.screens.neighbourhood import Heard
from trebol_installer.ssh_keys import Keys, keys_from_url
from trebol_installer.wire import Look, try_on_the_wire


class World(Protocol):
    """Everything that takes its time is called on a thread, and may raise TrebolError."""

    @property
    def engine(self) -> Engine:
        """Who installs."""

    @property
    def has_wire(self) -> bool:
        """Whether a network can be tried."""

    def look(self) -> Facts:
        """Find out about the machine; takes its time."""

    def plan(self, answers: Answers, facts: Facts) -> Plan:
        """The plan of whole answers; takes its time."""

    def try_network(self, network: HostNetwork) -> Iterator[Look]:
        """Test a network on the wire; takes its time."""

    def neighbours(self) -> Iterator[Heard]:
        """Listen to the switches; takes its time."""

    def keys_from_url(self, url: str) -> Keys:
        """The SSH keys of a list; takes its time."""

    def keys_on_sticks(self, targets: Set[str]) -> Keys:
        """The SSH keys on USB sticks, but for `targets`, the disks that are installed on; takes its time."""

    def type_as(self, keyboard: str) -> None:
        """Give the console another keyboard."""

    def save_logs(self, draft: Draft) -> Saved:
        """Save the logs of an installation by this draft on a USB stick; takes its time."""

    def restart(self) -> bool:
        """Restart the machine; False where the screens are to end instead."""


@dataclass(frozen=True)
class DryWorld:
    """A recorded machine, on which nothing is done."""

    machine: Machine
    engine: Engine
    has_wire: bool = False

    @classmethod
    def of(cls, machine: Machine) -> DryWorld:
        """With an engine that only says what it would do."""
        return cls(machine, DryEngine(machine))

    def look(self) -> Facts:
        """See `World.look`."""
        return _facts(self.machine)

    def plan(self, answers: Answers, facts: Facts) -> Plan:
        """See `World.plan`."""
        return session.prepare_dry_run(answers, self.machine, None).plan

    def try_network(self, network: HostNetwork) -> Iterator[Look]:
        """See `World.try_network`; there is none."""
        return iter(())

    def neighbours(self) -> Iterator[Heard]:
        """See `World.neighbours`; there are none."""
        return iter(())

    def keys_from_url(self, url: str) -> Keys:
        """See `World.keys_from_url`; there is no network."""
        raise _not_done()

    def keys_on_sticks(self, targets: Set[str]) -> Keys:
        """See `World.keys_on_sticks`; there are none."""
        raise _not_done()

    def type_as(self, keyboard: str) -> None:
        """See `World.type_as`; this keyboard is somebody's own."""

    def save_logs(self, draft: Draft) -> Saved:
        """See `World.save_logs`; this computer's sticks are somebody's own."""
        raise TrebolError(_("a dry run writes to no stick"))

    def restart(self) -> bool:
        """See `World.restart`."""
        return False


@dataclass(frozen=True)
class LiveWorld:
    """The live system of the medium."""

    runner: Runner = field(default_factory=CommandRunner)
    has_wire: bool = True

    @property
    def engine(self) -> Engine:
        """See `World.engine`."""
        return UnitEngine(self.runner)

    def look(self) -> Facts:
        """See `World.look`."""
        live.await_devices(self.runner)
        wake_links(self.runner)
        load_virtualisation(self.runner)
        live.hear_neighbours(self.runner)
        facts = _facts(session.this_machine(self.runner))
        # Not before: until then, what the screens are loaded from would have to wait for it.
        live.read_ahead(self.runner, LIVE_MEDIUM / LAYERS)
        return facts

    def plan(self, answers: Answers, facts: Facts) -> Plan:
        """See `World.plan`."""
        assert facts.machine is not None
        manifest, key = read_manifest(LIVE_MEDIUM), module_key(LIVE_MEDIUM)
        return plan(facts.machine, answers, manifest, console=session.running_consoles(), module_key=key)

    def try_network(self, network: HostNetwork) -> Iterator[Look]:
        """See `World.try_network`."""
        return try_on_the_wire(network, self.runner)

    def neighbours(self) -> Iterator[Heard]:
        """See `World.neighbours`."""
        return listen(self.runner)

    def keys_from_url(self, url: str) -> Keys:
        """See `World.keys_from_url`."""
        live.await_network(self.runner)
        return keys_from_url(url)

    def keys_on_sticks(self, targets: Set[str]) -> Keys:
        """See `World.keys_on_sticks`."""
        return keys_on_sticks(self.runner, targets)

    def type_as(self, keyboard: str) -> None:
        """See `World.type_as`."""
        # A machine without a screen has no console to change.
        with suppress(TrebolError):
            self.runner.run(["loadkeys", Path("/", KEYMAPS, f"{keyboard}.kmap.gz")])

    def save_logs(self, draft: Draft) -> Saved:
        """See `World.save_logs`."""
        answers = draft.check().answers
        others = {"answers.toml": dump_answers(answers)} if answers else {}
        with suppress(FileNotFoundError):
            others["screens.jsonl"] = (FOLDER / EVENTS).read_text(encoding="utf-8", errors="replace")
        chosen = draft.get("disk-setup.disk-list", ())
        return save_to_stick(self.runner, host=draft.text("global.fqdn"), others=others, chosen=chosen)

    def restart(self) -> bool:
        """See `World.restart`."""
        self.runner.run(["systemctl", "reboot"])
        return True


def _facts(machine: Machine) -> Facts:
    return Facts(machine, checked(machine, Checks()))


def _not_done() -> TrebolError:
    return TrebolError(_("not done: dry run"))
