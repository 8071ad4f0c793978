"""The live system's own units and scripts: nothing of the node is drawn in, and what is named is there."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from tests.unit.media import PROJECT

LIVE = PROJECT / "iso/overlay/live"
UNITS = LIVE / "etc/systemd/system"
OURS = sorted(path for pattern in ("trebol-*.service", "trebol-*.target") for path in UNITS.glob(pattern))


@pytest.mark.parametrize("unit", OURS, ids=lambda path: path.name)
def test_a_unit_of_the_live_system_draws_nothing_in(unit: Path) -> None:
    text = unit.read_text()

    # Default dependencies would start sysinit.target, and with it what the node enables.
    assert "\nDefaultDependencies=no\n" in text
    if unit.suffix == ".service":
        assert "\nConflicts=shutdown.target\nBefore=shutdown.target\n" in text


def test_what_units_name_of_ours_is_there() -> None:
    for unit in OURS:
        text = unit.read_text()
        for name in re.findall(r"\btrebol-[a-z-]+(?:@\w*)?\.(?:service|target)\b", text):
            assert (UNITS / re.sub(r"@\w*\.", "@.", name)).is_file(), f"{unit.name} names {name}"
        for script in re.findall(r"^ExecStart\w*=[-+!@]*(/usr/lib/trebol-live/\S+)", text, re.MULTILINE):
            assert os.access(LIVE / script[1:], os.X_OK), f"{unit.name} starts {script}"


def test_the_terminals_of_the_live_system_have_their_places() -> None:
    wanted = (UNITS / "trebol-installer.target").read_text()

    assert "trebol-shell@tty2.service" in wanted and "trebol-log@tty3.service" in wanted
