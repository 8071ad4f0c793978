"""Wear of eMMC, which the kernel reads by itself: no program has to be asked."""

from __future__ import annotations

from pathlib import Path

from trebol_hardware.facts import DiskHealth
from trebol_hardware.probe.sysfs import read_text

#: PRE_EOL_INFO (JESD84-B51, 7.4.43) → at most so many per cent of the spare blocks are left: normal (not told),
#: warning, urgent.
_SPARE: dict[int, int | None] = {1: None, 2: 20, 3: 10}
_URGENT = 3

#: DEVICE_LIFE_TIME_EST (7.4.44, 7.4.45) counts tenths of the endurance, 11 is beyond it; 0 is not told.
_BEYOND = 11


def wear(device: Path) -> DiskHealth | None:
    """What `device`, the sysfs folder of a card, tells of its wear; None where it tells nothing (SD, old eMMC).

    `used` is the beginning of the tenth that it names, of the worse of its two kinds of cells.
    """
    tenths = [value for word in read_text(device / "life_time").split() if 0 < (value := _number(word)) <= _BEYOND]
    end = _number(read_text(device / "pre_eol_info"))
    if not tenths and end not in _SPARE:
        return None
    return DiskHealth(
        passed=end != _URGENT if end in _SPARE else None,
        used=(max(tenths) - 1) * 10 if tenths else None,
        spare=_SPARE.get(end),
    )


def _number(word: str) -> int:
    """A number as sysfs writes it ("0x03"); 0 for anything else."""
    try:
        return int(word, 16)
    except ValueError:
        return 0
