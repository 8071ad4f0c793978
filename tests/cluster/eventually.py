"""Waiting for what a node does by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

WITHIN = 60.0


def eventually(look: Callable[[], Any], *, within: float = WITHIN) -> Any:
    """What `look` gives once it gives something, and raises nothing; AssertionError where it never does."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        with suppress(Exception):
            if seen := look():
                return seen
        time.sleep(0.2)
    seen = look()
    assert seen, f"not within {within:.0f} s"
    return seen
