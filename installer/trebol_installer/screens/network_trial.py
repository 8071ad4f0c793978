"""The answered network, tried on the wire beside its screen."""

from __future__ import annotations

from collections.abc import Iterator

from trebol_common.errors import TrebolError
from trebol_common.i18n import _
from trebol_common.tui.app import Jobs
from trebol_hardware.machine import Machine
from trebol_installer.preview import network_of
from trebol_installer.screens import node
from trebol_installer.screens.draft import Draft
from trebol_installer.screens.world import World
from trebol_installer.wire import Grade, Look


class NetworkTrial:
    """One at a time: two would take down each other's links. `seen` is what the last one has shown so far."""

    def __init__(self, draft: Draft, world: World) -> None:
        self.seen: tuple[Look, ...] = ()
        self._draft = draft
        self._world = world
        self._runs = False

    def forget(self) -> None:
        """The network is another one now."""
        self.seen = ()

    def begin(self, machine: Machine, jobs: Jobs) -> None:
        """Test what is answered now."""
        if self._runs:
            return
        draft = self._draft
        made, wrong = network_of(machine, draft.get("network", {}), draft.get(node.FQDN))
        self.seen = tuple(Look(problem.where, Grade.BAD, problem.what) for problem in wrong)
        if made is None:
            return
        revision = draft.revision

        def add(look: Look) -> None:
            # What is seen of a network that has been changed since says nothing of the new one.
            if draft.revision == revision:
                self.seen = (*self.seen, look)

        self._runs = True
        jobs.follow(self._told(self._world.try_network(made)), add)

    def _told(self, looks: Iterator[Look]) -> Iterator[Look]:
        """The same, and a failure as the last of them."""
        try:
            yield from looks
        except (TrebolError, OSError) as error:
            yield Look(_("failed"), Grade.BAD, str(error))
        finally:
            self._runs = False
