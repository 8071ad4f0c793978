"""Restarting the node, and switching it off."""

from __future__ import annotations

from trebol_common.i18n import _
from trebol_common.tui.page import Element, Text, Tone
from trebol_firstboot.screens.topic import Button, Topic, Typed
from trebol_firstboot.screens.world import World


def _stops(known: None, typed: Typed) -> tuple[Element, ...]:
    return (Text(_("All guests that run on this node are stopped."), Tone.WARN),)


def _reboot(world: World, known: None, typed: Typed) -> str | None:
    return _("The node is being restarted…") if world.reboot() else None


def _power_off(world: World, known: None, typed: Typed) -> str | None:
    return _("The node is being switched off…") if world.power_off() else None


REBOOT: Topic[None] = Topic(
    "reboot",
    lambda: _("Restart"),
    lambda world: None,
    _stops,
    buttons=(Button("reboot", lambda: _("Restart now"), _reboot, tone=Tone.BAD),),
    limited=True,
)

POWER_OFF: Topic[None] = Topic(
    "power off",
    lambda: _("Power off"),
    lambda world: None,
    _stops,
    buttons=(Button("power off", lambda: _("Power off now"), _power_off, tone=Tone.BAD),),
    limited=True,
)
