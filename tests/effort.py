"""How many examples a property is tried with: a quarter in `make check`, all of them before an issue is resolved."""

from __future__ import annotations

import os

#: Set by `make test-full`.
FULL = os.environ.get("TREBOL_EFFORT") == "full"


def effort(examples: int) -> int:
    """So many of `examples` as this run is to try."""
    return examples if FULL else examples // 4
