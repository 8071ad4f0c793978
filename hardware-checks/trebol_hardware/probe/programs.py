"""Asking programs, many at once, each with a bound on its time: none may hold up a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from trebol_common.run import CommandFailed, Completed, Runner

#: Seconds that a program has. A disk that answers smartctl at all does so in tenths of one.
TIMEOUT = 5

#: timeout(1): statuses of a program that ran out of time, or had to be killed for it; of one that cannot be started.
TIMED_OUT = frozenset({124, 137})
NO_PROGRAM = frozenset({126, 127})

#: Programs at once: most of them wait for a device.
_AT_ONCE = 32

Key = TypeVar("Key")


def ask(runner: Runner, command: Sequence[str]) -> Completed:
    """What a program answers within TIMEOUT; a status of NO_PROGRAM where there is none, of TIMED_OUT after it."""
    try:
        return runner.run(["timeout", "--kill-after=1", str(TIMEOUT), *command], check=False)
    except CommandFailed as error:
        return Completed(error.status)


def ask_all(runner: Runner, questions: Mapping[Key, Sequence[str]]) -> dict[Key, Completed]:
    """`ask` of each at the same time; answers by the questions' keys."""
    if not questions:
        return {}
    with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(questions))) as pool:
        return dict(zip(questions, pool.map(lambda command: ask(runner, command), questions.values()), strict=True))
