"""Who failed to log in too often waits: by user, and by the address that it came from."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network, ip_address

#: Seconds in which failures count together, and for which the last of them locks.
WINDOW_SECONDS = 300
FAILURES = 10

#: Users and addresses that are remembered, each.
REMEMBERED = 10_000


@dataclass
class _Failures:
    """Times of the last failures, and until when they lock."""

    times: deque[float] = field(default_factory=lambda: deque(maxlen=FAILURES))
    until: float = 0


class LockOut:
    """Counts failed logins; of use in several threads.

    `clock` gives seconds that never go back (`time.monotonic`). An attempt counts as failed from its start until it
    is said to have succeeded, so that many at once cannot guess more often. What is remembered is bounded: the
    oldest is forgotten first, those that are locked last.
    """

    def __init__(self, clock: Callable[[], float], *, remembered: int = REMEMBERED) -> None:
        self._clock = clock
        self._remembered = remembered
        self._seen: OrderedDict[str, _Failures] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, user: str | None, address: str) -> bool:
        """Whether an attempt may be made at all; where it may, it counts. `user` is None for API tokens."""
        names = _names(user, address)
        with self._lock:
            now = self._clock()
            if any((seen := self._seen.get(name)) is not None and seen.until > now for name in names):
                return False
            for name in names:
                self._count(name, now)
            return True

    def succeeded(self, user: str | None, address: str) -> None:
        """The attempt that `begin` counted was a good one: the user's failures are forgotten, this one of the address.

        Not the other ones of the address: whoever has one account there could go on guessing at others.
        """
        with self._lock:
            if user is not None:
                self._seen.pop(_user(user), None)
            seen = self._seen.get(_address(address))
            if seen is not None and seen.times:
                seen.times.pop()
                seen.until = 0

    def _count(self, name: str, now: float) -> None:
        seen = self._seen.pop(name, None) or _Failures()
        self._seen[name] = seen  # The newest is last.
        while seen.times and seen.times[0] <= now - WINDOW_SECONDS:
            seen.times.popleft()
        seen.times.append(now)
        if len(seen.times) >= FAILURES:
            seen.until = now + WINDOW_SECONDS
            seen.times.clear()
        if len(self._seen) > 2 * self._remembered:
            self._forget(now)

    def _forget(self, now: float) -> None:
        """Forget a tenth at once, so that it is not done at each attempt."""
        stale = [name for name, seen in self._seen.items() if seen.until <= now]
        locked = [name for name, seen in self._seen.items() if seen.until > now]
        for name in [*stale, *locked][: max(1, self._remembered // 5)]:
            del self._seen[name]


def _names(user: str | None, address: str) -> tuple[str, ...]:
    return (_address(address),) if user is None else (_user(user), _address(address))


def _user(user: str) -> str:
    return f"user {user}"


def _address(text: str) -> str:
    """One host: an IPv4 address, or the 64 bits that an IPv6 host can choose its addresses from."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return f"from {text[:64]}"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return f"from {address.ipv4_mapped}"
        return f"from {IPv6Network((address, 64), strict=False).network_address}"
    return f"from {address}"
