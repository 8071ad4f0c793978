"""Whether a token lets a node in, and if not, why: in words that say what to do. Pure."""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from trebol_common.errors import Problem, TrebolError
from trebol_node.cluster.tokens import lifetime
from trebol_node.cluster.tokens.record import TokenRecord, Use, hash_secret
from trebol_node.cluster.tokens.token import ID, SECRET

_SECRET = re.compile(rf"[0-9a-f]{{{2 * SECRET}}}", re.ASCII)
_ID = re.compile(rf"[0-9a-f]{{{2 * ID}}}", re.ASCII)

_ANOTHER = "make another one on a member: trebol cluster token create"


@dataclass(frozen=True)
class Admitted:
    """The node may join. `again`: it goes on with a join that it began with this token."""

    again: bool = False


@dataclass(frozen=True)
class Garbled:
    """What was sent has not the form of an id and a secret."""

    code: ClassVar[str] = "token-garbled"

    @property
    def problem(self) -> Problem:
        """For people."""
        return Problem("is garbled", "token", "copy it again, whole: it is one line")


@dataclass(frozen=True)
class Unknown:
    """There is no such token, or its secret is another. Which of both is not told: it would help to guess."""

    code: ClassVar[str] = "token-unknown"

    @property
    def problem(self) -> Problem:
        """For people."""
        what = "is not known here: it was deleted, has ended long ago, or is another cluster's"
        return Problem(what, "token", f"see those that there are: trebol cluster token list; or {_ANOTHER}")


@dataclass(frozen=True)
class Expired:
    """It was good from `when` until `end`, in seconds since 1970."""

    code: ClassVar[str] = "token-expired"

    when: int
    end: int

    @property
    def problem(self) -> Problem:
        """For people."""
        good = lifetime.render(max(0, self.end - self.when))
        what = f"ended at {moment(self.end)}: it was made at {moment(self.when)} and good for {good}"
        return Problem(what, "token", f"{_ANOTHER}; with --ttl 1d it is good for a day")


@dataclass(frozen=True)
class Used:
    """A machine has used it. `same`: this one."""

    code: ClassVar[str] = "token-used"

    use: Use
    same: bool

    @property
    def problem(self) -> Problem:
        """For people."""
        who = "this machine" if self.same else "another machine"
        what = f"was used by {who}, as node {self.use.node}, at {moment(self.use.when)}; it is good once"
        return Problem(what, "token", _ANOTHER)


@dataclass(frozen=True)
class OtherNode:
    """It is for the node of another name."""

    code: ClassVar[str] = "token-other-node"

    node: str
    asked: str

    @property
    def problem(self) -> Problem:
        """For people."""
        what = f"is for node {self.node}, not for {self.asked}"
        return Problem(what, "token", f"use it there, or {_ANOTHER} --node {self.asked}")


@dataclass(frozen=True)
class Removed:
    """It hangs on a node that was removed from the cluster since: `member` made it, or is who it was for."""

    code: ClassVar[str] = "token-removed"

    member: str
    made_it: bool

    @property
    def problem(self) -> Problem:
        """For people."""
        how = "made by" if self.made_it else "for"
        what = f"no longer counts: it was {how} node {self.member}, which was removed from the cluster since"
        return Problem(what, "token", _ANOTHER)


Refusal = Garbled | Unknown | Expired | Used | OtherNode | Removed


class NotAdmitted(TrebolError):
    """A token does not let a node in; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        problem = refusal.problem
        super().__init__(problem.what, where=problem.where, hint=problem.hint)
        self.refusal = refusal


def admit(
    record: TokenRecord | None,
    secret: str,
    *,
    node: str,
    machine: str,
    members: Collection[str],
    removed: Mapping[str, int],
    now: int,
) -> Admitted | Refusal:
    """Whether `secret` lets `machine` join as `node`.

    `record` is what is kept of the token with the id that was shown, None where there is nothing; `members` are the
    names of the nodes of the cluster, `removed` says when others left it, `now` and that in seconds since 1970. It
    takes as long for a wrong secret as for a token that is not there.
    """
    if not _SECRET.fullmatch(secret):
        return Garbled()
    same = hmac.compare_digest(hash_secret(secret), hash_secret("") if record is None else record.hash)
    if record is None or not same:
        return Unknown()
    if record.used_by is not None:
        return _used(record.used_by, record, node=node, machine=machine, members=members)
    return _unused(record, node=node, members=members, removed=removed, now=now)


def is_id(text: str) -> bool:
    """Whether `text` has the form of a token's id."""
    return _ID.fullmatch(text) is not None


def moment(seconds: int) -> str:
    """A time for people: "2026-11-28 12:00:00 UTC"."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _used(use: Use, record: TokenRecord, *, node: str, machine: str, members: Collection[str]) -> Admitted | Refusal:
    # A join that goes on may take longer than the token is good.
    same = use.machine == machine
    is_under_way = not record.ended and use.node not in members
    return Admitted(again=True) if same and is_under_way and use.node == node else Used(use, same)


def _unused(
    record: TokenRecord, *, node: str, members: Collection[str], removed: Mapping[str, int], now: int
) -> Admitted | Refusal:
    if record.ended or record.end <= now:
        return Expired(record.when, record.end)
    if record.made_by not in members or _left_since(record.made_by, record, removed):
        return Removed(record.made_by, made_it=True)
    if record.node is not None and _left_since(record.node, record, removed):
        return Removed(record.node, made_it=False)
    if record.node is not None and record.node != node:
        return OtherNode(record.node, node)
    return Admitted()


def _left_since(name: str, record: TokenRecord, removed: Mapping[str, int]) -> bool:
    """Whether a node left after the token was made; one that came back has got another one for that."""
    return name in removed and removed[name] >= record.when
