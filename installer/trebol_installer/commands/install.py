"""`trebol install`: the engine (`--answers FILE`), and the whole unattended installation of the live system."""

from __future__ import annotations

import os
import sys
import termios
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from trebol_common.answers import Answers, load_answers, parse_answers
from trebol_common.errors import BadInput, TrebolError, of_system, printable
from trebol_common.events import Sink, into_file, json_lines, tee, warn_of_loss, while_it_lasts
from trebol_common.medium import LIVE_MEDIUM
from trebol_common.progress import show_progress
from trebol_common.run import CommandRunner, Runner
from trebol_common.urls import without_user
from trebol_hardware.machine import Machine
from trebol_installer import live, session
from trebol_installer.execute import StepFailed, never
from trebol_installer.execute.state import LOGS
from trebol_installer.render import render, to_json
from trebol_installer.report import LOG
from trebol_installer.sources import COMMAND_LINE, fetch, find_answers

#: What does a failed step again.
AGAIN = "retry"

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)


@app.command(no_args_is_help=True)
def install(
    answers: Annotated[Path | None, typer.Option(help="The answer file.")] = None,
    unattended: Annotated[
        bool,
        typer.Option("--unattended", help="Find the answers by kernel word or medium; then reboot or power off."),
    ] = False,
    machine: Annotated[
        Path | None, typer.Option(help="A recorded machine instead of this one (with --dry-run).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    medium: Annotated[Path | None, typer.Option(help="Where the installation medium is mounted.")] = None,
    events: Annotated[
        str | None, typer.Option(metavar="-|FILE", help="Write events as JSON lines: to a file, or to stdout (-).")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the plan as JSON (with --dry-run).")] = False,
    retry: Annotated[
        bool | None,
        typer.Option(
            help=f"After a failed step, read a line of stdin: the word {AGAIN} does that step again. "
            "By default where stdin is a terminal."
        ),
    ] = None,
) -> None:
    """Install Trebol on a disk of this machine, as the answer file says.

    Example: trebol install --answers answer.toml --dry-run
    """
    if unattended:
        if answers or machine or dry_run or json_ or retry:
            raise BadInput(
                "goes with --medium and --events only", where="--unattended", hint="or use --answers FILE instead"
            )
        with _events_to(events) as sink:
            _unattended(medium or LIVE_MEDIUM, sink)
        return
    if answers is None:
        raise BadInput("missing", where="--answers", hint="trebol install --answers answer.toml")
    if machine and not dry_run:
        raise BadInput(
            "a recorded machine cannot be installed on", where="--machine", hint="add --dry-run, or leave it out"
        )
    if json_ and (not dry_run or events == "-"):
        raise BadInput("goes with --dry-run, and without --events -", where="--json", hint="for progress: --events -")
    if dry_run:
        _dry_run(load_answers(answers), machine, medium, events, json_)
        return
    session.require_root()
    with _events_to(events) as sink:
        asks = _stdin_is_terminal() if retry is None else retry
        prepared = session.prepare(
            load_answers(answers), medium or LIVE_MEDIUM, retry=ask_for_retry if asks else never
        )
        if events != "-":
            typer.echo(render(prepared.plan))
        session.run_logged(prepared, sink)
    if events != "-":
        typer.echo("Installed. Take the medium out and reboot.")


def ask_for_retry(failed: StepFailed) -> bool:
    """Say which step failed and why, and whether the next line of stdin wants it done again."""
    (problem,) = failed.problems
    try:
        if _stdin_is_terminal():
            # What was typed while the step was running is no answer.
            termios.tcflush(sys.stdin, termios.TCIFLUSH)
        typer.echo(f"\n{printable(f'{problem.where}: {problem.what}')}", err=True)
        typer.echo(f"  → put the cause right, then type {AGAIN}; anything else gives up", err=True)
        return sys.stdin is not None and sys.stdin.readline().strip() == AGAIN
    except (OSError, termios.error):  # The terminal is gone, and nobody there to ask.
        return False


def _stdin_is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _dry_run(answers: Answers, machine: Path | None, medium: Path | None, events: str | None, as_json: bool) -> None:
    target = Machine.load(machine) if machine else session.this_machine(CommandRunner())
    prepared = session.prepare_dry_run(answers, target, medium or session.medium_at(LIVE_MEDIUM))
    if as_json:
        typer.echo(to_json(prepared.plan), nl=False)
    elif events != "-":
        typer.echo(render(prepared.plan), nl=False)
    if events is not None:
        with _events_to(events, quiet=as_json) as sink:
            session.execute(prepared, sink)


def _unattended(medium: Path, sink: Sink) -> None:
    """Install by the answers that this boot was given; says what, why and what next where that fails."""
    session.require_root()
    answers: Answers | None = None
    runner = CommandRunner()
    try:
        words = COMMAND_LINE.read_text(encoding="utf-8", errors="replace")
        found = find_answers(words, medium, get=lambda url: _over_the_network(url, runner))
        typer.echo(f"Answers: {found.where}")
        answers = parse_answers(found.text, where=found.where)
        live.await_devices(runner)
        prepared = session.prepare(answers, medium, runner=runner)
        typer.echo(render(prepared.plan))
        session.run_logged(prepared, sink)
    except (TrebolError, OSError) as error:
        told = of_system(error) if isinstance(error, OSError) else error
        typer.echo(f"\nThe installation failed.\n\n{told}\n", err=True)
        typer.echo(_what_next(answers), err=True)
        if answers is not None and answers.global_.reboot_on_error:
            runner.run(["systemctl", "reboot"])
        raise typer.Exit(told.exit_status) from error
    mode = answers.global_.reboot_mode
    typer.echo(f"\nInstalled. {mode.value.capitalize()} follows.")
    session.leave(mode, runner)


def _over_the_network(url: str, runner: Runner) -> bytes:
    typer.echo(f"Fetching {without_user(url)}")
    live.await_network(runner)
    return fetch(url)


def _what_next(answers: Answers | None) -> str:
    if answers is not None and answers.global_.reboot_on_error:
        return "Rebooting, as reboot-on-error says."
    log = LOGS / LOG
    again = "To start again: systemctl start trebol-install"
    return f"The log is {log}.\n{again}" if log.is_file() else again


@contextmanager
def _events_to(target: str | None, *, quiet: bool = False) -> Iterator[Sink]:
    """The sink that was asked for: JSON lines on stdout or in a file beside the progress, else progress alone.

    With `quiet`, stdout is somebody else's.

    Whatever becomes of its reader, the sink raises nothing: an installation is worth more than its events.
    """
    match target:
        case None:
            yield while_it_lasts(show_progress(sys.stdout), _abandon_stdout)
        case "-":
            yield while_it_lasts(json_lines(sys.stdout), _abandon_stdout)
        case path:
            with ExitStack() as stack:
                try:
                    sink = stack.enter_context(into_file(Path(path)))
                except OSError as error:
                    raise BadInput(f"cannot be written: {error.strerror}", where="--events", hint=path) from error
                shown = () if quiet else (while_it_lasts(show_progress(sys.stdout), _abandon_stdout),)
                yield tee(sink, *shown)


def _abandon_stdout(error: OSError) -> None:
    """Let stdout lead nowhere: neither its full buffer nor the last words may fail what was installed."""
    warn_of_loss("stdout", error)
    descriptor = os.open(os.devnull, os.O_WRONLY)
    os.dup2(descriptor, sys.stdout.fileno())
    os.close(descriptor)
