"""What was measured, as values, and the table that people read."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field

from trebol_common.errors import TrebolError


@dataclass(frozen=True)
class Phase:
    """A part of a measured run, in seconds."""

    name: str
    seconds: float


@dataclass(frozen=True)
class Figure:
    """One measured value; with a floor (the least that it could be, measured on the same machine), also their ratio.

    `goal` is what the project wants, in words; nothing here fails when it is missed.
    """

    name: str
    value: float
    unit: str
    goal: str = ""
    floor: float | None = None
    floor_is: str = ""
    phases: tuple[Phase, ...] = ()
    floor_phases: tuple[Phase, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Nothing that is measured here takes no time or no room: such a value was not measured, NaN included.
        for what, value in (("", self.value), ("floor of ", self.floor)):
            if value is not None and not value > 0:
                raise TrebolError(f"{what}{self.name}: {value} {self.unit} cannot be a measured value")

    @property
    def ratio(self) -> float | None:
        """Value by floor."""
        return None if self.floor is None else self.value / self.floor


def machine() -> str:
    """What the figures are measured on, and how busy it is with something else."""
    processors = f"{os.cpu_count()} processors, {platform.machine()}, Linux {platform.release()}"
    return f"{processors}, load {os.getloadavg()[0]:.1f}"


def to_json(figures: Sequence[Figure], measured_on: str) -> str:
    """All figures, with their ratios; `measured_on` is what `machine` said before the first of them."""
    return json.dumps(
        {
            "machine": measured_on,
            "figures": [{**asdict(figure), "ratio": figure.ratio} for figure in figures],
        },
        indent=2,
        ensure_ascii=False,
    )


def to_text(figure: Figure) -> str:
    """A figure with its phases, in lines of at most 100 columns."""
    lines = [f"{figure.name:<44} {_amount(figure.value, figure.unit):>12}"]
    if figure.floor is not None:
        lines[0] += f"   floor {_amount(figure.floor, figure.unit):>10}   ratio {figure.value / figure.floor:.2f}"
    if figure.goal:
        lines.append(f"  goal: {figure.goal}")
    if figure.floor_is:
        lines.append(f"  floor: {figure.floor_is}")
    lines += [f"  {name}: {value}" for name, value in figure.notes.items()]
    lines += _phases("phases", figure.phases, figure.unit)
    lines += _phases("phases of the floor", figure.floor_phases, figure.unit)
    return "\n".join(lines)


def _phases(title: str, phases: Iterable[Phase], unit: str) -> list[str]:
    rows = [f"    {phase.name:<42} {_amount(phase.seconds, unit):>10}" for phase in phases]
    return [f"  {title}:", *rows] if rows else []


def _amount(value: float, unit: str) -> str:
    return f"{value:.1f} {unit}" if value < 100 else f"{value:.0f} {unit}"
