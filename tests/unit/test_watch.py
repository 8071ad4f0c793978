"""What is to be seen of an installation by its events."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trebol_common.events import Context, Event, Kind
from trebol_common.tui.page import Progress, Text
from trebol_installer.screens.draft import Draft
from trebol_installer.screens.watch import Watched, page, watch


class Clock:
    """A second passes with each look."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def installation(*, fails: int | None = None, repeats: bool = False, until: int = 3) -> list[Event]:
    """The events of three steps, of which one may fail, and be done again."""
    seen: list[Event] = []
    context = Context(seen.append, clock=Clock())
    try:
        with context.child("install", "Install Trebol") as inside:
            inside.result(weights=[1, 8, 1])
            for number in range(until):
                if fails == number:
                    try:
                        with inside.child(f"step{number}", f"Step {number}") as step:
                            step.log("mkfs: no space")
                            raise OSError("no space")
                    except OSError:
                        if not repeats:
                            raise
                with inside.child(f"step{number}", f"Step {number}") as step:
                    step.progress(50, 100, "bytes")
                    step.log(f"line {number}")
    except OSError:
        pass
    return seen


def test_a_good_end_is_known() -> None:
    seen = watch(iter(installation()))

    assert seen.ended is True and not seen.failure and not seen.waits
    assert [step.text for step in seen.done] == ["Step 0", "Step 1", "Step 2"]
    assert seen.fraction == 1.0
    assert seen.log == ("line 0", "line 1", "line 2")


@pytest.mark.parametrize(("events", "fraction"), [(2, 0.0), (3, 0.0), (4, 0.05), (6, 0.1), (8, 0.5)])
def test_how_far_it_is_goes_by_what_a_step_takes(events: int, fraction: float) -> None:
    assert watch(iter(installation()[:events])).fraction == pytest.approx(fraction)


def test_a_step_that_failed_waits_until_it_is_done_again_or_the_installation_ends() -> None:
    whole = installation(fails=1, repeats=True)
    failed = next(number for number, event in enumerate(whole) if event.ok is False)

    waiting = watch(iter(whole[: failed + 1]))
    assert waiting.waits and waiting.failure == "no space"
    assert not watch(iter(whole[: failed + 2])).waits, "it has begun again"
    assert watch(iter(whole)).ended is True

    ended = watch(iter(installation(fails=1)))
    assert ended.ended is False and not ended.waits and ended.failure == "no space"


def test_the_screens_say_what_runs_and_why_it_failed() -> None:
    running = page(watch(iter(installation()[:8])), Draft(), (), (), 130.0).elements
    texts = [element.text for element in running if isinstance(element, Text)]
    (bar,) = [element for element in running if isinstance(element, Progress)]
    assert texts == ["Step 1"]
    assert bar.text.startswith("step 2 of 3  50 %") and "28 s so far" in bar.text

    failed = page(watch(iter(installation(fails=1))), Draft(), (), (), 130.0).elements
    assert [element.text for element in failed if isinstance(element, Text)] == ["Step 1", "no space"]


def test_a_refusal_before_the_first_step_is_a_failure() -> None:
    refused = Event(Kind.FINISH, ("prepare",), 1.0, ok=False, data={"error": "sda: is not empty"})

    seen = watch(iter([Event(Kind.START, ("prepare",), 0.5), refused]))

    assert seen.ended is False and seen.failure == "sda: is not empty"
    assert watch(iter([replace(refused, ok=True, data={})])) == Watched(now=1.0)
