"""Codes to mute in an answer file that no check has."""

from __future__ import annotations

from collections.abc import Iterator

from trebol_common.answers.model import Checks
from trebol_common.errors import BadInput, Problem


def mute_problems(wishes: Checks) -> Iterator[Problem]:
    """Codes to mute that no check has, each with those that are close to it."""
    if not wishes.mute:
        return
    # The checks are fifty modules' worth of loading: only for whoever mutes.
    from trebol_hardware.checks.registry import find

    for code in wishes.mute:
        try:
            find(code)
        except BadInput as error:
            (problem,) = error.problems
            yield Problem(f"{code!r}: {problem.what}", "checks.mute", problem.hint)
