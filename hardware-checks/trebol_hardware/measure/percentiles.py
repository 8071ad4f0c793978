"""Percentiles of samples."""

from __future__ import annotations

from collections.abc import Sequence


def percentile(ascending: Sequence[int], share: float) -> int:
    """The smallest sample that `share` (0 < share ≤ 1) of all samples do not exceed (nearest rank).

    `ascending` is sorted and not empty.
    """
    # In integers: 0.07 × 100 is a little more than 7 in binary fractions.
    rank = -(-round(share * 10**6) * len(ascending) // 10**6)
    return ascending[max(rank, 1) - 1]
