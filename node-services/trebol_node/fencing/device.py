"""A fence device of a node, and when it was last proved: the records `fencing/devices/ID`, `fencing/proofs/NODE`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self

from trebol_common.errors import BadInput

#: Levels of a node (pacemaker takes 1 to 9).
LEVELS = range(1, 10)

AGENT = r"fence_[a-z0-9_]{1,32}"
NAME = r"[a-z][a-z0-9-]{0,31}"
NODE = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_OPTION = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")

#: Digits of a digest by which two forms of one device are told apart.
_SHORT = 8


class How(StrEnum):
    """By what a path was proved."""

    STATUS = "status"
    POWER_CYCLE = "power-cycle"


@dataclass(frozen=True)
class Device:
    """What cuts the power of `node`. All devices of one `level` have to do it, as for two power supplies; the next
    level is tried where one fails. `sealed` has secrets as `trebol_node.fencing.sealing` makes them."""

    node: str
    name: str
    agent: str
    level: int
    options: Mapping[str, str] = field(default_factory=dict)
    sealed: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """NODE.NAME: a node's name has no dot."""
        return f"{self.node}.{self.name}"

    @property
    def digest(self) -> str:
        """SHA-256 of all that it is, in hexadecimal."""
        return _digest(self.to_members())

    @property
    def resource(self) -> str:
        """Its name in pacemaker. Another form of it has another one: files with its secrets never change, and those
        of before are there for as long as pacemaker asks for them."""
        return f"trebol-fence-{self.id}-{self.digest[:_SHORT]}"

    def to_members(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "options": dict(self.options), "sealed": dict(self.sealed)}

    @classmethod
    def of(cls, members: Mapping[str, Any], *, where: str = "fencing/devices") -> Self:
        """The inverse of `to_members`. Raises BadInput."""
        try:
            made = cls(**members)
            fits = (
                re.fullmatch(NODE, made.node)
                and re.fullmatch(NAME, made.name)
                and re.fullmatch(AGENT, made.agent)
                and made.level in LEVELS
                and all(_is_option(*each) for each in (*made.options.items(), *made.sealed.items()))
            )
        except (TypeError, AttributeError) as error:
            raise BadInput(f"is damaged: {error}", where=where) from error
        if not fits:
            raise BadInput("is damaged", where=where)
        return made


def _is_option(name: object, value: object) -> bool:
    return isinstance(name, str) and isinstance(value, str) and bool(_OPTION.fullmatch(name))


@dataclass(frozen=True)
class Proof:
    """The last test of a node's devices, at `tested` (seconds since 1970), by the node `by`; `digest` is that of the
    devices. `proven` is when it last succeeded, 0: never; `problems` is empty where this one did."""

    digest: str
    tested: int
    proven: int
    how: How
    by: str
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_members(self) -> dict[str, Any]:
        """As JSON values."""
        made = asdict(self)
        return {**made, "how": self.how.value, "problems": list(self.problems), "warnings": list(self.warnings)}

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> Self:
        """The inverse of `to_members`. Raises BadInput."""
        try:
            made = cls(**members)
            return cls(
                made.digest,
                int(made.tested),
                int(made.proven),
                How(made.how),
                made.by,
                tuple(made.problems),
                tuple(made.warnings),
            )
        except (TypeError, ValueError) as error:
            raise BadInput(f"is damaged: {error}", where="fencing/proofs") from error


def digest_of(devices: Iterable[Device]) -> str:
    """Of all of them together, in whatever order."""
    return _digest(sorted(each.resource for each in devices))


def levels(devices: Iterable[Device]) -> dict[int, tuple[Device, ...]]:
    """Those of one node by level, the first to be tried first."""
    found: dict[int, tuple[Device, ...]] = {}
    for each in sorted(devices, key=lambda device: (device.level, device.name)):
        found[each.level] = (*found.get(each.level, ()), each)
    return found


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
