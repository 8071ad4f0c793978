"""`trebol machine …`: what this machine is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from trebol_common.errors import printable
from trebol_common.files import write_output
from trebol_hardware.machine import Machine

app = typer.Typer(
    help="What a machine is made of.\n\nExample: trebol machine show machine.json",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def _group() -> None:
    """What a machine is made of."""


@app.command("probe")
def probe_command(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the record to this file.")] = None,
) -> None:
    """Record this machine as JSON: firmware, processors, disks and what they hold, network interfaces.

    Run it as root: others do not see serial numbers and volume groups. Nothing is written to any disk.

    Example: trebol machine probe --output machine.json
    """
    from trebol_hardware.probe.whole import probe

    text = probe().to_json()
    if output is None:
        typer.echo(text, nl=False)
    else:
        write_output(output, text)


@app.command("show")
def show_command(
    file: Annotated[Path, typer.Argument(help="A record made by `trebol machine probe`.")],
    as_json: Annotated[bool, typer.Option("--json", help="The record itself.")] = False,
) -> None:
    """Show a recorded machine in a few lines.

    Example: trebol machine show machine.json
    """
    machine = Machine.load(file)
    if as_json:
        typer.echo(machine.to_json(), nl=False)
        return
    from trebol_hardware.summary import summary

    typer.echo(printable(summary(machine)))


@app.command("disks")
def disks_command(
    machine: Annotated[
        Path | None, typer.Option(help="A recorded machine (trebol machine probe > machine.json), not this one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show every disk: what it is, what is on it, and whether it can be a target of an installation.

    Run it as root: others do not see volume groups, how full file systems are, and wear. Nothing is written to any
    disk, and none that sleeps is woken.

    Example: trebol machine disks --machine machine.json
    """
    from trebol_hardware.disk_report import render, to_members
    from trebol_hardware.terminal import ascii_only, encodable, show

    found = _this_machine() if machine is None else Machine.load(machine)
    if as_json:
        typer.echo(encodable(json.dumps(to_members(found), indent=2, ensure_ascii=False)))
    else:
        show(render(found, ascii_only=ascii_only()))


def _this_machine() -> Machine:
    from trebol_hardware.probe.whole import probe

    return probe(health=True)
