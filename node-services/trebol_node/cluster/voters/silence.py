"""For how long each of several has said nothing. Pure but for the clock it is given."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

#: Seconds that one look counts for at most: a machine that stood still, and did not listen, has heard nobody.
_LONGEST = 30.0


class Silence:
    """Counts, from look to look; `clock` gives seconds that never go back.

    Whoever is seen for the first time, and does not answer, has been silent for no time yet: that is not known.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._looked: float | None = None
        self._silent: dict[str, float] = {}

    def look(self, names: Iterable[str], answering: Collection[str]) -> Mapping[str, float]:
        """Seconds for each of `names`: 0 for who answers, more than that for who does not."""
        now = self._clock()
        passed = 0.0 if self._looked is None else min(now - self._looked, _LONGEST)
        self._looked = now
        before = self._silent
        self._silent = {
            name: before[name] + passed if name in before else _A_MOMENT for name in names if name not in answering
        }
        return {name: self._silent.get(name, 0.0) for name in names}

    def forget(self) -> None:
        """Begin anew: somebody else looks from now on."""
        self._looked, self._silent = None, {}


#: What tells who does not answer from who does.
_A_MOMENT = 0.001
