"""Asking many sources at once, none of which holds up the rest."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from trebol_common.errors import TrebolError
from trebol_common.run import Argument, Completed, Runner

#: Seconds that a source has.
WITHIN = 2.0

Key = TypeVar("Key")


@dataclass(frozen=True)
class Silent:
    """It did not answer, and why."""

    reason: str


def ask_all(
    questions: Mapping[Key, Callable[[], Any]],
    *,
    within: float = WITHIN,
    clock: Callable[[], float] = time.monotonic,
) -> dict[Key, Any]:
    """What each question answers, by its key; `Silent` of one that fails, or is not done after so many seconds.

    One that hangs is left behind: its thread keeps nobody from ending.
    """
    answers: dict[Key, Any] = {}

    def work(key: Key, question: Callable[[], Any]) -> None:
        try:
            answers[key] = question()
        except TrebolError as error:
            answers[key] = Silent("; ".join(problem.what for problem in error.problems))
        except OSError as error:
            answers[key] = Silent(error.strerror or str(error))

    threads = [threading.Thread(target=work, args=each, daemon=True) for each in questions.items()]
    end = clock() + within
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - clock()))
    late = Silent(f"no answer within {within:g} s")
    return {key: answers.get(key, late) for key in questions}


@dataclass(frozen=True)
class Bounded:
    """A `Runner` whose programs are ended by timeout(1) after so many seconds."""

    runner: Runner
    seconds: float = WITHIN

    def run(
        self,
        command: Sequence[Argument],
        *,
        input: str | None = None,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        secrets: Sequence[str] = (),
        on_line: Callable[[str], None] | None = None,
    ) -> Completed:
        """See `Runner.run`."""
        return self.runner.run(
            ["timeout", "--kill-after=1", f"{self.seconds:g}", *command],
            input=input,
            check=check,
            env=env,
            cwd=cwd,
            secrets=secrets,
            on_line=on_line,
        )
