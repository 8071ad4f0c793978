"""Errors of the worker, and how they cross the socket: by the name of their kind, with every problem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trebol_common.errors import BadInput, NoSpace, Problem, Refused, TrebolError
from trebol_node.tasks import NoSuchTask


class WorkerAbsent(TrebolError):
    """The worker is not there, does not answer, or went away: what was asked for may have been done or not."""


class AuthenticationFailed(TrebolError):
    """It is not so that this user has this password; whether the user exists is not told."""

    def __init__(self, what: str = "authentication failure") -> None:
        super().__init__(what)


class NotFound(BadInput):
    """What was named does not exist on this node."""


class Modified(TrebolError):
    """It is not any more what the caller has read: somebody else was faster."""


#: What crosses by name; an error of another kind crosses as the nearest that it is one of.
KINDS: Mapping[str, type[TrebolError]] = {
    kind.__name__: kind
    for kind in (
        TrebolError,
        BadInput,
        Refused,
        NoSpace,
        WorkerAbsent,
        AuthenticationFailed,
        NotFound,
        Modified,
        NoSuchTask,
    )
}


def to_members(error: TrebolError) -> dict[str, Any]:
    """`{"kind": "BadInput", "problems": [{"what", "where", "hint"}, …]}`."""
    kind = next(each.__name__ for each in type(error).__mro__ if KINDS.get(each.__name__) is each)
    problems = [{"what": each.what, "where": each.where, "hint": each.hint} for each in error.problems]
    return {"kind": kind, "problems": problems}


def from_members(members: Mapping[str, Any]) -> TrebolError:
    """The error as it was raised. A kind that a newer worker knows is the plain one here."""
    problems = [Problem(each["what"], each["where"], each["hint"]) for each in members["problems"]]
    return KINDS.get(members["kind"], TrebolError).of(problems)
