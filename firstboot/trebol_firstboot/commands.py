"""`trebol firstboot …`: what a node shows on its console, and what it does by itself when it first boots."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from trebol_common.i18n import _
from trebol_common.run import CommandRunner
from trebol_firstboot.unattended.commands import run_command, status_command

ROOT = Path("/")

app = typer.Typer(
    help="The wizard of this node's console, its banner, and what its first boot does by itself.\n\n"
    "Example: trebol firstboot --dry-run --machine FILE",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback(invoke_without_command=True)
def wizard_command(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="On a recorded machine: nothing is touched.")] = False,
    machine: Annotated[
        Path | None, typer.Option(help="The recorded machine (trebol machine probe > machine.json).")
    ] = None,
) -> None:
    """Run the wizard of this node's console on this terminal: what the node is, how it is, and what is to change.

    With --dry-run it works on a recorded machine, for anybody, and touches nothing. Else it needs root, on a node.

    Example: trebol firstboot --dry-run --machine tests/machines/rack-server.json
    """
    if context.invoked_subcommand is not None:
        if dry_run or machine is not None:
            raise typer.BadParameter("belongs before no command", param_hint="--dry-run, --machine")
        return
    from trebol_common.errors import BadInput
    from trebol_firstboot.screens import start
    from trebol_hardware.machine import Machine

    if dry_run != (machine is not None):
        raise BadInput(_("go together"), where="--dry-run, --machine", hint="--dry-run --machine machine.json")
    recorded = Machine.load(machine) if machine is not None else None
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        hint = _("{command} needs none").format(command="trebol firstboot banner")
        raise BadInput(_("needs a terminal"), where="trebol firstboot", hint=hint)
    if recorded is not None:
        start.dry(recorded)
    elif os.geteuid() == 0:
        start.on_node()
    else:
        hint = _("{option} needs nobody").format(option="--dry-run --machine FILE")
        raise BadInput(_("needs root"), where="trebol firstboot", hint=hint)


app.command("run")(run_command)
app.command("status")(status_command)


@app.command("banner")
def banner_command(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it to this file.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Keep it right for as long as this runs: trebol-banner.service.")
    ] = False,
) -> None:
    """Show the banner that stands above the login prompt: name, addresses, pages and their certificate, SSH host key,
    state, cluster, what the first boot does or left undone.

    Example: trebol firstboot banner
    """
    from trebol_common.errors import BadInput
    from trebol_common.files import write_output
    from trebol_firstboot import cluster_seen
    from trebol_firstboot.banner import Banner, banner, render
    from trebol_firstboot.follow import ISSUE
    from trebol_firstboot.follow import follow as keep_right
    from trebol_firstboot.hostkey import read_fingerprint
    from trebol_firstboot.unattended.status import line
    from trebol_node import facts
    from trebol_node.cockpit import certificates
    from trebol_node.status import status

    runner = CommandRunner()

    def look() -> Banner:
        seen = status(facts.read(ROOT, runner))
        found = certificates(ROOT)
        return banner(seen, read_fingerprint(ROOT), found, first_boot=line(ROOT), cluster=cluster_seen.look(ROOT))

    if follow:
        if as_json:
            raise BadInput(_("--json shows one moment"), where="--follow", hint=_("leave out one of the two"))
        keep_right(look, output or ISSUE, runner)
    text = look().to_json() + "\n" if as_json else render(look())
    if output is None:
        typer.echo(text, nl=False)
    else:
        write_output(output, text)
