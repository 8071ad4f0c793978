"""`python -m bench`: measure everything, or what is named, and print it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bench import build, check, cluster, disks, install, node, screens, seed
from bench.figures import Figure, machine, to_json, to_text
from trebol_common.errors import BadInput, TrebolError
from trebol_image.project import Profile, Project, find_profile
from trebol_image.qemu import Firmware
from trebol_image.qemu.media import newest_iso


class Subject(StrEnum):
    """What can be measured."""

    CHECK = "check"
    SEED = "seed"
    SCREENS = "screens"
    NODE = "node"
    CLUSTER = "cluster"
    INSTALL = "install"
    BUILD = "build"
    DISKS = "disks"


def bench(
    subjects: Annotated[list[Subject] | None, typer.Argument(help="What to measure; everything by default.")] = None,
    firmware: Annotated[
        list[Firmware] | None, typer.Option(help="To install under; may be repeated; BIOS and UEFI by default.")
    ] = None,
    profile: Annotated[str, typer.Option(help="Profile to build: that of `make iso` by default.")] = "release",
    iso: Annotated[
        Path | None, typer.Option(help="ISO to install and seed; the newest out/*.iso by default.")
    ] = None,
    events: Annotated[
        Path | None, typer.Option(help="For disks: a node's /var/log/trebol/events.jsonl, copied here.")
    ] = None,
    runs: Annotated[int, typer.Option(help="Installations to take the median of.", min=1)] = 1,
    nodes: Annotated[int, typer.Option(help="Nodes of the cluster.", min=2, max=32)] = cluster.NODES,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure Trebol side by side with its floors, on this machine, which should do nothing else meanwhile.

    Example: python -m bench install --firmware uefi --runs 3
    """
    project = Project.find()
    packing = find_profile(profile)
    if iso is not None and not iso.is_file():
        raise BadInput("no such file", where=str(iso), hint="build one with `make iso`")
    # Everything that is measured here; what an installation elsewhere recorded has to be named.
    wanted = subjects or [subject for subject in Subject if subject is not Subject.DISKS or events]
    kinds = firmware or [Firmware.BIOS, Firmware.UEFI]
    figures: list[Figure] = []
    measured_on = machine()
    if not as_json:
        print(measured_on)
    for subject in dict.fromkeys(wanted):
        for figure in _measure(subject, project, iso, kinds, packing, runs, events, nodes):
            figures.append(figure)
            if not as_json:
                print(f"\n{to_text(figure)}", flush=True)
    if as_json:
        print(to_json(figures, measured_on))


def _measure(
    subject: Subject,
    project: Project,
    iso: Path | None,
    firmware: list[Firmware],
    profile: Profile,
    runs: int,
    events: Path | None,
    nodes: int,
) -> Iterator[Figure]:
    """The figures of a subject, each as soon as it is there."""
    folder = project.out / "bench"
    match subject:
        case Subject.CHECK:
            yield from check.measure(project.root / "tests/machines")
        case Subject.SEED:
            yield from seed.measure(iso or newest_iso(project.out), folder)
        case Subject.SCREENS:
            yield from screens.measure(project.root / "tests/machines/rack-server.json")
            for kind in firmware:
                yield screens.measure_first(iso or newest_iso(project.out), folder, kind)
        case Subject.NODE:
            yield from node.measure()
        case Subject.CLUSTER:
            yield from cluster.measure(nodes)
        case Subject.INSTALL:
            image = iso or newest_iso(project.out)
            for kind in firmware:
                yield install.measure(image, folder, kind, runs)
        case Subject.BUILD:
            yield from build.measure(project, folder / "build", profile)
        case Subject.DISKS:
            if events is None:
                hint = "copy a node's /var/log/trebol/events.jsonl and name it"
                raise BadInput("missing", where="--events", hint=hint)
            yield disks.measure(events)


if __name__ == "__main__":
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    app.command()(bench)
    try:
        app()
    except TrebolError as error:
        typer.echo(f"bench: {error}", err=True)
        sys.exit(error.exit_status)
