"""The page that lets somebody in. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trebol_common.i18n import LANGUAGES, _
from trebol_common.tui.page import Action, Element, Gap, Input, Page, Text, Tone

USER = "user"
PASSWORD = "password"
CODE = "code"

#: What the buttons of languages begin with; the language follows.
SPEAK = "speak "


@dataclass(frozen=True)
class Attempt:
    """What was typed, by field; whether a one-time code is wanted too, whether it is being looked at, and what was
    wrong with the last one."""

    typed: Mapping[str, str] = field(default_factory=lambda: {USER: "root"}, repr=False)
    code: bool = False
    busy: bool = False
    failed: str = ""


def page(attempt: Attempt, language: str) -> Page:
    """The page of it."""
    others = (Action(f"{SPEAK}{code}", name) for code, name in LANGUAGES.items() if code != language)
    return Page(
        _("Log in"), tuple(_elements(attempt)), (Action("enter", _("Log in")), Action("back", _("Back")), *others)
    )


def _elements(attempt: Attempt) -> tuple[Element, ...]:
    typed = attempt.typed
    code = Input(CODE, _("Code"), typed.get(CODE, ""), _("The one-time code of your app, or a recovery key."))
    told = Text(_("Checking…")) if attempt.busy else Text(attempt.failed, Tone.BAD, "→") if attempt.failed else None
    return (
        Text(_("As root, or as another user of this system that may administer the node."), Tone.DIM),
        Gap(),
        Input(USER, _("User"), typed.get(USER, "")),
        Input(PASSWORD, _("Password"), typed.get(PASSWORD, ""), secret=True),
        *((code,) if attempt.code else ()),
        *((Gap(), told) if told else ()),
    )
