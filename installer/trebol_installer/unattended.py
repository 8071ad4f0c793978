"""The whole unattended installation of the live system: find the answers, install, then reboot or power off."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO

from trebol_common.answers import Answers, parse_answers
from trebol_common.answers.model import RebootMode
from trebol_common.answers.partial import Partial, partial
from trebol_common.errors import BadInput, TrebolError, of_system, raise_for
from trebol_common.events import abandon_stdout, while_it_lasts
from trebol_common.i18n import _
from trebol_common.medium import LIVE_MEDIUM
from trebol_common.progress import show_progress
from trebol_common.run import CommandRunner, Runner
from trebol_common.urls import without_user
from trebol_installer import live, session
from trebol_installer.execute.state import LOGS
from trebol_installer.render import render
from trebol_installer.report import LOG
from trebol_installer.sources import COMMAND_LINE, fetch, find_answers


def run(medium: Path = LIVE_MEDIUM) -> int:
    """Install by the answers that this boot was given, leave as they say, and return the exit status.

    What failed, why and what next is told on stderr.
    """
    try:
        return _install(medium)
    except (TrebolError, OSError) as error:  # Neither could the machine be rebooted.
        told = of_system(error) if isinstance(error, OSError) else error
        _say(f"trebol: {told}", sys.stderr)
        return told.exit_status
    except KeyboardInterrupt:
        _say(f"trebol: {_('interrupted')}", sys.stderr)
        return 130


def _install(medium: Path) -> int:
    answers: Answers | None = None
    runner = CommandRunner()
    try:
        session.require_root()
        words = COMMAND_LINE.read_text(encoding="utf-8", errors="replace")
        found = find_answers(words, medium, get=lambda url: _over_the_network(url, runner))
        _say(_("Answers: {place}").format(place=found.where))
        if left := partial(found.text, found.where):
            _hand_over(left, found.where, runner)
            return 0
        answers = parse_answers(found.text, where=found.where)
        live.await_devices(runner)
        prepared = session.prepare(answers, medium, runner=runner)
        _say(render(prepared.plan))
        session.run_logged(prepared, while_it_lasts(show_progress(sys.stdout), abandon_stdout))
    except (TrebolError, OSError) as error:
        told = of_system(error) if isinstance(error, OSError) else error
        _say(f"\n{_('The installation failed.')}\n\n{told}\n\n{_what_next(answers)}", sys.stderr)
        if answers is not None and answers.global_.reboot_on_error:
            runner.run(["systemctl", "reboot"])
        return told.exit_status
    mode = answers.global_.reboot_mode
    power_off = mode is RebootMode.POWER_OFF
    _say(f"\n{_('Installed. Power-off follows.') if power_off else _('Installed. Reboot follows.')}")
    session.leave(mode, runner)
    return 0


def _hand_over(left: Partial, where: str, runner: Runner) -> None:
    """Leave the rest to the screens. Raises BadInput with every problem of what is known already."""
    raise_for([problem.in_file(where) for problem in left.problems()], BadInput)
    from trebol_installer.screens.draft import Draft
    from trebol_installer.screens.driver import DRAFT, FOLDER

    Draft.of(left).save(FOLDER / DRAFT)
    _say(_("The screens ask for {keys}").format(keys=", ".join(left.asked)))
    live.start_screens(runner)


def _over_the_network(url: str, runner: Runner) -> bytes:
    _say(_("Fetching {url}").format(url=without_user(url)))
    live.await_network(runner)
    return fetch(url)


def _what_next(answers: Answers | None) -> str:
    if answers is not None and answers.global_.reboot_on_error:
        return _("Rebooting, as reboot-on-error says.")
    log = LOGS / LOG
    again = _("To start again: systemctl start trebol-install")
    return f"{_('The log is {file}.').format(file=log)}\n{again}" if log.is_file() else again


def _say(text: str, stream: IO[str] | None = None) -> None:
    """At once: this is the console of a machine that nobody sits at."""
    stream = stream or sys.stdout
    stream.write(f"{text}\n")
    stream.flush()
