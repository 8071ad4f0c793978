"""A failing program explains itself; output streams; secrets stay secret."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from trebol_common.run import CommandFailed, CommandRunner, ScriptedRunner, minimal_environment, show

RUNNER = CommandRunner()


def test_output_and_status_are_returned() -> None:
    completed = RUNNER.run(["sh", "-c", "echo out; echo err >&2; exit 3"], check=False)
    assert (completed.status, completed.stdout, completed.stderr) == (3, "out\n", "err\n")


@pytest.mark.parametrize(
    ("command", "status", "words"),
    [
        (["sh", "-c", "echo first; echo why >&2; exit 4"], 4, ["exit status 4", "why", "sh -c"]),
        (["no-such-program"], 127, ["no such program"]),
        (["sh", "-c", "kill -9 $$"], -9, ["SIGKILL"]),
        (["sh", "-c", "kill -40 $$"], -40, ["killed by signal 40"]),
        (["/"], 126, ["cannot be executed"]),
    ],
)
def test_a_failure_names_command_status_and_last_lines(command: list[str], status: int, words: list[str]) -> None:
    with pytest.raises(CommandFailed) as raised:
        RUNNER.run(command)
    assert raised.value.status == status
    for word in words:
        assert word in str(raised.value)


def test_a_secret_is_shown_nowhere() -> None:
    lines: list[str] = []
    with pytest.raises(CommandFailed) as raised:
        RUNNER.run(
            ["sh", "-c", "cat; echo tell hunter2 >&2; exit 1"],
            input="password hunter2\n",
            secrets=["hunter2"],
            on_line=lines.append,
        )
    assert "hunter2" not in str(raised.value) + "".join(lines)
    assert "password ***" in lines


def test_a_progress_bar_streams_line_by_line() -> None:
    lines: list[str] = []
    RUNNER.run(["printf", "10%%\\r20%%\\rdone\\nrest"], on_line=lines.append)
    assert lines == ["10%", "20%", "done", "rest"]


def test_a_program_whose_output_cannot_be_kept_ends_and_says_why() -> None:
    def full(line: str) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        RUNNER.run(["yes"], on_line=full)


@pytest.fixture
def interrupts() -> Iterator[None]:
    """SIGINT interrupts, also where the tests were started in the background, for which shells have it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
def test_an_interrupted_program_is_heard_to_its_end_and_not_afterwards() -> None:
    lines: list[str] = []

    def interrupt(line: str) -> None:
        lines.append(line)
        if line == "ready":
            os.kill(os.getpid(), signal.SIGINT)

    program = "trap 'kill $!; echo last; exit' TERM; sleep 60 >/dev/null 2>&1 & echo ready; wait"
    with pytest.raises(KeyboardInterrupt):
        RUNNER.run(["sh", "-c", program], on_line=interrupt)
    assert lines == ["ready", "last"]


def test_a_program_that_ignores_its_input_is_no_error() -> None:
    assert RUNNER.run(["true"], input="x" * 1_000_000).status == 0


def test_the_environment_is_ours_not_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/home/somebody/bin")
    monkeypatch.setenv("PYTHONPATH", "/home/somebody")
    environment = minimal_environment({"EXTRA": "1"})
    assert "/home/somebody" not in str(environment)
    assert environment["EXTRA"] == "1"
    assert environment["LC_ALL"] == "C.UTF-8"


def test_a_command_is_shown_ready_to_paste() -> None:
    assert show(["echo", "two words", "s3cret"], ["s3cret"]) == "echo 'two words' ***"


def test_the_scripted_runner_fails_on_what_was_not_expected() -> None:
    runner = ScriptedRunner().expect("lsblk", "-J", stdout="{}")
    assert runner.run(["lsblk", "-J"]).stdout == "{}"
    with pytest.raises(AssertionError, match="unexpected command: rm"):
        runner.run(["rm", "-rf", "/"])


def test_a_shell_has_our_terminal_for_its_errors_too_where_ours_go_to_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    shell = "test -t 2 && echo it-is-a-terminal"
    ours = f"from trebol_common.run import interactive; interactive(['sh', '-c', '{shell}'])"

    said = str(pexpect.run(f"sh -c '{sys.executable} -c \"$OURS\" 2>{log}'", env={**os.environ, "OURS": ours}))

    assert "it-is-a-terminal" in said
    assert log.read_text() == ""
