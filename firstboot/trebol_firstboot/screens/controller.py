"""What keys and finished work change, and the page that follows from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from trebol_common import i18n
from trebol_common.errors import TrebolError, of_system
from trebol_common.tui.app import Jobs
from trebol_common.tui.page import Page
from trebol_firstboot.screens import course, front, login, menu
from trebol_firstboot.screens.course import Course
from trebol_firstboot.screens.login import Attempt
from trebol_firstboot.screens.opened import Opened
from trebol_firstboot.screens.topic import Topic
from trebol_firstboot.screens.world import CodeNeeded, Seen, Session, Task, TaskNews, World

#: Seconds between two looks at the node while the first page is shown.
LOOK_AGAIN = 5.0

#: Seconds without a changed field or a pressed button after which whoever has logged in is logged out.
IDLE = 900.0


class Wizard:
    """The controller of the wizard on one console."""

    def __init__(self, world: World, *, language: str = "en", now: Callable[[], float] = time.monotonic) -> None:
        self._world = world
        self._now = now
        self._language = language
        self._jobs: Jobs | None = None
        self._topics: Mapping[str, Topic[Any]] = {}
        self._seen: Seen | None = None
        self._looking = False
        self._look_at = now()
        self._fingerprint = False
        self._attempt: Attempt | None = None
        self._session: Session | None = None
        self._opened: Opened[Any] | None = None
        self._course: Course | None = None
        self._touched = now()
        self._ended = False
        i18n.use(language)

    def begin(self, jobs: Jobs) -> None:
        """See `Controller.begin`."""
        self._jobs = jobs
        self._look()

    def page(self) -> Page | None:
        """See `Controller.page`."""
        if self._ended:
            return None
        self._leave_if_idle()
        page = self._page()
        if self._session is None:
            return page
        host = self._seen.banner.host if self._seen else ""
        return replace(page, status="  ".join(filter(None, (self._session.user, host))))

    def lends(self) -> tuple[str, ...]:
        """The shell of whoever has logged in; see `App`."""
        return self._world.shell() if self._session is not None else ()

    def change(self, key: str, value: Any) -> None:
        """See `Controller.change`."""
        self._touched = self._now()
        if self._opened is not None:
            self._opened.change(key, value)
        elif self._attempt is not None:
            self._attempt = replace(self._attempt, typed={**self._attempt.typed, key: str(value)}, failed="")

    def act(self, name: str) -> None:
        """See `Controller.act`."""
        self._touched = self._now()
        if self._session is None:
            self._act_outside(name)
        elif self._course is not None:
            self._act_on_course(self._course, name)
        elif self._opened is not None:
            if name == "back":
                self._opened = None
            else:
                self._opened.act(name)
        elif name == "log out":
            self._leave()
        elif name.startswith(menu.GO):
            self._open(self._topics[name.removeprefix(menu.GO)])

    def _page(self) -> Page:
        if self._session is None:
            if self._attempt is not None:
                return login.page(self._attempt, self._language)
            if self._now() >= self._look_at:
                self._look()
            return front.page(self._seen, fingerprint=self._fingerprint)
        if self._course is not None:
            return course.page(self._course, self._now())
        if self._opened is not None:
            return self._opened.page()
        limited = self._session.limited
        titles = {each.name: each.title() for each in self._topics.values() if each.limited or not limited}
        return menu.page(titles, limited=limited, shell=bool(self._world.shell()))

    def _look(self) -> None:
        if self._jobs is None or self._looking:
            return
        self._looking = True

        def look() -> Seen | None:
            try:
                return self._world.look()
            except (TrebolError, OSError):
                # What was seen last stays; the next look is soon.
                return None

        def looked(seen: Seen | None) -> None:
            self._looking = False
            self._look_at = self._now() + LOOK_AGAIN
            self._seen = seen or self._seen

        self._jobs.start(look, looked)

    def _act_outside(self, name: str) -> None:
        match name:
            case "log in":
                self._attempt = Attempt()
            case "qr":
                self._fingerprint = not self._fingerprint
            case "back":
                self._attempt = None
            case "enter" if self._attempt is not None and not self._attempt.busy:
                self._enter(self._attempt)
            case _ if name.startswith(login.SPEAK):
                self._language = name.removeprefix(login.SPEAK)
                i18n.use(self._language)

    def _enter(self, attempt: Attempt) -> None:
        assert self._jobs is not None
        given = [attempt.typed.get(key, "") for key in (login.USER, login.PASSWORD, login.CODE)]
        mine = self._attempt = replace(attempt, busy=True, failed="")

        def enter() -> Session | TrebolError:
            # They take their time to load, which the first page does not wait for.
            from trebol_firstboot.screens.topics import TOPICS

            self._topics = TOPICS
            try:
                return self._world.log_in(given[0].strip(), given[1], given[2].strip())
            except (TrebolError, OSError) as error:
                return of_system(error) if isinstance(error, OSError) else error

        def entered(result: Session | TrebolError) -> None:
            # Whoever has gone back meanwhile is not let in.
            waiting = self._attempt is not None and self._attempt.busy and mine.busy
            match result:
                case Session() if waiting:
                    self._attempt, self._session = None, result
                    self._touched = self._now()
                case Session():
                    self._world.log_out()
                case CodeNeeded() if waiting:
                    self._attempt = replace(mine, busy=False, code=True, failed=str(result) if mine.code else "")
                case _ if waiting:
                    # The password is typed again.
                    typed = {login.USER: given[0]}
                    self._attempt = Attempt(typed, code=mine.code, failed=result.problems[0].what)

        self._jobs.start(enter, entered)

    def _open(self, topic: Topic[Any]) -> None:
        assert self._jobs is not None
        self._opened = Opened(topic, self._world, self._jobs, began=self._follow, end=self._end)

    def _end(self) -> None:
        self._ended = True

    def _follow(self, title: str, task: Task) -> None:
        assert self._jobs is not None
        self._course = Course(title, task)

        def heard(news: TaskNews) -> None:
            # It may have been left to itself.
            if self._course is not None and self._course.task == task:
                self._course = self._course.after(news, self._now())

        self._jobs.follow(self._world.follow(task), heard)

    def _act_on_course(self, running: Course, name: str) -> None:
        assert self._jobs is not None
        match name:
            case "back" if running.ended == course.DONE and running.task.signs_out:
                self._leave()
            case "back" if running.ended is not None or not running.task.trial:
                self._course = None
                if self._opened is not None:
                    self._opened.read()
            case "keep" if running.waits:
                self._answer(running, name, self._world.keep_network)
            case "undo" if running.is_open:
                self._answer(running, name, lambda: self._world.undo_network(running.task))

    def _answer(self, running: Course, answer: str, say: Callable[[], None]) -> None:
        assert self._jobs is not None
        self._course = replace(running, answered=answer, failure="")

        def tell() -> str:
            try:
                say()
            except (TrebolError, OSError) as error:
                return str(error)
            return ""

        def told(failure: str) -> None:
            if failure and self._course is not None and self._course.task == running.task:
                self._course = replace(self._course, answered="", failure=failure)

        self._jobs.start(tell, told)

    def _leave_if_idle(self) -> None:
        idle = self._now() - self._touched > IDLE
        if idle and (self._session is not None or self._attempt is not None) and self._course is None:
            self._leave()

    def _leave(self) -> None:
        self._world.log_out()
        self._session = self._attempt = self._opened = self._course = None
        self._look_at = self._now()
