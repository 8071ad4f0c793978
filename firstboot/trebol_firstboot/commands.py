"""`trebol firstboot …`: what a node shows on its console."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trebol_common.run import CommandRunner

ROOT = Path("/")

app = typer.Typer(
    help="What this node shows on its console.\n\nExample: trebol firstboot banner",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def _group() -> None:
    """What this node shows on its console."""


@app.command("banner")
def banner_command(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it to this file.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Keep it right for as long as this runs: trebol-banner.service.")
    ] = False,
) -> None:
    """Show the banner that stands above the login prompt: name, addresses, management page, SSH host key, state.

    Example: trebol firstboot banner
    """
    from trebol_common.errors import BadInput
    from trebol_common.files import write_output
    from trebol_firstboot.banner import Banner, banner, render
    from trebol_firstboot.follow import ISSUE
    from trebol_firstboot.follow import follow as keep_right
    from trebol_firstboot.hostkey import read_fingerprint
    from trebol_node import facts
    from trebol_node.status import status

    runner = CommandRunner()

    def look() -> Banner:
        return banner(status(facts.read(ROOT, runner)), read_fingerprint(ROOT))

    if follow:
        if as_json:
            raise BadInput("--json shows one moment", where="--follow", hint="leave out one of the two")
        keep_right(look, output or ISSUE, runner)
    text = look().to_json() + "\n" if as_json else render(look())
    if output is None:
        typer.echo(text, nl=False)
    else:
        write_output(output, text)
