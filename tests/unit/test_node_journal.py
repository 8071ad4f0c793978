"""The node's journal: its entries as lines, between cursors and moments."""

from __future__ import annotations

import json
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest

from trebol_common.errors import BadInput, TrebolError
from trebol_common.run import ScriptedRunner
from trebol_node.system.journal import Journal, Syslog, journal_command, line_of, read_journal, read_syslog

ENTRY: dict[str, Any] = {
    "__CURSOR": "s=6f;i=1a;b=7c;m=1;t=2;x=3",
    "__REALTIME_TIMESTAMP": "1790000001000000",
    "_SOURCE_REALTIME_TIMESTAMP": "1790000000123456",
    "_HOSTNAME": "node1",
    "SYSLOG_IDENTIFIER": "sshd-session",
    "_PID": "812",
    "MESSAGE": "Accepted publickey for root",
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "Sep 21 14:13:20 node1 sshd-session[812]: Accepted publickey for root"),
        ({"SYSLOG_PID": "9"}, "Sep 21 14:13:20 node1 sshd-session[9]: Accepted publickey for root"),
        (
            {"SYSLOG_IDENTIFIER": None, "_COMM": "sshd"},
            "Sep 21 14:13:20 node1 sshd[812]: Accepted publickey for root",
        ),
        ({"_PID": None, "SYSLOG_IDENTIFIER": "kernel"}, "Sep 21 14:13:20 node1 kernel: Accepted publickey for root"),
        ({"_SOURCE_REALTIME_TIMESTAMP": None, "MESSAGE": "a"}, "Sep 21 14:13:21 node1 sshd-session[812]: a"),
        # Bytes, where the text has control characters or is no UTF-8.
        ({"MESSAGE": [27, 91, 109, 104, 105]}, "Sep 21 14:13:20 node1 sshd-session[812]: \x1b[mhi"),
        ({"MESSAGE": ["once", "twice"]}, "Sep 21 14:13:20 node1 sshd-session[812]: once"),
        ({"MESSAGE": None}, "Sep 21 14:13:20 node1 sshd-session[812]: "),
    ],
)
def test_an_entry_is_a_line_of_syslog(changes: dict[str, Any], expected: str) -> None:
    assert line_of({**ENTRY, **changes}, UTC) == expected


def test_lines_have_the_nodes_time() -> None:
    assert line_of(ENTRY, timezone(timedelta(hours=2))).startswith("Sep 21 16:13:20 ")


def entries(*numbers: int) -> str:
    return "".join(
        json.dumps({**ENTRY, "__CURSOR": f"i={number}", "MESSAGE": str(number)}) + "\n" for number in numbers
    )


@pytest.mark.parametrize(
    ("wanted", "last", "answer", "shown"),
    [
        (Journal(entries=2), ("--lines=2",), (1, 2), ["i=1", "1", "2", "i=2"]),
        (Journal(since=5, until=9), ("--since=@5", "--until=@9", "--lines=5000"), (1,), ["i=1", "1", "i=1"]),
        (Journal(start="i=1"), ("--after-cursor=i=1",), (2, 3), ["i=2", "2", "3", "i=3"]),
        (Journal(start="i=1"), ("--after-cursor=i=1",), (), ["i=1"]),
        # The last two before a cursor: journalctl counts backwards, and shows the cursor's own line first.
        (
            Journal(end="i=5", entries=2),
            ("--reverse", "--cursor=i=5", "--lines=3"),
            (5, 4, 3),
            ["i=3", "3", "4", "i=4"],
        ),
        (Journal(service="ssh", entries=1), ("--unit=ssh", "--lines=1"), (), []),
        (Journal(entries=9_999_999), ("--lines=5000",), (), []),
    ],
)
def test_the_journal_is_read_between_cursors(
    wanted: Journal, last: tuple[str, ...], answer: tuple[int, ...], shown: list[str]
) -> None:
    command = journal_command(wanted)
    assert command[-len(last) :] == last
    runner = ScriptedRunner().expect("timeout", "30", *command, stdout=entries(*answer))
    found = read_journal(runner, wanted, UTC)
    assert [line.rpartition(": ")[2] for line in found] == shown


def test_syslog_reads_one_line_more_than_it_shows() -> None:
    base = journal_command(Journal())[:5]
    runner = ScriptedRunner().expect(
        "timeout", "30", *base, "--lines=+4", "--since=2026-09-21 10:00", "--unit=ssh", stdout=entries(1, 2, 3, 4)
    )
    lines, total = read_syslog(runner, Syslog(1, 2, since="2026-09-21 10:00", service="ssh"), UTC)
    assert [(line["n"], line["t"][-1]) for line in lines] == [(2, "2"), (3, "3")]
    assert total == 4


@pytest.mark.parametrize(
    "wanted",
    [
        Syslog(since="yesterday"),
        Syslog(until="2026-09-21 10:00; reboot"),
        Syslog(service="--output=export"),
        Syslog(service="a b"),
        Syslog(start=10**9),
    ],
)
def test_nothing_that_is_no_moment_or_service_reaches_journalctl(wanted: Syslog) -> None:
    with pytest.raises(BadInput):
        read_syslog(ScriptedRunner(), wanted, UTC)


def test_a_journal_that_cannot_be_read_is_an_error() -> None:
    command = journal_command(Journal())
    runner = ScriptedRunner().expect("timeout", "30", *command, stderr="No journal files were found.\n", status=1)
    with pytest.raises(TrebolError, match="No journal files were found"):
        read_journal(runner, Journal(), UTC)
