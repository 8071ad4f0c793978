"""An installation that the engine has begun, followed by the screens."""

from __future__ import annotations

from dataclasses import replace

from trebol_common.events import Event
from trebol_common.tui.app import Jobs
from trebol_installer.screens.saving import Saving
from trebol_installer.screens.watch import Watched, after
from trebol_installer.screens.world import World

#: What has a failed step done again (`trebol install --retry`).
AGAIN = "retry"


class Installation:
    """`seen` is what its events have told, None while there is none; `saving` belongs to its failure."""

    def __init__(self, world: World) -> None:
        self.seen: Watched | None = None
        self.saving = Saving()
        self._world = world
        self._following = 0

    def follow(self, jobs: Jobs) -> None:
        """From its beginning on."""
        self.seen, self.saving = Watched(), Saving()
        self._following += 1
        mine = self._following

        def heard(event: Event) -> None:
            # The last words of an installation that was given up are not those of the next one.
            if self.seen is not None and self._following == mine:
                self.seen = after(self.seen, event)

        jobs.follow(self._world.engine.events(), heard)

    def retry(self) -> None:
        """Do the step again that failed, where it waits for that."""
        if self.seen is not None and self.seen.waits:
            self.seen, self.saving = replace(self.seen, failure=""), Saving()
            self._world.engine.say(AGAIN)

    def give_up(self) -> None:
        """A step that waits is not done again."""
        if self.seen is not None and self.seen.waits:
            self._world.engine.say("")
        self.seen = None
