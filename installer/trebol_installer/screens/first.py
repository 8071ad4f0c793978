"""The first screen, and what comes behind it once it is loaded: the rest takes seconds on a slow machine."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING, Any

from trebol_common import i18n
from trebol_common.i18n import _
from trebol_common.tui.app import Jobs
from trebol_common.tui.page import Action, Gap, Page, Text, Tone
from trebol_installer.screens import welcome
from trebol_installer.screens.driver import LET_GO, Driver
from trebol_installer.screens.remote import invitation

if TYPE_CHECKING:  # It is loaded on a thread, once the first screen is drawn.
    from trebol_installer.screens.controller import Screens

#: The button of a console that watches.
TAKE_OVER = "take over"

#: How many screens there are is known once they are loaded.
FIRST = (1, 8)


class First:
    """The controller of a console: watches while another one drives, else asks for the language and hands on.

    `begin` is what waits for the first screen to be drawn, on the console that loads the rest.
    """

    def __init__(self, console: str, driver: Driver | None = None, begin: Callable[[], None] | None = None) -> None:
        self.driver = driver or Driver(console)
        self._begin = begin
        self._language = ""
        self._pressed: list[str] = []
        self._screens: Screens | None = None
        self._jobs: Jobs | None = None
        self._asked = False
        self._takes_over = False
        #: Counts what is loaded, of which only the last is shown.
        self._loads = 0

    def begin(self, jobs: Jobs) -> None:
        """See `Controller.begin`. One console loads while the first screen is read; any other one can be used."""
        self._jobs = jobs
        signal.signal(LET_GO, self._ask)
        if self.driver.try_to_drive():
            self._load()

    def page(self) -> Page | None:
        """See `Controller.page`; its last line tells how to get to a shell, here and over SSH."""
        page = self._page()
        if page is None or page.status:
            return page
        return replace(page, status="   ".join(filter(None, (_("Ctrl+X: shell"), invitation()))))

    def _page(self) -> Page | None:
        asked, self._asked = self._asked, False
        if asked:
            self.driver.let_go()
        if not self.driver.drives:
            self._leave()
            # Whoever has just asked comes first.
            free = not asked and not self._takes_over and not self.driver.other()
            if free and self._jobs and self.driver.try_to_drive():
                self._load()
        if self._screens is not None:
            return self._screens.page()
        if self._jobs and not self.driver.drives and self.driver.has_answers:
            return self._watching()
        status = _("Loading…") if self._pressed else ""
        elements = welcome.page(self._language or "en")
        return Page(_("Install Trebol"), elements, (Action("next", _("Next")),), FIRST, status=status)

    def change(self, key: str, value: Any) -> None:
        """See `Controller.change`."""
        if self._screens is not None:
            self._screens.change(key, value)
        elif key == welcome.LANGUAGE:
            self._language = str(value)
            i18n.use(self._language)
            self._drive()

    def act(self, name: str) -> None:
        """See `Controller.act`; what is pressed too early is done once it can be."""
        if self._screens is not None:
            self._screens.act(name)
            return
        if name != TAKE_OVER:
            self._pressed.append(name)
        self._drive()

    def _drive(self) -> None:
        """Whoever uses a console drives, whichever has loaded first."""
        if not self.driver.drives and not self._takes_over:
            assert self._jobs is not None
            self._takes_over = True
            self._jobs.start(self.driver.take_over, self._took_over)

    def _took_over(self, _: None) -> None:
        self._takes_over = False
        self._load()

    def _leave(self) -> None:
        # What is loaded meanwhile is of a draft that somebody else goes on with.
        self._loads += 1
        if self._screens is not None:
            self._screens.leave()
            self._screens = None

    def _ask(self, number: int, frame: FrameType | None) -> None:
        # Nothing but a note: a page is made anew every second.
        self._asked = True

    def _load(self) -> None:
        assert self._jobs is not None
        self._loads += 1
        mine = self._loads

        def load() -> Screens:
            if self._begin is not None:
                self._begin()
            from trebol_installer.screens.start import live_screens

            return live_screens()

        self._jobs.start(load, lambda screens: self._go_on(screens) if mine == self._loads else None)

    def _go_on(self, screens: Screens) -> None:
        assert self._jobs is not None
        self._screens = screens
        if self._language:
            screens.change(welcome.LANGUAGE, self._language)
        screens.begin(self._jobs)
        for name in self._pressed:
            screens.act(name)
        self._pressed.clear()

    def _watching(self) -> Page:
        other = self.driver.other() or _("another console")
        return Page(
            _("Install Trebol"),
            (
                Text(_("This installation is being answered on {console}.").format(console=other), Tone.STRONG),
                Gap(),
                Text(_("Nothing that was typed there is lost when it goes on here.")),
            ),
            (Action(TAKE_OVER, _("Go on here")),),
        )
