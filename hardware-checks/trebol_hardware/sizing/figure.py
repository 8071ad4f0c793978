"""A number with all that it needs to be believed: unit, formula, source."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from trebol_hardware.sizing.units import show_disk_size, show_memory_size, show_time


class Unit(StrEnum):
    """What a figure counts. MEMORY is bytes too, but shown in binary units only."""

    BYTES = "bytes"
    MEMORY = "memory bytes"
    SECONDS = "seconds"
    CORES = "cores"
    NUMBER = "number"


class Basis(StrEnum):
    """Whose figures went in: the project's brief of 2014, or today's upstream documents; or plain arithmetic."""

    NONE = ""
    BRIEF = "brief"
    UPSTREAM = "upstream"


@dataclass(frozen=True)
class Figure:
    """One result. `value` is None where there is none, and `reason` says why; `code` never changes its meaning."""

    code: str
    title: str
    value: float | None
    unit: Unit
    formula: str
    source: str = ""
    basis: Basis = Basis.NONE
    reason: str = ""

    @property
    def shown(self) -> str:
        """The value as people read it."""
        if self.value is None:
            return "–"
        match self.unit:
            case Unit.BYTES:
                return show_disk_size(round(self.value))
            case Unit.MEMORY:
                return show_memory_size(round(self.value))
            case Unit.SECONDS:
                return show_time(self.value)
            case Unit.CORES | Unit.NUMBER:
                return f"{self.value:g}"

    def to_members(self) -> dict[str, Any]:
        """The JSON form."""
        return asdict(self)
