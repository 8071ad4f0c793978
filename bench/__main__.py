"""`python -m bench`: measure everything, or what is named, and print it."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bench import build, install, seed
from bench.figures import Figure, machine, to_json, to_text
from trebol_common.errors import TrebolError
from trebol_image.project import Project
from trebol_image.qemu import Firmware
from trebol_image.qemu.media import newest_iso


class Subject(StrEnum):
    """What can be measured."""

    SEED = "seed"
    INSTALL = "install"
    BUILD = "build"


def bench(
    subjects: Annotated[list[Subject] | None, typer.Argument(help="What to measure; everything by default.")] = None,
    firmware: Annotated[
        list[Firmware] | None, typer.Option(help="Firmware to install under; may be repeated; BIOS by default.")
    ] = None,
    profile: Annotated[str, typer.Option(help="Profile to build.")] = "dev",
    runs: Annotated[int, typer.Option(help="Installations to take the median of.", min=1)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure Trebol side by side with its floors, on this machine, which should do nothing else meanwhile.

    Example: python -m bench install --firmware uefi --runs 3
    """
    project = Project.find()
    chosen = subjects or list(Subject)
    figures: list[Figure] = []
    if not as_json:
        print(machine())
    for subject in chosen:
        for figure in _measure(subject, project, firmware or [Firmware.BIOS], profile, runs):
            figures.append(figure)
            if not as_json:
                print(f"\n{to_text(figure)}", flush=True)
    if as_json:
        print(to_json(figures))


def _measure(subject: Subject, project: Project, firmware: list[Firmware], profile: str, runs: int) -> list[Figure]:
    folder: Path = project.out / "bench"
    match subject:
        case Subject.SEED:
            return seed.measure(newest_iso(project.out), folder)
        case Subject.INSTALL:
            iso = newest_iso(project.out)
            return [figure for kind in firmware for figure in install.measure(iso, folder, kind, runs)]
        case Subject.BUILD:
            return build.measure(project, folder, profile)


if __name__ == "__main__":
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    app.command()(bench)
    try:
        app()
    except TrebolError as error:
        typer.echo(f"bench: {error}", err=True)
        sys.exit(error.exit_status)
