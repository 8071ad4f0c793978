"""What there is to do, as a page of buttons. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from trebol_common.i18n import _
from trebol_common.tui.page import SHELL, Action, Gap, Page, Text, Tone

#: What the buttons to topics begin with; the topic's name follows.
GO = "go "


def page(titles: Mapping[str, str], *, limited: bool, shell: bool) -> Page:
    """`titles` are what the topics are called, by name; `limited`: whether the daemon is silent; `shell`: whether
    there is one."""
    buttons = [Action(f"{GO}{name}", title) for name, title in titles.items()]
    if shell:
        buttons.insert(len(buttons) - 2, Action(SHELL, _("Shell")))
    told = _("The node's daemon does not answer. What can be done without it:")
    return Page(
        _("This node"),
        (*((Text(told, Tone.WARN), Gap()) if limited else ()), *buttons),
        (Action("log out", _("Log out")),),
    )
