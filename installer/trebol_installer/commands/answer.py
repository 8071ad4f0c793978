"""`trebol answer`: check an answer file, and see what it would do to a machine, on any computer and without root."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from trebol_common.answers import Answers, load_answers
from trebol_common.answers.parse import dump_answers, read_text
from trebol_common.answers.partial import partial
from trebol_common.errors import BadInput, raise_for
from trebol_common.i18n import _
from trebol_common.medium import read_manifest
from trebol_hardware.checks.mute import mute_problems
from trebol_hardware.machine import Machine
from trebol_installer.plan import plan
from trebol_installer.render import render, to_json
from trebol_installer.select import setup_problems

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)

File = Annotated[Path, typer.Argument(help="The answer file.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def answer() -> None:
    """Check answer files, and match them with machines.

    Example: trebol answer validate answer.toml
    """


@app.command()
def validate(file: File, json_: Json = False) -> None:
    """Say whether FILE is a good answer file, with every problem in it.

    Example: trebol answer validate answer.toml
    """
    if left := partial(read_text(file), str(file)):
        raise_for([problem.in_file(str(file)) for problem in left.problems()], BadInput)
        told = _("{file}: valid, and asks for {keys}").format(file=file, keys=", ".join(left.asked))
        typer.echo(json.dumps({"valid": True, "file": str(file), "asks": left.asked}) if json_ else told)
        return
    answers = load_answers(file)
    # What the schema cannot say, and no machine is needed for.
    problems = [*mute_problems(answers.checks), *setup_problems(answers.disk_setup)]
    raise_for([replace(problem, where=f"{file}: {problem.where}") for problem in problems], BadInput)
    members = {"valid": True, "file": str(file)}
    typer.echo(json.dumps(members) if json_ else _("{file}: valid").format(file=file))


@app.command()
def match(
    file: File,
    machine: Annotated[Path, typer.Option(help="The recorded machine (trebol machine probe > machine.json).")],
    medium: Annotated[
        Path | None, typer.Option(help="A mounted medium, for exact sizes; nominal ones without it.")
    ] = None,
    json_: Json = False,
) -> None:
    """Print what FILE would do to a recorded machine; nothing is touched.

    Example: trebol answer match answer.toml --machine machine.json
    """
    manifest = read_manifest(medium) if medium else None
    made = plan(Machine.load(machine), load_answers(file), manifest)
    typer.echo(to_json(made) if json_ else render(made), nl=False)


@app.command()
def show(file: File, json_: Json = False) -> None:
    """Print FILE as Trebol understands it, without its secrets.

    Example: trebol answer show answer.toml
    """
    text = dump_answers(load_answers(file))
    if json_:
        import tomllib

        text = json.dumps(tomllib.loads(text), indent=2, ensure_ascii=False) + "\n"
    typer.echo(text, nl=False)


@app.command()
def schema() -> None:
    """Print the JSON schema of answer files, for editors and generators.

    Example: trebol answer schema > answer.schema.json
    """
    typer.echo(json.dumps(Answers.model_json_schema(by_alias=True), indent=2))
