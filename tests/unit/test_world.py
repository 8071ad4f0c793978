"""What the screens ask of the live system."""

from __future__ import annotations

from pathlib import Path

import pytest

from trebol_common.run import Runner, ScriptedRunner
from trebol_hardware.machine import Machine
from trebol_installer import live, session
from trebol_installer.screens import world
from trebol_installer.screens.world import LiveWorld

MACHINE = Machine.load(Path(__file__).parents[1] / "machines/rack-server.json")


def test_a_machine_is_looked_at_with_the_drivers_that_its_checks_need(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def doing(name: str) -> object:
        return lambda *_, **__: done.append(name)

    monkeypatch.setattr(live, "await_devices", doing("devices"))
    monkeypatch.setattr(world, "wake_links", doing("links"))
    # Without KVM's module, a machine whose VT-x is on would look like one that cannot use it.
    monkeypatch.setattr(world, "load_virtualisation", doing("KVM"))
    monkeypatch.setattr(live, "hear_neighbours", doing("neighbours"))
    monkeypatch.setattr(live, "read_ahead", doing("layers"))

    def probed(runner: Runner) -> Machine:
        done.append("machine")
        return MACHINE

    monkeypatch.setattr(session, "this_machine", probed)

    facts = LiveWorld(ScriptedRunner()).look()

    assert facts.machine is MACHINE
    assert {"devices", "links", "KVM"} <= set(done[: done.index("machine")])
