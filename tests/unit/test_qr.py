"""A QR code on the screen is the code, module by module, with light around it."""

from __future__ import annotations

import pytest
import segno

from trebol_common.tui.qr import QUIET, half_blocks

#: Whether the upper and the lower half of a character are light, on a dark terminal.
LIGHT = {"█": (True, True), "▀": (True, False), "▄": (False, True), " ": (False, False)}


@pytest.mark.parametrize("text", ["https://192.0.2.1:9090", "https://[2001:db8::10]:9090", "x" * 80])
def test_a_code_on_the_screen_has_the_modules_of_the_code(text: str) -> None:
    halves = [[LIGHT[sign] for sign in line] for line in half_blocks(text)]
    drawn = [[pair[half] for pair in line] for line in halves for half in (0, 1)]
    modules = [list(row) for row in segno.make_qr(text, error="L", boost_error=False).matrix]

    inside = [row[QUIET:-QUIET] for row in drawn[QUIET : QUIET + len(modules)]]
    assert inside == [[not module for module in row] for row in modules]
    assert all(all(row) for row in drawn[:QUIET])
    assert all(row[0] and row[1] and row[-1] and row[-2] for row in drawn[: QUIET + len(modules)])


def test_the_code_of_an_address_fits_the_smallest_terminal() -> None:
    lines = half_blocks("https://[2001:db8:1234:5678:9abc:def0]:9090")

    assert len(lines) <= 17
    assert max(map(len, lines)) <= 33
