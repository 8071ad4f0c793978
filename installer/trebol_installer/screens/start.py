"""The screens on a terminal: those of the live system, and those that anybody can try on a recorded machine."""

from __future__ import annotations

import os
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
from trebol_installer.screens.first import First
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
    """The screens of the live system on this terminal too, with this draft or the one that is kept."""
    if draft is not None:
        draft.save(FOLDER / DRAFT)
    App(First(os.ttyname(0).removeprefix("/dev/")), shell=True).run()


def live_screens() -> Screens:
    """What comes behind the first screen there."""
    saved = FOLDER / DRAFT
    return Screens(Draft.load(saved) if saved.is_file() else Draft.new(), LiveWorld(), saved)
