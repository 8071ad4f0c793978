"""`trebol image seed`, `verify` and `lint`: what is done with a finished medium, in a file or on a stick."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from trebol_common.errors import BadInput, printable

Medium = Annotated[Path, typer.Argument(help="An ISO, or the stick it was written to (/dev/sdX).")]


def seed(
    medium: Medium,
    answer: Annotated[Path | None, typer.Argument(help="The answer file.")] = None,
    console: Annotated[str | None, typer.Option(help="Also install over this console, such as ttyS0.")] = None,
    words: Annotated[str, typer.Option(help="More kernel words, in one argument.")] = "",
    first_boot: Annotated[
        Path | None, typer.Option(help='What the first boot runs, for an answer file with source = "from-iso".')
    ] = None,
    no_autostart: Annotated[bool, typer.Option("--no-autostart", help="Wait for a person at the boot menu.")] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Only show what the medium is seeded with, secrets out.")
    ] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Take answer file and boot settings out again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Put an answer file into an ISO or a written stick, in place, so that it installs without a hand.

    Example: trebol image seed out/trebol-0.1.0-amd64.iso answer.toml --console ttyS0
    """
    from trebol_image.seed import clear_seed, make_seed, write_seed

    if (answer is not None) + show + clear != 1:
        raise BadInput(
            "needs exactly one of an answer file, --show and --clear",
            where="trebol image seed",
            hint="such as: trebol image seed trebol.iso answer.toml",
        )
    if answer is None and (console is not None or words or no_autostart or first_boot is not None):
        raise BadInput(
            "--console, --words, --first-boot and --no-autostart go with an answer file",
            where="trebol image seed",
            hint="give the answer file too, or leave them out",
        )
    if show:
        _show(medium, as_json=as_json)
        return
    if answer is None:
        clear_seed(medium)
        typer.echo(json.dumps({"medium": str(medium), "seeded": False}) if as_json else f"{medium}: cleared")
        return
    made, _ = make_seed(answer, console=console, words=words, autostart=not no_autostart, first_boot=first_boot)
    started = time.perf_counter()
    write_seed(medium, made)
    milliseconds = 1000 * (time.perf_counter() - started)
    if as_json:
        typer.echo(json.dumps({"medium": str(medium), "seeded": True, "milliseconds": round(milliseconds, 1)}))
    else:
        typer.echo(f"{medium}: seeded in {milliseconds:.0f} ms")


def _show(medium: Path, *, as_json: bool) -> None:
    from trebol_common.answers.parse import dump_answers, parse_answers
    from trebol_image.seed import read_seed

    seeded = read_seed(medium)
    answer = dump_answers(parse_answers(seeded.answer, where=f"{medium}: answer slot")) if seeded.answer else None
    if as_json:
        size = None if seeded.first_boot is None else len(seeded.first_boot)
        members = {"version": seeded.version, "medium_id": seeded.medium_id, "answer": answer, "first_boot": size}
        typer.echo(json.dumps({**members, "environment": dict(seeded.environment)}))
        return
    for name, value in seeded.environment.items():
        typer.echo(f"# {name}={value}")
    if seeded.first_boot is not None:
        typer.echo(f"# first boot: an executable of {len(seeded.first_boot)} bytes")
    typer.echo(answer if answer else f"{medium}: not seeded")


def verify(
    medium: Medium,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compare everything on an ISO or a written stick with its checksums. Needs no root, mounts nothing.

    Example: trebol image verify /dev/sdX
    """
    from trebol_common.events import Context
    from trebol_common.progress import show_progress
    from trebol_image.verify import verify as verify_medium

    with Context(show_progress(sys.stderr)).child("verify", f"Verifying {medium}") as context:
        found = verify_medium(medium, lambda done, total: context.progress(done, total, "bytes"))
    manifest = found.manifest
    if as_json:
        members = {"medium": str(medium), "ok": True, "files": found.files, "size": found.size}
        typer.echo(json.dumps({**members, "version": manifest.version, "medium_id": manifest.medium_id}))
        return
    typer.echo(
        f"{medium}: whole. Trebol {manifest.version} ({manifest.profile}), medium {manifest.medium_id}, "
        f"{found.files} files, {found.size / 1e6:.0f} MB"
    )


def lint(
    medium: Medium,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Look at how an ISO is built: boot entries, partitions, signatures, paths. Status 1 when something is wrong.

    Example: trebol image lint out/trebol-0.1.0-amd64.iso
    """
    from trebol_image.lint import lint as lint_medium

    findings = lint_medium(medium)
    if as_json:
        typer.echo(json.dumps({"findings": [asdict(finding) for finding in findings]}, ensure_ascii=False))
    else:
        width = max(len(finding.title) for finding in findings)
        for finding in findings:
            typer.echo(f"{'✔' if finding.ok else '✘'} {finding.title:{width}}  {printable(finding.detail)}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (seed, verify, lint):
        app.command()(command)
