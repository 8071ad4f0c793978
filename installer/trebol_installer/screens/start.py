"""The screens on a terminal: those of the live system, and those that anybody can try on a recorded machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from trebol_common.answers.parse import load_members, read_text
from trebol_common.answers.partial import ASKABLE, Partial, partial
from trebol_common.errors import BadInput, raise_for
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
    """A draft of an answer file, which may leave something to be asked; without one, of nothing.

    Raises BadInput with every wrong value in it: no screen has to show what nobody can type there.
    """
    if path is None:
        return Draft.new()
    text = read_text(path)
    left = partial(text, str(path))
    known = left or Partial(load_members(text, str(path)), ASKABLE)
    raise_for([problem.in_file(str(path)) for problem in known.problems()], BadInput)
    return Draft.of(left) if left else Draft.new(known.members)


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
    return Screens(kept(FOLDER / DRAFT), LiveWorld(), FOLDER / DRAFT)


def kept(path: Path) -> Draft:
    """The draft that was kept, or a new one. What cannot be read is put beside it: the screens would come back to it
    for ever."""
    if not path.exists():
        return Draft.new()
    try:
        return Draft.load(path)
    except BadInput as error:
        path.replace(path.with_suffix(".unreadable"))
        sys.stderr.write(f"{error}\n")
        return Draft.new()
