"""Progress is told once and read by everybody."""

import io
from pathlib import Path

import pytest

from trebol_common.events import Context, Event, Kind, into_file, json_lines, tee, while_it_lasts
from trebol_common.progress import describe, duration, show_progress


class Clock:
    """Time that moves only when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_nested_work_starts_and_finishes_in_order_with_its_time() -> None:
    events: list[Event] = []
    clock = Clock()
    with Context(events.append, clock=clock).child("install", "Installing") as install:
        clock.now = 2.0
        with install.child("copy", "Copying") as copy:
            copy.progress(5, 10, "bytes")
            clock.now = 5.0
    assert [(event.kind, event.path) for event in events] == [
        (Kind.START, ("install",)),
        (Kind.START, ("install", "copy")),
        (Kind.PROGRESS, ("install", "copy")),
        (Kind.FINISH, ("install", "copy")),
        (Kind.FINISH, ("install",)),
    ]
    assert [event.seconds for event in events if event.kind is Kind.FINISH] == [3.0, 5.0]


def test_failed_work_finishes_as_failed_with_its_reason() -> None:
    events: list[Event] = []
    with pytest.raises(ValueError, match="disk full"), Context(events.append).child("copy"):
        raise ValueError("disk full")
    assert events[-1].ok is False
    assert events[-1].data == {"error": "disk full"}


def test_a_json_line_reads_back_as_the_same_event() -> None:
    event = Event(Kind.PROGRESS, ("a", "b"), 1.5, done=0.0, total=7.0, unit="bytes")
    assert Event.from_json(event.to_json()) == event
    finish = Event(Kind.FINISH, ("a",), 1.5, ok=False, seconds=0.0, data={"error": "x"})
    assert Event.from_json(finish.to_json()) == finish


def test_every_sink_gets_every_event() -> None:
    stream, events = io.StringIO(), list[Event]()
    Context(tee(json_lines(stream), events.append)).log("hello")
    assert Event.from_json(stream.getvalue()) == events[0]


def test_a_person_sees_phases_rate_and_remaining_time() -> None:
    stream, clock = io.StringIO(), Clock()
    with Context(show_progress(stream), clock=clock).child("copy", "Copying") as step:
        step.progress(0, 100e6, "bytes")
        clock.now = 10.0
        step.progress(50e6, 100e6, "bytes")
        clock.now = 20.0
    assert stream.getvalue().splitlines() == ["… Copying", "… Copying  50 %  5.0 MB/s  10 s left", "✓ Copying  20 s"]


def test_a_screen_that_is_gone_does_not_end_the_work() -> None:
    seen: list[Event] = []
    shown: list[Event] = []

    def screen(event: Event) -> None:
        shown.append(event)
        raise BrokenPipeError

    context = Context(tee(seen.append, while_it_lasts(screen)))
    context.log("one")
    context.log("two")
    assert [event.text for event in seen] == ["one", "two"]
    assert [event.text for event in shown] == ["one"]


def test_a_full_disk_costs_the_events_not_the_work_and_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    with into_file(Path("/dev/full")) as sink:
        context = Context(sink)
        context.log("one")
        context.log("two")
    assert capsys.readouterr().err == "warning: /dev/full: cannot be written any more: No space left on device\n"


def test_a_failed_phase_is_marked() -> None:
    stream = io.StringIO()
    with (
        pytest.raises(ValueError, match="no"),
        Context(show_progress(stream), clock=Clock()).child("copy", "Copying"),
    ):
        raise ValueError("no")
    assert stream.getvalue().splitlines()[-1].startswith("✗ Copying")


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (Event(Kind.PROGRESS, (), 4.0, done=30, total=120, unit="packages"), "25 %  8 packages/s  12 s left"),
        (Event(Kind.PROGRESS, (), 4.0, done=30, total=100, unit="%"), "30 %  9.3 s left"),
        (Event(Kind.PROGRESS, (), 4.0, done=30), "30"),
    ],
)
def test_progress_is_described_in_its_unit(event: Event, text: str) -> None:
    assert describe(event, 0.0, 0.0) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.44, "0.4 s"), (59.4, "59 s"), (187, "3:07"), (3723, "1:02:03")])
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_terminal_that_knows_no_check_marks_does_not_end_the_work() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    with Context(show_progress(stream), clock=Clock()).child("copy", "Copying to año"):
        pass
    stream.seek(0)
    assert stream.read() == "? Copying to año\n? Copying to año  0.0 s\n"
