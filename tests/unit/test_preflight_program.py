"""The program that reads and measures, and the unit that it runs in."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest
from tests.unit.preflight_facts import NEW, host

from trebol_common import __version__
from trebol_common.errors import TrebolError
from trebol_common.run import Completed
from trebol_node.cluster.preflight import program
from trebol_node.cluster.preflight.clock import TEST_AHEAD
from trebol_node.cluster.preflight.facts import AddressFacts, ClockFacts, HostFacts, Way
from trebol_node.cluster.preflight.measure import PORT, Pace, measure, responding
from trebol_node.cluster.preflight.questions import FactsQuestion, Measured, MeasureQuestion
from trebol_node.cluster.preflight.unit import Program

KEY = b"k" * 32
LOOPBACK = HostFacts("a", "1", ClockFacts(0), links=("127.0.0.1",), addresses=(AddressFacts("lo", "127.0.0.1/8"),))


class Runs:
    """A runner that knows one answer."""

    def __init__(self, answer: Completed) -> None:
        self.answer = answer
        self.seen: tuple[str, ...] = ()
        self.input = ""

    def run(self, command: tuple[str, ...], *, input: str = "", check: bool = True) -> Completed:
        """See `Runner.run`."""
        self.seen, self.input = command, input
        return self.answer


def properties(command: tuple[str, ...]) -> dict[str, str]:
    """What systemd is told of the unit."""
    found = (word.removeprefix("--property=").partition("=") for word in command if word.startswith("--property="))
    return {name: value for name, _equals, value in found}


def test_facts_are_read_by_a_unit_that_writes_nothing_and_opens_no_raw_socket() -> None:
    runs = Runs(Completed(0, host(NEW).to_json()))
    question = FactsQuestion(("192.0.2.4",), ("node1",), joining=True)
    assert Program(runs).facts(question) == host(NEW)  # type: ignore[arg-type]
    assert FactsQuestion.handed_over(runs.input) == question
    told = properties(runs.seen)
    assert told["ReadOnlyPaths"] == "/" and told["PrivateTmp"] == "yes" and int(told["RuntimeMaxSec"]) <= 30
    assert "CAP_NET" not in told["CapabilityBoundingSet"] and "AF_PACKET" not in told["RestrictAddressFamilies"]
    assert runs.seen[-2:] == ("trebol_node.cluster.preflight.program", "facts")


def test_who_measures_may_open_raw_sockets_and_nothing_more() -> None:
    runs = Runs(Completed(0, Measured(()).to_json()))
    assert Program(runs).measure(MeasureQuestion(host(NEW), (), "00" * 32, 1, 5)) == ()  # type: ignore[arg-type]
    assert "00" * 32 not in " ".join(runs.seen)
    assert properties(runs.seen)["CapabilityBoundingSet"] == "CAP_NET_RAW"


def test_why_nothing_was_measured_is_told_in_the_programs_words() -> None:
    runs = Runs(Completed(1, "", "192.0.2.4: UDP port 5399 cannot be had:\n  in use\n"))
    with pytest.raises(TrebolError, match="UDP port 5399 cannot be had: in use"):
        Program(runs).measure(MeasureQuestion(host(NEW), (), "00" * 32, 1, 5))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("what", "question"),
    [
        ("facts", "{}"),
        ("measure", "hello"),
        ("measure", FactsQuestion(()).hand_over()),
        ("facts", FactsQuestion(()).hand_over()[:-20]),
        ("facts", FactsQuestion(()).hand_over().replace(__version__, "0.0")),
        ("other", "{}"),
    ],
)
def test_a_question_that_is_none_is_told_in_one_line_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], what: str, question: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(question))
    assert program.main([what]) == 2
    told = capsys.readouterr()
    assert told.out == "" and "Traceback" not in told.err and told.err


def test_what_is_started_on_all_members_for_each_join_starts_lightly() -> None:
    package = "trebol_node.cluster.preflight"
    script = f"import sys, {package}.program, {package}.reading, {package}.measure; print('pydantic' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", script], text=True, timeout=30) == "False\n"


def test_the_program_ends_when_nobody_is_to_ask_anything() -> None:
    begun = time.monotonic()
    assert program.measured(MeasureQuestion(LOOPBACK, (), KEY.hex(), 0, 10)) == Measured(())
    assert time.monotonic() - begun < 5


def test_who_begins_first_waits_for_the_other_and_loses_nothing() -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    done = threading.Event()

    def late() -> None:
        with responding(["127.0.0.1"], KEY, port=port):
            done.wait(20)

    timer = threading.Timer(0.5, late)
    timer.start()
    try:
        pace = replace(Pace(), echoes=10, interval=0.005, patience=0.5, connect=0.3, arp=0.1, meet=10)
        way = Way("a", "b", 0, "127.0.0.1", "127.0.0.1")
        (found,) = measure([way], KEY, own=LOOPBACK, port=port, tcp=(), pace=pace)
    finally:
        done.set()
        timer.join()
    assert (found.sent, found.lost, found.problem) == (10, 0, "")


AHEAD = f"""
from trebol_node.cluster.preflight.measure import Pace, measure
from tests.unit.test_preflight_program import KEY, LOOPBACK, Way
way = Way("a", "b", 0, "127.0.0.1", "127.0.0.1")
print(measure([way], KEY, own=LOOPBACK, port={PORT}, tcp=(), pace=Pace(echoes=5, meet=5))[0].offset)
"""


def test_a_test_may_have_a_clock_of_its_own() -> None:
    with responding(["127.0.0.1"], KEY):
        done = subprocess.run(
            [sys.executable, "-c", AHEAD],
            env={**os.environ, TEST_AHEAD: "3600", "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    assert int(done.stdout) == pytest.approx(-3600e6, abs=1e6)
