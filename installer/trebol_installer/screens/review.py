"""The last screen before anything is written: the whole plan, and the agreement to lose what is lost."""

from __future__ import annotations

from collections.abc import Sequence

from trebol_common.errors import Problem
from trebol_common.i18n import _
from trebol_common.tui.page import Action, Element, Gap, Input, Rows, Text, Tone
from trebol_installer.plan import Plan
from trebol_installer.render import render
from trebol_installer.screens import disks
from trebol_installer.screens.draft import Draft

CONFIRMED = "confirmed"


def page(
    draft: Draft, plan: Plan | None, lost: Sequence[str] | None, problems: Sequence[Problem]
) -> tuple[Element, ...]:
    """Its elements. Without problems, and without a plan or what it loses, both are being made."""
    if problems:
        return (
            Text(_("This cannot be installed yet:"), Tone.BAD),
            *(element for number, problem in enumerate(problems) for element in _problem(number, problem)),
        )
    if plan is None or lost is None:
        return (Text(_("Making the plan…")),)
    agreement: tuple[Element, ...] = ()
    if lost:
        if draft.get(disks.KEEP):
            told = _("All that these disks hold but the guests' data is lost: {disks}")
        else:
            told = _("All that these disks hold is lost: {disks}")
        agreement = (
            Text(told.format(disks=" ".join(lost)), Tone.BAD),
            Input(
                CONFIRMED,
                _("Type their names"),
                draft.aside.get(CONFIRMED, ""),
                hint=_("Exactly as they stand above: {disks}").format(disks=" ".join(lost)),
            ),
            Gap(),
        )
    return (*agreement, Rows(tuple((line,) for line in render(plan).splitlines())))


def agreed(draft: Draft, lost: Sequence[str]) -> bool:
    """Whether the loss of whatever is lost was agreed to, disk by disk."""
    return not lost or draft.aside.get(CONFIRMED, "").split() == list(lost)


def _problem(number: int, problem: Problem) -> tuple[Element, ...]:
    return (
        Gap(),
        Text(f"{problem.where}: {problem.what}" if problem.where else problem.what, mark="→"),
        *((Text(problem.hint, Tone.DIM, " "),) if problem.hint else ()),
        Action(f"mend {number}", _("Go there")),
    )
