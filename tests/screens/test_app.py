"""A console program on a terminal of its own: its keys that no page has."""

from __future__ import annotations

import sys

import pexpect

PROGRAM = """
from trebol_common.tui.app import App
from trebol_common.tui.page import Action, Page, Text

class Still:
    def begin(self, jobs): ...
    def page(self): return Page("A page", (Text("as it was"),), (Action("next", "Next"),))
    def change(self, key, value): ...
    def act(self, name): ...

App(Still(), shell={shell}).run()
"""
CTRL_X, CTRL_L = "\x18", "\x0c"
#: What a terminal makes signals of, or stops for.
QUIT, SUSPEND, STOP = "\x1c", "\x1a", "\x13"
CURSOR = "\x1b[?25h"
WITHIN = 20


def _program(*, shell: bool) -> pexpect.spawn[str]:
    program = pexpect.spawn(
        sys.executable, ["-c", PROGRAM.format(shell=shell)], dimensions=(24, 80), encoding="utf-8", timeout=WITHIN
    )
    program.expect("as it was")
    # The cursor is shown once all is drawn.
    program.expect_exact(CURSOR)
    return program


def test_a_key_opens_a_shell_and_its_end_leads_back() -> None:
    program = _program(shell=True)

    program.send(CTRL_X)
    program.expect("[#$] ")
    program.sendline("echo in'side'; exit")
    program.expect(r"[\r\n]inside")
    program.expect("as it was")
    program.close(force=True)


def test_a_program_that_offers_no_shell_opens_none() -> None:
    program = _program(shell=False)

    program.send(CTRL_X)
    program.sendline("echo in'side'")
    assert program.expect(["inside", pexpect.TIMEOUT], timeout=1) == 1
    program.close(force=True)


def test_no_key_ends_or_stops_a_program_that_no_shell_could_continue() -> None:
    program = _program(shell=False)

    for key in (QUIT, SUSPEND, STOP):
        program.send(key)
        program.send(CTRL_L)
        program.expect("as it was")
    assert program.isalive()
    program.close(force=True)
