"""`trebol check …`: what this machine can and cannot do, why, and what to change."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import click
import typer

from trebol_common.files import write_output
from trebol_common.i18n import _
from trebol_hardware.checks.finding import Finding, Severity
from trebol_hardware.checks.registry import Check, Role, check_machine, checks, find, gravest
from trebol_hardware.checks.report import render, render_check, to_members
from trebol_hardware.completion import codes
from trebol_hardware.machine import Machine
from trebol_hardware.measure.commands import disk_write_command, network_command
from trebol_hardware.terminal import ascii_only, encodable, show

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)

app.command("disk-write")(disk_write_command)
app.command("network")(network_command)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback(invoke_without_command=True)
def check(
    context: typer.Context,
    role: Annotated[Role, typer.Option("--for", help="What the machine is to be.")] = Role.NODE,
    machine: Annotated[
        Path | None, typer.Option(help="A recorded machine (trebol machine probe > machine.json), not this one.")
    ] = None,
    mute: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODE", help="Show this check, but do not count it; may be repeated.", autocompletion=codes
        ),
    ] = None,
    json_: Json = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it to this file.")] = None,
) -> None:
    """Say what this machine can and cannot do, why, and what to change.

    The checks only read. `disk-write` writes, to the empty disk or folder that it is given; `network` sends to the
    other node for some seconds.

    Run it as root: others do not see firmware's registers, serial numbers and the health of disks. It ends with
    status 1 when a check that is not muted fails.

    Example: trebol check --for mixed --mute cpu-level
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    findings = check_machine(_machine(machine), role, mute=mute or ())
    if output is not None:
        text = _to_json(findings, role) if json_ else encodable(render(findings))
        write_output(output, text + "\n")
    elif json_:
        typer.echo(_to_json(findings, role))
    else:
        show(render(findings, ascii_only=ascii_only()))
    if gravest(findings) is Severity.FAIL:
        raise typer.Exit(1)


@app.command("explain")
def explain_command(
    code: Annotated[
        str, typer.Argument(help="A check's code, as `trebol check list` shows them.", autocompletion=codes)
    ],
    json_: Json = False,
) -> None:
    """Say what a check looks at, and why.

    Example: trebol check explain cpu-virtualisation
    """
    found = find(code)
    if json_:
        typer.echo(json.dumps(_members(found, explain=True), indent=2, ensure_ascii=False))
    else:
        show(render_check(found, ascii_only=ascii_only()))


@app.command("list")
def list_command(
    role: Annotated[Role | None, typer.Option("--for", help="Only the checks of this role.")] = None,
    json_: Json = False,
) -> None:
    """List the checks: code, role that they apply to, title.

    Example: trebol check list --for ceph-osd
    """
    chosen = [check for check in checks() if role is None or check.role in role.includes]
    if json_:
        members = [_members(check) for check in chosen]
        typer.echo(json.dumps({"checks": members}, indent=2, ensure_ascii=False))
        return
    width = max((len(check.code) for check in chosen), default=0)
    show("\n".join(f"{check.code:<{width}}  {check.role.value:<8}  {_(check.title)}" for check in chosen))


def _to_json(findings: Sequence[Finding], role: Role) -> str:
    return encodable(json.dumps(to_members(findings, role), indent=2, ensure_ascii=False))


def _machine(record: Path | None) -> Machine:
    if record is not None:
        return Machine.load(record)
    from trebol_hardware.probe.whole import probe

    return probe(health=True)


def _members(found: Check, *, explain: bool = False) -> dict[str, str]:
    members = {"code": found.code, "title": _(found.title), "role": found.role.value}
    if not explain:
        return members
    requirement = found.requirement.localised()
    return {
        **members,
        "explanation": _(found.explanation),
        "required": requirement.minimum,
        "recommended": requirement.recommended,
        "source": requirement.source,
    }


def _refuse_options(context: typer.Context) -> None:
    """Options of the check itself, given to a subcommand, would be dropped without a word."""
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if context.get_parameter_source(parameter.name or "") is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.UsageError(
            _("{option} belongs to `trebol check` alone; give it after {command}, if that has it").format(
                option=given[0], command=context.invoked_subcommand
            ),
            context,
        )
