"""The only place that starts a program.

Minimal environment, stdin closed, output streamed line by line, secrets redacted; a failure carries the whole
command, ready to paste, and its last lines. Callers take a `Runner`, so that a test injects `ScriptedRunner`
(which fails on any command it was not told to expect) and a dry run injects one that only records.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from trebol_common.errors import TrebolError
from trebol_common.i18n import _

Argument = str | os.PathLike[str]

#: Lines of a failing program that its error quotes.
LAST_LINES = 12

#: Seconds that a program has to end once it was asked to.
ENDING_SECONDS = 10
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Completed:
    """What a program left behind: exit status (negative: killed by that signal), stdout, stderr."""

    status: int
    stdout: str = ""
    stderr: str = ""


class CommandFailed(TrebolError):
    """A program could not be started or ended with another status than 0."""

    def __init__(self, command: str, status: int, last_lines: Sequence[str]) -> None:
        self.command = command
        self.status = status
        self.last_lines = tuple(last_lines)
        said = "".join(f"\n    {line}" for line in last_lines)
        super().__init__(f"{command}\n  {explain_status(status)}{said}")


class Runner(Protocol):
    """Runs one program to its end."""

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
        """Run `command` and wait for it.

        `input` goes to its stdin (closed otherwise); `env` is added to the minimal environment; `on_line` gets each
        line of stdout and stderr as it comes (`\\r` ends a line too: progress bars); an OSError or ValueError of its
        ends the program and is raised. With `check`, a status other than 0 raises `CommandFailed`. Whatever stands in
        `secrets` is shown as `***` everywhere.
        """
        ...


def redact(text: str, secrets: Sequence[str]) -> str:
    """`text` with every secret replaced by `***`."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return text


def show(command: Sequence[Argument], secrets: Sequence[str] = ()) -> str:
    """The command as one line that can be pasted into a shell."""
    return redact(shlex.join(os.fspath(argument) for argument in command), secrets)


def explain_status(status: int) -> str:
    """What an exit status means, in words."""
    match status:
        case 126:
            return _("exit status 126: the program cannot be executed")
        case 127:
            return _("exit status 127: no such program")
        case negative if negative < 0:
            return _("killed by {signal}").format(signal=_signal_name(-negative))
        case other:
            return _("exit status {status}").format(status=other)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        # Of the real-time signals only the first and the last have a name.
        return _("signal {number}").format(number=number)


def minimal_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """PATH of the system (never the caller's), a fixed locale, the terminal's type, and proxies if there are any."""
    kept = ("TERM", "HOME", "http_proxy", "https_proxy", "no_proxy", "SOURCE_DATE_EPOCH", "TMPDIR")
    base = {name: os.environ[name] for name in kept if name in os.environ}
    return {**base, "PATH": PATH, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **(extra or {})}


class CommandRunner:
    """Runs real programs."""

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
        try:
            process = subprocess.Popen(
                [os.fspath(argument) for argument in command],
                stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=minimal_environment(env),
                cwd=cwd,
            )
        except FileNotFoundError as error:
            missing = _("{program}: not found").format(program=error.filename)
            raise CommandFailed(show(command, secrets), 127, (missing,)) from error
        except OSError as error:
            raise CommandFailed(show(command, secrets), 126, (str(error),)) from error
        with process:
            completed = _communicate(process, input, secrets, on_line)
        if check and completed.status != 0:
            lines = (completed.stdout + completed.stderr).replace("\r", "\n").splitlines()
            last = deque((line for line in lines if line.strip()), maxlen=LAST_LINES)
            raise CommandFailed(show(command, secrets), completed.status, last)
        return completed


def _communicate(
    process: subprocess.Popen[bytes],
    text: str | None,
    secrets: Sequence[str],
    on_line: Callable[[str], None] | None,
) -> Completed:
    """Feed stdin and read both outputs at once, handing lines on as they come; the process dies with its reader."""
    collected: dict[str, list[str]] = {"stdout": [], "stderr": []}
    lock = threading.Lock()

    failures: list[OSError | ValueError] = []

    def read(name: str, stream: IO[bytes]) -> None:
        try:
            for line in _lines(stream.fileno()):
                shown = redact(line, secrets)
                collected[name].append(shown)
                if on_line is not None:
                    with lock:
                        on_line(shown.rstrip("\r\n"))
        except (OSError, ValueError) as error:
            failures.append(error)  # `on_line` writes somewhere, which may be full, or gone.
        finally:
            # A program whose reader is gone must end, not wait for ever with a full pipe.
            stream.close()

    assert process.stdout is not None and process.stderr is not None
    streams = {"stdout": process.stdout, "stderr": process.stderr}
    readers = [threading.Thread(target=read, args=item, daemon=True) for item in streams.items()]
    try:
        for reader in readers:
            reader.start()
        if process.stdin is not None:
            try:
                process.stdin.write((text or "").encode())
                process.stdin.close()
            except BrokenPipeError:
                process.stdin = None  # The program ended without reading its input; its status says why.
        process.wait()
    except BaseException:
        _end(process)
        # `on_line` is not called any more when this has returned. Within bounds: a child that the program left behind
        # may hold its output open.
        for reader in readers:
            if reader.is_alive():  # The interrupt may have come before it was started.
                reader.join(ENDING_SECONDS)
        raise
    for reader in readers:
        reader.join()
    if failures:
        raise failures[0]
    return Completed(process.returncode, "".join(collected["stdout"]), "".join(collected["stderr"]))


