"""The switches that are heard while the screen of the network is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from trebol_common.tui.app import Jobs
from trebol_installer.neighbours import Neighbour

Heard = Mapping[str, Neighbour]


@dataclass
class Neighbourhood:
    """`known`: name of the interface → its neighbour."""

    known: Heard = field(default_factory=dict)
    _listens: bool = False

    def listen(self, listen: Callable[[], Iterator[Heard]], jobs: Jobs | None) -> None:
        """Listen on a thread; one at a time."""
        if jobs is None or self._listens:
            return
        self._listens = True
        jobs.follow(self._until_silent(listen()), self._keep)

    def _until_silent(self, heard: Iterator[Heard]) -> Iterator[Heard]:
        yield from heard
        self._listens = False

    def _keep(self, heard: Heard) -> None:
        self.known = heard
