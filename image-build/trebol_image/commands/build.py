"""`trebol image build`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from trebol_common.events import Context, Event, Kind, json_lines, tee
from trebol_common.progress import show_progress
from trebol_common.run import CommandRunner


def _profiles() -> list[str]:
    from trebol_image.project import PROFILES

    return [*PROFILES]


def build(
    profile: Annotated[
        str,
        typer.Option(
            help="dev: quick to pack; release: small.",
            show_default=True,
            autocompletion=_profiles,
        ),
    ] = "release",
    zfs: Annotated[
        bool | None,
        typer.Option("--zfs/--no-zfs", help="With the ZFS layer or without.", show_default="release: with"),
    ] = None,
    signing_key: Annotated[
        Path | None, typer.Option(help="Private key (PEM) for the modules of ZFS, instead of the store's own.")
    ] = None,
    signing_certificate: Annotated[Path | None, typer.Option(help="The certificate (PEM) of that key.")] = None,
    update: Annotated[bool, typer.Option("--update", help="Take the newest packages of the mirror.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Build out/trebol-VERSION-amd64.iso from the host's Debian mirror.

    Profile dev makes out/trebol-VERSION-dev-amd64.iso. Layers are kept in $TREBOL_CACHE (default /var/cache/trebol)
    and rebuilt only where their inputs changed; the reason is printed. Everything that happened is in out/build.log.
    The kernel modules of ZFS are signed with the key in $TREBOL_CACHE/keys, made at the first build.

    Example: trebol image build --profile dev
    """
    from trebol_image.build import Build, require_root
    from trebol_image.mounts import enter_namespace
    from trebol_image.project import Project, find_profile
    from trebol_image.store import Store, default_folder
    from trebol_image.zfs_build import WithZfs

    chosen = find_profile(profile)
    wanted = WithZfs(signing_key, signing_certificate) if (chosen.zfs if zfs is None else zfs) else None
    project = Project.find()
    require_root()
    enter_namespace()
    runner = CommandRunner()
    store = Store(default_folder(), runner)
    project.out.mkdir(exist_ok=True)
    with (project.out / "build.log").open("w", encoding="utf-8") as log:
        sink = tee(json_lines(log), show_progress(sys.stderr), _notes)
        iso = Build(project, store, chosen, runner, wanted).run(Context(sink), update=update)
    if as_json:
        typer.echo(json.dumps({"iso": str(iso), "size": iso.stat().st_size, "profile": profile}))
    else:
        typer.echo(f"{iso.relative_to(project.root)}  {iso.stat().st_size / 1e6:.0f} MB")


def _notes(event: Event) -> None:
    """Show what the build itself says (not the programs it runs): layers found, waiting for another build."""
    if event.kind is Kind.LOG and not event.path:
        typer.echo(f"  {event.text}", err=True)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(build)
