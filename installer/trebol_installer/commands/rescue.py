"""`trebol rescue`: an installed Trebol opened from the live system, and a shell inside it."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from trebol_common.errors import BadInput
from trebol_common.i18n import _
from trebol_common.run import CommandRunner, interactive
from trebol_hardware.completion import disks
from trebol_installer import rescue, session

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)


@app.callback(invoke_without_command=True)
def command(
    disk: Annotated[
        str | None,
        typer.Option(help="One of the system's disks, where there are several systems.", autocompletion=disks),
    ] = None,
    at: Annotated[Path, typer.Option(help="Where to mount it.")] = rescue.TARGET,
) -> None:
    """Find an installed Trebol, of whatever layout, mount it with all that belongs to it, and open a shell inside.

    Run it from the live system of the installation medium. A mirror that lacks a disk opens too. When the shell ends,
    everything is closed again.

    Example: trebol rescue --disk nvme0n1
    """
    session.require_root()
    runner = CommandRunner()
    system = rescue.choose(rescue.find(session.this_machine(runner)), disk)
    typer.echo(_("Opening the Trebol on {disks}").format(disks=", ".join(each.name for each in system.disks)))
    with rescue.opened(system, runner, _ask, at) as root:
        typer.echo(_("It is mounted at {folder}. This shell runs inside it; leave it with exit.").format(folder=root))
        interactive(["chroot", root, "/bin/bash", "--login"])
    typer.echo(_("All is closed."))


def _ask(device: str) -> str:
    try:
        return getpass.getpass(_("Passphrase for {device}: ").format(device=device))
    except EOFError as error:
        raise BadInput(_("nobody gave a passphrase"), where=device) from error
