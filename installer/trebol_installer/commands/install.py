"""`trebol install`: the engine for people and programs. The live system runs `trebol_installer.unattended`."""

from __future__ import annotations

import sys
import termios
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from trebol_common.answers import Answers, load_answers
from trebol_common.errors import BadInput, printable
from trebol_common.events import Context, Sink, abandon_stdout, into_file, json_lines, tee, while_it_lasts
from trebol_common.i18n import _
from trebol_common.medium import LIVE_MEDIUM
from trebol_common.progress import show_progress
from trebol_common.run import CommandRunner
from trebol_hardware.machine import Machine
from trebol_installer import session
from trebol_installer.execute import StepFailed, never
from trebol_installer.render import render, to_json

#: What does a failed step again.
AGAIN = "retry"

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)


@app.command(no_args_is_help=True)
def install(
    answers: Annotated[Path | None, typer.Option(help="The answer file.")] = None,
    machine: Annotated[
        Path | None, typer.Option(help="A recorded machine instead of this one (with --dry-run).")
    ] = None,
    tui: Annotated[
        bool, typer.Option("--tui", help="Ask on screens; with --dry-run and --machine on any computer.")
    ] = False,
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
    if machine and not dry_run:
        what = _("a recorded machine cannot be installed on")
        raise BadInput(what, where="--machine", hint=_("add --dry-run, or leave it out"))
    if tui:
        _on_screens(answers, machine, dry_run=dry_run, other=json_ or events is not None or retry is not None)
        return
    if answers is None:
        raise BadInput(_("missing"), where="--answers", hint="trebol install --answers answer.toml")
    if json_ and (not dry_run or events == "-"):
        what = _("goes with --dry-run, and without --events -")
        raise BadInput(what, where="--json", hint=_("for progress: --events -"))
    if dry_run:
        _dry_run(load_answers(answers), machine, medium, events, json_)
        return
    session.require_root()
    with _events_to(events) as sink:
        asks = _stdin_is_terminal() if retry is None else retry
        with Context(sink).child(session.PREPARE, _("Look at the machine")):
            prepared = session.prepare(
                load_answers(answers), medium or LIVE_MEDIUM, retry=ask_for_retry if asks else never
            )
        if events != "-":
            typer.echo(render(prepared.plan))
        session.run_logged(prepared, sink)
    if events != "-":
        typer.echo(_("Installed. Take the medium out and reboot."))


def _on_screens(answers: Path | None, machine: Path | None, *, dry_run: bool, other: bool) -> None:
    if other:
        raise BadInput(_("goes with --answers, --dry-run and --machine only"), where="--tui")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise BadInput(_("needs a terminal"), where="--tui", hint=_("or use --answers FILE"))
    # urwid is for screens only, and takes a while to load.
    from trebol_installer.screens import start

    if dry_run:
        start.dry(start.begun(answers), Machine.load(machine) if machine else None)
    else:
        session.require_root()
        start.on_live_system(start.begun(answers) if answers else None)


def ask_for_retry(failed: StepFailed) -> bool:
    """Say which step failed and why, and whether the next line of stdin wants it done again."""
    (problem,) = failed.problems
    try:
        if _stdin_is_terminal():
            # What was typed while the step was running is no answer.
            termios.tcflush(sys.stdin, termios.TCIFLUSH)
        typer.echo(f"\n{printable(f'{problem.where}: {problem.what}')}", err=True)
        way = _("put the cause right, then type {word}; anything else gives up").format(word=AGAIN)
        typer.echo(f"  → {way}", err=True)
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


@contextmanager
def _events_to(target: str | None, *, quiet: bool = False) -> Iterator[Sink]:
    """The sink that was asked for: JSON lines on stdout or in a file beside the progress, else progress alone.

    With `quiet`, stdout is somebody else's.

    Whatever becomes of its reader, the sink raises nothing: an installation is worth more than its events.
    """
    match target:
        case None:
            yield while_it_lasts(show_progress(sys.stdout), abandon_stdout)
        case "-":
            yield while_it_lasts(json_lines(sys.stdout), abandon_stdout)
        case path:
            with ExitStack() as stack:
                try:
                    sink = stack.enter_context(into_file(Path(path)))
                except OSError as error:
                    wrong = _("cannot be written: {reason}").format(reason=error.strerror)
                    raise BadInput(wrong, where="--events", hint=path) from error
                shown = () if quiet else (while_it_lasts(show_progress(sys.stdout), abandon_stdout),)
                yield tee(sink, *shown)
