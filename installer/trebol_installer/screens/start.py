"""The screens on a terminal: those of the live system, and those that anybody can try on a recorded machine."""

from __future__ import annotations

from pathlib import Path

from trebol_common.answers.parse import load_members, read_text
from trebol_common.answers.partial import partial
from trebol_common.run import CommandRunner
from trebol_common.tui.app import App
from trebol_hardware.machine import Machine
from trebol_installer import session
from trebol_installer.screens.controller import Screens
from trebol_installer.screens.draft import Draft
from trebol_installer.screens.driver import DRAFT, FOLDER
from trebol_installer.screens.world import DryWorld, LiveWorld


def begun(path: Path | None) -> Draft:
    """A draft of an answer file, which may leave something to be asked; without one, of nothing. Raises BadInput."""
    if path is None:
        return Draft.new()
    text = read_text(path)
    left = partial(text, str(path))
    return Draft.of(left) if left else Draft.new(load_members(text, str(path)))


def dry(draft: Draft, machine: Machine | None) -> None:
    """The screens on a recorded machine, or on this one, where nothing is done and nothing is kept."""
    App(Screens(draft, DryWorld.of(machine or session.this_machine(CommandRunner())))).run()


def on_live_system(draft: Draft | None) -> None:
    """The screens of the live system on this terminal, with this draft or the one that is kept."""
    App(live_screens(draft)).run()


def live_screens(draft: Draft | None = None) -> Screens:
    """The same for a terminal that is there already."""
    saved = FOLDER / DRAFT
    if draft is None:
        draft = Draft.load(saved) if saved.is_file() else Draft.new()
    return Screens(draft, LiveWorld(), saved)
