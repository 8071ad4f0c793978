"""Which of several hosts is the odd one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TypeVar

Value = TypeVar("Value")


def usual(values: Mapping[str, Value], *, not_of: str) -> Value | None:
    """What most hosts have, by host; of equally many what the members have, not the host `not_of`, which is new.
    None of none."""
    if not values:
        return None
    counts = Counter(values.values())
    members = Counter(value for host, value in values.items() if host != not_of)
    return max(counts, key=lambda value: (counts[value], members[value]))


def odd(values: Mapping[str, Value], *, not_of: str) -> dict[str, Value]:
    """The hosts that have something else than `usual`, and what."""
    most = usual(values, not_of=not_of)
    return {host: value for host, value in values.items() if value != most}
