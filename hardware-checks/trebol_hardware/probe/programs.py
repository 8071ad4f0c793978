"""Asking programs, many at once, each with a bound on its time: none may hold up a report."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

from trebol_common.run import CommandFailed, Completed, Runner

#: Seconds that a program has. A disk that answers smartctl at all does so in tenths of one.
TIMEOUT = 5

#: Seconds after which it is killed.
_KILL_AFTER = 1

#: timeout(1): statuses of a program that ran out of time, or had to be killed for it, by which timeout kills itself
#: too (negative: killed by that signal); of one that cannot be started.
TIMED_OUT = frozenset({124, 137, -9})
NO_PROGRAM = frozenset({126, 127})

#: Seconds more for the program to be started and its answer to be read.
_GRACE = 1

#: Programs at once: most of them wait for a device.
_AT_ONCE = 32

Key = TypeVar("Key")


def ask(runner: Runner, command: Sequence[str]) -> Completed:
    """What a program answers within TIMEOUT; a status of NO_PROGRAM where there is none, of TIMED_OUT after it."""
    try:
        return runner.run(["timeout", f"--kill-after={_KILL_AFTER}", str(TIMEOUT), *command], check=False)
    except CommandFailed as error:
        return Completed(error.status)


def ask_all(runner: Runner, questions: Mapping[Key, Sequence[str]]) -> dict[Key, Completed]:
    """`ask` of each at the same time; answers by the questions' keys.

    A program that not even SIGKILL ends, because a broken disk holds it inside the kernel, has run out of time too:
    it is left behind.
    """
    waiting: SimpleQueue[Key] = SimpleQueue()
    for key in questions:
        waiting.put(key)
    answers: dict[Key, Completed] = {}

    def work() -> None:
        while True:
            try:
                key = waiting.get_nowait()
            except Empty:
                return
            answers[key] = ask(runner, questions[key])

    # Not a pool of concurrent.futures: the interpreter waits for the threads of those before it ends.
    threads = [Thread(target=work, daemon=True) for _index in range(min(_AT_ONCE, len(questions)))]
    for thread in threads:
        thread.start()
    rounds = -(-len(questions) // _AT_ONCE)
    end = time.monotonic() + rounds * (TIMEOUT + _KILL_AFTER + _GRACE)
    for thread in threads:
        thread.join(max(end - time.monotonic(), 0))
    return {key: answers.get(key, Completed(min(TIMED_OUT))) for key in questions}
