"""The last screen before anything is written: the whole plan, and the agreement to lose what is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from trebol_common.answers.cluster import ClusterMode
from trebol_common.errors import Problem
from trebol_common.i18n import _, counted
from trebol_common.tui.choices import countries
from trebol_common.tui.page import Action, Element, Gap, Input, Page, Rows, Text, Tone
from trebol_installer.plan import Plan
from trebol_installer.render import render
from trebol_installer.screens import cluster, disks, location, node
from trebol_installer.screens.draft import Draft

CONFIRMED = "confirmed"
#: What the buttons to other screens begin with; the screen's name follows.
GO = "go "


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
    planned = Rows(tuple((line,) for line in render(plan).splitlines()))
    return (*agreement, planned, Gap(), Rows(tuple(_beside(draft))))


def what_to_change(titles: Mapping[str, str]) -> Page:
    """The way from here to any screen, and back; `titles` are what they are called, by name."""
    buttons = (Action(f"{GO}{name}", called) for name, called in titles.items())
    return Page(_("What to change"), tuple(buttons), (Action("back", _("Back")),))


def _beside(draft: Draft) -> Iterator[tuple[str, str]]:
    """The answers that the plan does not show."""
    names = {option.value: option.text for option in countries()}
    place = names.get(draft.text(location.COUNTRY), draft.text(location.COUNTRY))
    yield _("Place"), ", ".join((place, draft.text(location.TIMEZONE)))
    yield _("Keyboard"), draft.text(location.KEYBOARD)
    yield _("Mail to"), draft.text(node.MAIL)
    count = len(draft.get(node.KEYS, ()))
    keys = counted("{count} SSH key", "{count} SSH keys", count) if count else _("no SSH key")
    yield _("Root"), f"{_('a password')}, {keys}"
    match cluster.mode_of(draft):
        case ClusterMode.CREATE:
            yield _("Cluster"), _("creates {name}").format(name=draft.text(cluster.NAME))
        case ClusterMode.JOIN:
            yield _("Cluster"), _("joins that of {member}").format(member=draft.text(cluster.PEER))
        case _:
            yield _("Cluster"), _("stands alone")


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
