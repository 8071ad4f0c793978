"""How far a transaction is. Pure; `trebol_node.cluster.steps.disk` keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

#: For pydantic, which reads and writes these.
_CONFIG: dict[str, Any] = {"extra": "forbid"}


class State(StrEnum):
    """How a step is. BEGUN: what of it is done, nobody knows; going on does it, or undoes it, once more."""

    PENDING = "pending"
    BEGUN = "begun"
    DONE = "done"
    UNDONE = "undone"


class Direction(StrEnum):
    """Where a transaction goes; from BACK there is no way to FORWARD."""

    FORWARD = "forward"
    BACK = "back"


@dataclass(frozen=True)
class Entry:
    """One step; `reason` says why it, or its undo, failed, `when` since when it is as it is (ISO 8601, UTC)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    name: str
    state: State = State.PENDING
    reason: str = ""
    when: str = ""

    @property
    def is_to_undo(self) -> bool:
        """Whether something of it may be there."""
        return self.state in (State.BEGUN, State.DONE)


@dataclass(frozen=True)
class Journal:
    """`kind` is what it is, as its command is called ("join"); `arguments` what it was begun with, `facts` what its
    steps found out and need later: both JSON, without secrets. `reason` says why it goes back."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    kind: str
    steps: tuple[Entry, ...]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    direction: Direction = Direction.FORWARD
    reason: str = ""

    @classmethod
    def of(cls, kind: str, names: Sequence[str], arguments: Mapping[str, Any]) -> Journal:
        """Nothing is begun."""
        return cls(kind, tuple(map(Entry, names)), dict(arguments))

    @property
    def names(self) -> tuple[str, ...]:
        """The steps', in their order."""
        return tuple(entry.name for entry in self.steps)

    @property
    def is_done(self) -> bool:
        """Whether all of it is done."""
        return all(entry.state is State.DONE for entry in self.steps)

    @property
    def is_undone(self) -> bool:
        """Whether it went back, and nothing of it is left."""
        return self.direction is Direction.BACK and not any(entry.is_to_undo for entry in self.steps)

    def to_do(self) -> tuple[int, ...]:
        """What lies ahead, by index, in the order in which it is done; one that had begun begins anew."""
        return tuple(index for index, entry in enumerate(self.steps) if entry.state is not State.DONE)

    def to_undo(self) -> tuple[int, ...]:
        """What is to be taken back, by index, in the order in which that is done."""
        return tuple(index for index, entry in reversed(tuple(enumerate(self.steps))) if entry.is_to_undo)

    def has_begun(self, index: int) -> bool:
        """Whether something of a step may be done."""
        return self.steps[index].is_to_undo

    def marked(self, index: int, state: State, when: datetime, reason: str = "") -> Journal:
        """With one step in another state."""
        told = when.astimezone(UTC).isoformat(timespec="seconds")
        entry = Entry(self.steps[index].name, state, reason, told)
        return replace(self, steps=(*self.steps[:index], entry, *self.steps[index + 1 :]))

    def going_back(self, reason: str) -> Journal:
        """On its way back; the first reason stays."""
        return replace(self, direction=Direction.BACK, reason=self.reason or reason)

    def knowing(self, facts: Mapping[str, Any]) -> Journal:
        """With more facts, or other ones."""
        return replace(self, facts={**self.facts, **facts})
