"""`python -m bench.screens_shown SCREEN RECORD`: what `bench.screens` types into; SCREEN "floor" is urwid alone."""

from __future__ import annotations

import sys
from pathlib import Path

import urwid

FLOOR = "floor"


def floor() -> None:
    """Lines to type into, and nothing of ours."""
    lines = urwid.ListBox(urwid.SimpleFocusListWalker([urwid.Edit(f"{number} ") for number in range(16)]))
    urwid.MainLoop(lines, unhandled_input=lambda key: lines.set_focus((lines.focus_position + 1) % 16)).run()


def shown(screen: str, record: Path) -> None:
    """A screen of the installer on a recorded machine."""
    from trebol_common.tui.app import App
    from trebol_common.tui.wizard import Place
    from trebol_hardware.machine import Machine
    from trebol_installer.screens.controller import Screens
    from trebol_installer.screens.draft import Draft
    from trebol_installer.screens.world import DryWorld

    draft = Draft.new()
    draft.place = Place(screen)
    App(Screens(draft, DryWorld.of(Machine.load(record)))).run()


if __name__ == "__main__":
    if sys.argv[1] == FLOOR:
        floor()
    else:
        shown(sys.argv[1], Path(sys.argv[2]))
