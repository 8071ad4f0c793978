"""Whoever stands at the machine and whoever sits at its serial line answer the same screens, one at a time."""

from __future__ import annotations

import pytest
from tests.e2e.two_consoles import ELSEWHERE, TAKE_OVER, TwoConsoles

PICTURES = ("welcome", "hardware", "disks", "network", "review")


@pytest.mark.parametrize("name", PICTURES[1:])
def test_the_line_that_does_not_drive_says_who_does(two_consoles: TwoConsoles, name: str) -> None:
    assert ELSEWHERE in two_consoles.serial[name] and TAKE_OVER in two_consoles.serial[name]


def test_nothing_is_lost_from_one_console_to_the_other(two_consoles: TwoConsoles) -> None:
    assert two_consoles.serial["after"] == two_consoles.serial["before"]
    assert "node53.example.org" in two_consoles.serial["after"]


def test_the_machines_own_screen_shows_each_screen(two_consoles: TwoConsoles) -> None:
    pictures = {two_consoles.pictures[name].read_bytes() for name in PICTURES}
    assert len(pictures) == len(PICTURES)