def _lines(descriptor: int) -> Iterator[str]:
    """Lines ended by `\\n` or `\\r`, so that a progress bar's updates count as lines."""
    pending = ""
    while chunk := os.read(descriptor, 65536):
        pending += chunk.decode(errors="replace")
        *whole, pending = _split_keeping_ends(pending)
        yield from whole
    if pending:
        yield pending


def _split_keeping_ends(text: str) -> list[str]:
    """Split after each `\\n` or `\\r`; the last element is the unfinished rest, perhaps empty."""
    parts: list[str] = []
    start = 0
    for index, character in enumerate(text):
        if character in "\r\n":
            parts.append(text[start : index + 1])
            start = index + 1
    return [*parts, text[start:]]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask a program to end, and end it where it does not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def spawn(
    command: Sequence[Argument], *, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program that runs beside us (a virtual machine, a server), its output in `log`; end it on leaving."""
    with log.open("ab") as output:
        try:
            process = subprocess.Popen(
                [os.fspath(argument) for argument in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=minimal_environment(env),
            )
        except FileNotFoundError as error:
            missing = _("{program}: not found").format(program=error.filename)
            raise CommandFailed(show(command), 127, (missing,)) from error
        try:
            yield process
        finally:
            _end(process)


@contextmanager
def start_session(
    command: Sequence[Argument], *, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program that outlives us, in a session of its own: what ends our group does not end it.

    Its stdin is a pipe, closed on leaving; its stderr is ours. Where the block fails, it is ended. Whoever starts it
    waits for it.
    """
    try:
        process = subprocess.Popen(
            [os.fspath(argument) for argument in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=minimal_environment(env),
            start_new_session=True,
        )
    except OSError as error:
        raise CommandFailed(show(command), 126, (str(error),)) from error
    assert process.stdin is not None
    try:
        yield process
        process.stdin.close()
    except BaseException:
        _end(process)
        raise


def interactive(command: Sequence[Argument], *, env: Mapping[str, str] | None = None) -> int:
    """Give our terminal to a program, such as a shell, until it ends; its exit status. What it prints is not ours.

    Its errors go to the terminal too, where ours go to a log: a shell asks for commands there (bash(1), INVOCATION).
    """
    arguments = [os.fspath(argument) for argument in command]
    try:
        return subprocess.run(arguments, env=env, stderr=subprocess.STDOUT, check=False).returncode
    except FileNotFoundError as error:
        raise CommandFailed(show(command), 127, (f"{error.filename}: not found",)) from error


@dataclass
class Expected:
    """A command a test expects: its exact arguments, and what it answers."""

    command: tuple[str, ...]
    stdout: str = ""
    stderr: str = ""
    status: int = 0


@dataclass
class ScriptedRunner:
    """Answers exactly the queued commands, in order; anything else fails the test (after pcs' `command_env`)."""

    expected: list[Expected] = field(default_factory=list)
    seen: list[tuple[str, ...]] = field(default_factory=list)

    def expect(self, *command: str, stdout: str = "", stderr: str = "", status: int = 0) -> ScriptedRunner:
        """Queue one command and its answer."""
        self.expected.append(Expected(command, stdout, stderr, status))
        return self

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
        arguments = tuple(os.fspath(argument) for argument in command)
        self.seen.append(arguments)
        if not self.expected:
            raise AssertionError(f"unexpected command: {show(arguments)}")
        answer = self.expected.pop(0)
        assert arguments == answer.command, f"expected {show(answer.command)}, got {show(arguments)}"
        for line in (answer.stdout + answer.stderr).splitlines():
            if on_line is not None:
                on_line(line)
        if check and answer.status != 0:
            raise CommandFailed(show(arguments, secrets), answer.status, answer.stderr.splitlines()[-LAST_LINES:])
        return Completed(answer.status, answer.stdout, answer.stderr)
