"""`trebol firstboot run` and `status`."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from trebol_common.first_boot import Stage
from trebol_common.i18n import _

ROOT = Path("/")


def run_command(
    stage: Annotated[Stage, typer.Option(help="How far the boot is: what is due later is left.")] = Stage.FULLY_UP,
    again: Annotated[bool, typer.Option("--again", help="Also what failed or was cut off before.")] = False,
) -> None:
    """Do what the answer file left for the first boot, where that was not done yet. The node's services run it.

    What ended is not done twice. Status 1 where something failed.

    Example: trebol firstboot run --again
    """
    import os
    from datetime import UTC, datetime

    from trebol_common.errors import BadInput
    from trebol_common.run import CommandRunner, spawn
    from trebol_common.systemd import READY, notify
    from trebol_firstboot.unattended import status
    from trebol_firstboot.unattended.run import World, run
    from trebol_firstboot.unattended.tasks import NodeTasks

    if os.geteuid() != 0:
        raise BadInput(_("needs root"), where="trebol firstboot run")
    with until_asked() as stopping:
        tasks = NodeTasks(ROOT, CommandRunner(), spawn, stopping, lambda: notify(READY))
        found = run(World(ROOT, tasks, lambda: datetime.now(UTC), typer.echo, stopping), stage, again=again)
    if found is None:
        typer.echo(status.render(status.Status(status.NONE)), nl=False)
    elif found.undone:
        raise typer.Exit(1)
    notify(READY)


def status_command(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Show what was left for the first boot, and how far that is. Status 1 where something was not done.

    Example: trebol firstboot status
    """
    import json
    import os

    from trebol_common.errors import BadInput
    from trebol_firstboot.unattended import status

    if os.geteuid() != 0:
        raise BadInput(_("needs root"), where="trebol firstboot status")
    found = status.read(ROOT)
    typer.echo(json.dumps(found.to_members(), indent=2) if as_json else status.render(found).rstrip("\n"))
    if found.is_bad:
        raise typer.Exit(1)


@contextmanager
def until_asked() -> Iterator[Callable[[], bool]]:
    """Whether SIGTERM came: a node that goes down lets the step end that has begun, and begins no other."""
    asked: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        asked.append(number)

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGTERM, before)
