"""Who failed to log in too often waits: by user, and by the address that it came from."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, IPv6Network, ip_address

#: So many failures within so many seconds lock for as many seconds from the last of them.
FAILURES = 10
WINDOW_SECONDS = 300

#: Users and addresses that are remembered.
REMEMBERED = 10_000


class LockOut:
    """Counts failed logins; of use in several threads.

    `clock` gives seconds that never go back (`time.monotonic`). An attempt counts as failed from its start until it
    is said to have succeeded, so that many at once cannot guess more often. What is remembered is bounded: the
    oldest is forgotten first, those that are locked last.
    """

    def __init__(self, clock: Callable[[], float], *, remembered: int = REMEMBERED) -> None:
        self._clock = clock
        self._remembered = remembered
        #: User or address → times of its last failures; the one that failed last is last.
        self._failures: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, user: str | None, address: str) -> bool:
        """Whether an attempt may be made at all; where it may, it counts. `user` is None for API tokens."""
        names = _names(user, address)
        with self._lock:
            now = self._clock()
            if any(_locked(self._failures.get(name, []), now) for name in names):
                return False
            for name in names:
                times = [time for time in self._failures.pop(name, []) if time > now - WINDOW_SECONDS]
                self._failures[name] = [*times, now]
            if len(self._failures) > self._remembered:
                self._forget(now)
            return True

    def succeeded(self, user: str | None, address: str) -> None:
        """The attempt that `begin` counted was a good one: all failures of the user are forgotten.

        Of the address only this one is: whoever has one account there could go on guessing at others.
        """
        with self._lock:
            if user is not None:
                self._failures.pop(_user(user), None)
            times = self._failures.get(_address(address))
            if times:
                times.pop()

    def __len__(self) -> int:
        """How many users and addresses are remembered."""
        return len(self._failures)

    def _forget(self, now: float) -> None:
        """Forget a tenth at once, so that it is not done at each attempt."""
        others = [name for name, times in self._failures.items() if not _locked(times, now)]
        locked = [name for name, times in self._failures.items() if _locked(times, now)]
        for name in [*others, *locked][: max(2, self._remembered // 10)]:
            del self._failures[name]


def _locked(times: list[float], now: float) -> bool:
    return len(times) >= FAILURES and times[-1] > now - WINDOW_SECONDS


def _names(user: str | None, address: str) -> tuple[str, ...]:
    return (_address(address),) if user is None else (_user(user), _address(address))


def _user(user: str) -> str:
    return f"user {user}"


def _address(text: str) -> str:
    return f"from {one_host(text)}"


def one_host(text: str) -> str:
    """Whom an address is of: an IPv4 address, or the 64 bits that an IPv6 host can choose its addresses from."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return text[:64]
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Network((address, 64), strict=False).network_address)
    return str(address)
