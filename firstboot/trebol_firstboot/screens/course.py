"""A task that runs, and how it ended; with the time that is left where it has to be confirmed. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from trebol_common.i18n import _, counted
from trebol_common.tui.page import Action, Element, Gap, Page, Progress, Rows, Text, Tone
from trebol_firstboot.screens.world import Task, TaskNews

#: Lines of the log that are kept, and those that are shown.
KEPT = 500
SHOWN = 12

#: How a task says that all went well.
DONE = "OK"


@dataclass(frozen=True)
class Course:
    """A task as far as it is known. `seconds` are those that it waits to be kept, until `until`, monotonic;
    `answered`: what was said to it: "keep" or "undo"; `failure`: why that could not be said."""

    title: str
    task: Task
    lines: tuple[str, ...] = ()
    ended: str | None = None
    answered: str = ""
    failure: str = ""
    seconds: float = 0.0
    until: float = 0.0

    def after(self, news: TaskNews, now: float) -> Course:
        """What is known after some more of it."""
        told = replace(self, lines=(*self.lines, *news.lines)[-KEPT:], ended=news.ended)
        return told if news.waits is None else replace(told, seconds=news.waits, until=now + news.waits)

    def left(self, now: float) -> int:
        """Whole seconds in which it can still be kept."""
        return max(0, round(self.until - now))

    @property
    def is_open(self) -> bool:
        """Whether it is a trial that nobody has answered."""
        return self.task.trial and self.ended is None and not self.answered

    @property
    def waits(self) -> bool:
        """Whether somebody is to keep what is tried."""
        return self.is_open and bool(self.seconds)


def page(course: Course, now: float) -> Page:
    """The page of it. It is left once the task has ended, or left to itself where it needs nobody."""
    actions: tuple[Action, ...] = (Action("back", _("Back")),)
    if course.is_open:
        keep = (Action("keep", _("Keep it")),) if course.waits else ()
        actions = (*keep, Action("undo", _("As before")))
    elif course.ended is None and course.task.trial:
        actions = ()
    log = Rows(tuple((line,) for line in course.lines[-SHOWN:]), Tone.DIM)
    return Page(course.title, (*_told(course, now), Gap(), log), actions, danger=course.is_open)


def _told(course: Course, now: float) -> tuple[Element, ...]:
    failure = (Text(course.failure, Tone.BAD, "→"),) if course.failure else ()
    if course.ended == DONE:
        again = (Text(_("Users and rights are the cluster's now: log in again.")),) if course.task.signs_out else ()
        return (Text(_("Done."), Tone.GOOD), *again)
    if course.ended is not None:
        told = _("As before: the change was not kept.") if course.task.trial else _("Failed.")
        return (Text(told, Tone.BAD), Text(course.ended))
    if course.waits:
        left = course.left(now)
        seconds = counted("{count} second", "{count} seconds", left)
        told = _("The new network is being tried. It is taken back unless you keep it within {seconds}.")
        return (
            Text(told.format(seconds=seconds), Tone.WARN),
            Progress("left", left / course.seconds, seconds),
            *failure,
        )
    if course.is_open:
        return (Text(_("The new network is being put in force…"), Tone.WARN), *failure)
    if course.answered == "undo":
        return (Text(_("Going back to what was before…")), *failure)
    return (Text(_("It runs. It goes on if you leave this page.") if not course.task.trial else _("Keeping it…")),)
