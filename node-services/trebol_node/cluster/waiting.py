"""Refusals that pass by themselves: a node that joins waits, and tells them by their code, never by words."""

from __future__ import annotations

from typing import ClassVar

from trebol_common.errors import Refused, TrebolError


class Waits(Refused):
    """It is another node's turn: whoever joins asks again."""

    code: ClassVar[str] = "wait"


class NoCluster(Refused):
    """The node stands alone: whoever waits as long as it takes asks again."""

    code: ClassVar[str] = "no-cluster"


class LockedOut(Refused):
    """Too many were wrong that came from this address, of this node or another one: likewise."""

    code: ClassVar[str] = "locked-out"


#: By the code that an answer of the API has.
BY_CODE: dict[str, type[Refused]] = {kind.code: kind for kind in (Waits, NoCluster, LockedOut)}


def code_of(error: TrebolError) -> str:
    """The code of an error; empty for one that passes by nothing."""
    return error.code if isinstance(error, Waits | NoCluster | LockedOut) else ""
