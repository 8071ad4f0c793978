"""The clock that is compared with the other hosts'."""

from __future__ import annotations

import os
import time

#: For tests alone: seconds that this program takes its host's clock to be ahead. Hosts of a test that share a kernel
#: share its clock too.
TEST_AHEAD = "TREBOL_TEST_CLOCK_AHEAD"

_AHEAD = int(os.environ.get(TEST_AHEAD, "0")) * 10**9


def now() -> int:
    """ns since 1970."""
    return time.time_ns() + _AHEAD


def of_kernel(moment: int) -> int:
    """A time that the kernel told, by the same clock; both in ns since 1970."""
    return moment + _AHEAD
