"""`trebol logs`: what an installation has logged, as one file that can be carried away."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trebol_common.i18n import _
from trebol_common.run import CommandRunner
from trebol_installer import session
from trebol_installer.logs import save_in, save_to_stick

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)


@app.callback(invoke_without_command=True)
def command(
    to: Annotated[Path | None, typer.Option(help="A folder to write to, instead of a USB stick.")] = None,
) -> None:
    """Save the logs of an installation on a USB stick formatted as FAT or exFAT, without any secrets.

    Run it from the live system of the installation medium.

    Example: trebol logs --to /tmp
    """
    session.require_root()
    if to is not None:
        typer.echo(save_in(to, CommandRunner()))
        return
    saved = save_to_stick(CommandRunner())
    typer.echo(_("{file} is on {stick}, which can be taken out.").format(file=saved.file, stick=saved.on))
