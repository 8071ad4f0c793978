"""Which of several members is asked, and which after it where it fails. Pure but for the clock it is given."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: Seconds after which one that failed at once is asked first again: so a node goes back to its own store.
_REST = 10.0

#: Seconds that a failure may take. One that took longer (packets are dropped, a disk hangs) is not asked again before
#: the others fail too: it would cost every time as much.
_DEAR = 1.0


@dataclass
class _Endpoint:
    url: str
    #: When it failed last; None: it works, or nobody knows otherwise.
    failed: float | None = None
    dear: bool = False

    def good(self, now: float) -> bool:
        """Whether it is asked before those that it is preferred to."""
        return self.failed is None or (not self.dear and now >= self.failed + _REST)


class Endpoints:
    """The URLs of a store's members, the preferred one first; `clock` gives seconds. Threads may share it."""

    def __init__(self, urls: Sequence[str], clock: Callable[[], float]) -> None:
        self._all: tuple[_Endpoint, ...] = ()
        self._clock = clock
        self._lock = threading.Lock()
        self.replace(urls)

    def replace(self, urls: Sequence[str]) -> None:
        """These from now on, in this order; what is known of those that stay is kept. Raises ValueError for none."""
        if not urls:
            raise ValueError("a store without any URL")
        with self._lock:
            known = {each.url: each for each in self._all}
            self._all = tuple(known.get(url) or _Endpoint(url) for url in dict.fromkeys(urls))

    def order(self) -> tuple[str, ...]:
        """The URLs that one request is to try, one after the other; of those that cost seconds one at most."""
        with self._lock:
            now = self._clock()
            good = [each for each in self._all if each.good(now)]
            failed = sorted((each for each in self._all if not each.good(now)), key=lambda each: each.failed or 0.0)
            cheap = [each for each in failed if not each.dear]
            dear = [each for each in failed if each.dear]
            return tuple(each.url for each in (*good, *cheap, *dear[:1]))

    def failed(self, url: str, took: float) -> None:
        """It did not answer, or not what was asked for; to find that out took so many seconds."""
        self._set(url, self._clock(), dear=took >= _DEAR)

    def works(self, url: str) -> None:
        """It has answered."""
        self._set(url, None, dear=False)

    def _set(self, url: str, failed: float | None, *, dear: bool) -> None:
        with self._lock:
            for each in self._all:
                if each.url == url:
                    each.failed, each.dear = failed, dear
