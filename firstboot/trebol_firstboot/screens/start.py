"""The wizard on a terminal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trebol_common.i18n import LANGUAGES
from trebol_common.tui.app import App
from trebol_firstboot.screens.controller import Wizard
from trebol_firstboot.screens.world import World

if TYPE_CHECKING:
    from trebol_hardware.machine import Machine


def dry(machine: Machine) -> None:
    """On a recorded machine, where nothing is done."""
    from trebol_firstboot.screens.recorded import RecordedWorld

    run(RecordedWorld(machine))


def on_node() -> None:
    """On this node, as root."""
    from trebol_firstboot.screens.node import ApiWorld

    run(ApiWorld())


def run(world: World) -> None:
    """On this terminal, until it ends."""
    wizard = Wizard(world, language=spoken())
    App(wizard, lends=wizard.lends).run()


def spoken() -> str:
    """The language of the environment, by gettext's own order; English where the wizard does not speak it."""
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name, ""):
            language = value.partition(":")[0][:2]
            return language if language in LANGUAGES else "en"
    return "en"
