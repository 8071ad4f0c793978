"""What the screens know of the machine and the medium besides what was typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trebol_common.medium import Manifest
from trebol_common.tui.page import Element, Text, Tone
from trebol_hardware.checks.finding import Finding
from trebol_hardware.machine import Machine


@dataclass(frozen=True)
class Facts:
    """`machine` is None while it is looked at. `failures` are the jobs that could not find something out, by name."""

    machine: Machine | None = None
    findings: tuple[Finding, ...] = ()
    manifest: Manifest | None = None
    failures: Mapping[str, str] = field(default_factory=dict)

    def instead(self, looking: str) -> tuple[Element, ...]:
        """What a screen shows while there is no machine to show: that it is looked at, or why it cannot be."""
        if self.failures:
            return tuple(Text(told, Tone.BAD) for told in self.failures.values())
        return (Text(looking),)
