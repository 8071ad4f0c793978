"""Programs that are asked answer, or are out of time: none holds up a report."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from trebol_common.run import CommandRunner
from trebol_hardware.probe import health, programs
from trebol_hardware.probe.programs import TIMED_OUT, ask_all

IGNORES_TERM = ("sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
#: The descendant holds the output open, as a program does that hangs inside the kernel.
LEAVES_ITS_OUTPUT_OPEN = ("sh", "-c", "setsid sleep 10 & :")


@pytest.mark.parametrize(
    "command", [("sleep", "20"), IGNORES_TERM, LEAVES_ITS_OUTPUT_OPEN], ids=["hangs", "ignores-term", "unkillable"]
)
def test_a_program_that_does_not_end_is_out_of_time(command: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "TIMEOUT", 0.1)
    monkeypatch.setattr(programs, "_KILL_AFTER", 0.1)
    monkeypatch.setattr(programs, "_GRACE", 2)
    start = time.monotonic()

    answers = ask_all(CommandRunner(), {"bad": command, "good": ("echo", "well")})

    assert answers["bad"].status in TIMED_OUT
    assert health.health(answers["bad"]).unknown == health.NO_ANSWER
    assert answers["good"].stdout == "well\n"
    assert time.monotonic() - start < 10


def test_more_programs_than_run_at_once_are_all_asked() -> None:
    answers = ask_all(CommandRunner(), {number: ("echo", str(number)) for number in range(40)})

    assert {number: answer.stdout.strip() for number, answer in answers.items()} == {n: str(n) for n in range(40)}


def test_no_question_has_no_answer() -> None:
    assert ask_all(CommandRunner(), {}) == {}
