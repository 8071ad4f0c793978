"""What an installation leaves behind on its target: log, events, plan, answers without secrets, machine, what the
hardware checks found, marker."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from trebol_common import INSTALLED, __version__
from trebol_common.answers.parse import dump_answers
from trebol_common.events import Event, Kind, Sink, into_file, tee
from trebol_common.files import write_text
from trebol_common.i18n import _
from trebol_common.medium import Feature, Manifest
from trebol_installer import features
from trebol_installer.render import render, to_json
from trebol_installer.steps import WriteReport

if TYPE_CHECKING:  # The executor imports this module.
    from trebol_installer.execute.state import Run

FOLDER = "var/log/trebol"

LOG = "install.log"
EVENTS = "events.jsonl"


def write_report(step: WriteReport, run: Run) -> None:
    """Write the report into the target, and last of all the marker that says that the installation is whole."""
    folder = run.inside(FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name, text in report_files(run).items():
        write_text(folder / name, text, mode=0o600)
    for name in (LOG, EVENTS):
        if (source := run.logs / name).is_file():
            shutil.copyfile(source, folder / name)
            (folder / name).chmod(0o600)
    # The marker must not reach the disk before what it vouches for.
    run.runner.run(["sync", "--file-system", run.target])
    write_text(run.inside(INSTALLED), json.dumps(marker(run.manifest, features.wanted(run.answers)), indent=2) + "\n")


def leave_report(run: Run) -> None:
    """The same beside log and events in the live system, for whoever looks for the cause of a failure there."""
    try:
        for name, text in report_files(run).items():
            write_text(run.logs / name, text, mode=0o600)
    except OSError as error:
        # The failure itself is what is to be told.
        run.context.log(_("{folder} cannot be written: {reason}").format(folder=run.logs, reason=error.strerror))


def report_files(run: Run) -> dict[str, str]:
    """File name → text of what is known without the log."""
    return {
        "plan.txt": render(run.plan),
        "plan.json": to_json(run.plan),
        "answers.toml": dump_answers(run.answers),
        "machine.json": run.machine.to_json(),
        **_hardware(run),
    }


def _hardware(run: Run) -> dict[str, str]:
    """What the hardware checks found before the installation, for programs and for people."""
    from trebol_hardware.checks import report
    from trebol_hardware.checks.registry import Role

    findings = run.plan.findings
    members = report.to_members(findings, Role(run.plan.role))
    return {
        "hardware.json": json.dumps(members, indent=2, ensure_ascii=False) + "\n",
        "hardware.txt": report.render(findings) + "\n",
    }


def marker(manifest: Manifest, wanted: frozenset[Feature]) -> dict[str, object]:
    """What was installed, with which features, and when (UTC)."""
    return {
        "format": 1,
        "version": __version__,
        "medium": manifest.medium_id,
        "profile": manifest.profile,
        "layers": {layer.name: layer.sha256 for layer in manifest.layers_for(wanted)},
        "installed": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


@contextmanager
def logging_to(folder: Path) -> Iterator[Sink]:
    """A sink that keeps the log and the events of a run in `folder` (mode 0700)."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    with into_file(folder / LOG, _log_lines) as log, into_file(folder / EVENTS) as events:
        yield tee(log, events)


def _log_lines(stream: IO[str]) -> Sink:
    def write(event: Event) -> None:
        if (line := log_line(event)) is not None:
            stream.write(line + "\n")
            stream.flush()

    return write


def log_line(event: Event) -> str | None:
    """An event as a line of the log; progress is left to the events."""
    head = f"[{event.time:10.3f}] {'/'.join(event.path)}"
    match event.kind:
        case Kind.START:
            return f"{head}: {event.text}"
        case Kind.LOG:
            return f"{head}:   {event.text}"
        case Kind.FINISH if event.ok:
            return f"{head}: done in {event.seconds or 0:.1f} s"
        case Kind.FINISH:
            return f"{head}: FAILED: {event.data.get('error', '')}"
        case _:
            return None
