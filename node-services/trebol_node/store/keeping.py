"""Which snapshots are kept. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

#: How many hours, days and weeks have a snapshot kept: the last one of each.
HOURS, DAYS, WEEKS = 8, 7, 4


def keep(times: Iterable[datetime], now: datetime) -> frozenset[datetime]:
    """Of snapshots made at `times` (UTC), those to keep: the last of each of the last 8 hours, 7 days and 4 weeks.

    Hours, days and weeks that have none do not count: a node that was off for a month keeps what it had. Those from
    after `now` are chosen among themselves: either they or the clock are wrong, and neither costs the others their
    place.
    """
    all_times = frozenset(times)
    ahead = frozenset(time for time in all_times if time > now)
    return _chosen(all_times - ahead) | _chosen(ahead)


def _chosen(times: frozenset[datetime]) -> frozenset[datetime]:
    return (
        _last(times, HOURS, lambda time: time.strftime("%Y-%m-%d %H"))
        | _last(times, DAYS, lambda time: time.strftime("%Y-%m-%d"))
        | _last(times, WEEKS, lambda time: time.strftime("%G-%V"))
    )


def _last(times: frozenset[datetime], count: int, period: Callable[[datetime], str]) -> frozenset[datetime]:
    """The last snapshot of each of the last `count` periods that have one."""
    by_period = {period(time): time for time in sorted(times)}
    return frozenset(sorted(by_period.values())[-count:])
