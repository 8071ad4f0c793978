"""Building the ISO, beside plain mmdebstrap + mksquashfs + xorriso of the same packages with the same compression.

Everything happens on a copy of the checkout and in a layer store of its own, with the packages and apt indexes of the
real store in it: nothing of the checkout, its `out/` or the real store changes.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figure, Phase
from trebol_common.errors import BadInput
from trebol_common.run import CommandRunner, Runner
from trebol_image.mirror import RELEASE, host_sources, render_sources
from trebol_image.package_list import read_package_lists
from trebol_image.project import PROFILES, ROOMS, Profile, Project
from trebol_image.store import default_folder

#: Not part of a clone: what is built, and what tools keep.
NOT_COPIED = (".git", ".venv", "out", "build", "*.egg-info", "__pycache__", ".mypy_cache", ".pytest_cache")

#: The Python file that a developer is taken to have changed.
CHANGED = "installer/trebol_installer/plan.py"


@dataclass(frozen=True)
class Workshop:
    """A copy of the checkout, with a store of its own that holds packages and no layers."""

    root: Path
    cache: Path
    runner: Runner

    @classmethod
    def make(cls, project: Project, folder: Path, runner: Runner) -> Workshop:
        """Copy checkout, packages and apt indexes into `folder`. Raises BadInput when nothing was ever built."""
        real = default_folder()
        if not (real / "packages").is_dir():
            raise BadInput("holds no packages", where=str(real), hint="run `make iso` once: the cache must be warm")
        shutil.rmtree(folder, ignore_errors=True)
        root, cache = folder / "checkout", folder / "cache"
        shutil.copytree(project.root, root, symlinks=True, ignore=shutil.ignore_patterns(*NOT_COPIED))
        (root / ".venv").symlink_to(Path(sys.prefix))
        cache.mkdir()
        runner.run(["cp", "--archive", "--reflink=auto", real / "packages", real / "apt", cache])
        return cls(root, cache, runner)

    def make_iso(self, profile: Profile) -> float:
        """`make iso` in the copy; seconds."""
        # The copy's packages come before those that the environment was made for. The environment itself is shared,
        # so make must never think it old.
        rooms = ":".join(str(self.root / room) for room in ROOMS)
        command: list[str | Path] = [
            "make",
            "--directory",
            self.root,
            "--old-file",
            ".venv/ready",
            "iso",
            f"PROFILE={profile.name}",
        ]
        env = {"PYTHONPATH": rooms, "TREBOL_CACHE": str(self.cache)}
        started = time.monotonic()
        self.runner.run(command, env=env)
        return time.monotonic() - started

    def change_python(self) -> None:
        """What a developer does: one more line in a Python file."""
        path = self.root / CHANGED
        path.write_text(path.read_text(encoding="utf-8") + f"\n# Changed at {time.time_ns()}.\n", encoding="utf-8")


def plain(workshop: Workshop, folder: Path, profile: Profile) -> tuple[Phase, ...]:
    """What somebody without Trebol would type, with the same warm packages: the three programs and their times."""
    folder.mkdir(parents=True)
    iso = workshop.root / "iso"
    sources = folder / "plain.sources"
    sources.write_text(render_sources(host_sources()), encoding="utf-8")
    hook = folder / "link-packages"
    archives = "/var/cache/apt/archives"
    hook.write_text(
        f'#!/bin/sh\nset -eu\nmkdir -p "$1{archives}"\ncp --link "{workshop.cache}/packages"/*.deb "$1{archives}"\n',
        encoding="utf-8",
    )
    hook.chmod(0o755)
    tree, medium = folder / "tree", folder / "medium"
    medium.mkdir()
    names = ",".join(package.name for package in read_package_lists(iso / "packages"))
    return (
        _timed(
            workshop.runner, "mmdebstrap",
            [
                "mmdebstrap", "--mode=root", "--variant=apt", "--format=directory", "--architectures=amd64",
                f"--include={names}", f"--dpkgopt={iso / 'base' / 'dpkg.cfg'}",
                f"--setup-hook={hook} \"$1\"", "--skip=download/empty", "--skip=essential/unlink",
                RELEASE, tree, sources,
            ],
        ),
        _timed(
            workshop.runner, "mksquashfs",
            [
                "mksquashfs", tree, medium / "base.squashfs", "-comp", "zstd",
                "-Xcompression-level", str(profile.level), "-noappend", "-no-progress", "-quiet",
            ],
        ),
        _timed(
            workshop.runner, "xorriso",
            ["xorriso", "-as", "mkisofs", "-quiet", "-r", "-iso-level", "3", "-o", folder / "plain.iso", medium],
        ),
    )  # fmt: skip


def _timed(runner: Runner, name: str, command: Sequence[str | Path]) -> Phase:
    started = time.monotonic()
    runner.run(command)
    return Phase(name, time.monotonic() - started)


def measure(project: Project, folder: Path, profile_name: str) -> list[Figure]:
    """A first build, a build after a change in Python code, and the plain way."""
    profile = PROFILES[profile_name]
    workshop = Workshop.make(project, folder / "build", CommandRunner())
    by_hand = plain(workshop, folder / "build" / "plain", profile)
    shutil.rmtree(folder / "build" / "plain")
    first = workshop.make_iso(profile)
    workshop.change_python()
    again = workshop.make_iso(profile)
    size = next((workshop.root / "out").glob("*.iso")).stat().st_size
    shutil.rmtree(folder / "build")
    return [
        Figure(
            f"make iso PROFILE={profile.name}, packages there, nothing built",
            first,
            "s",
            "no slower than the plain way",
            sum(phase.seconds for phase in by_hand),
            "plain mmdebstrap, mksquashfs, xorriso: same packages, same compression",
            floor_phases=by_hand,
        ),
        Figure("make iso after a change in a Python file", again, "s", "at most 10 s"),
        Figure(f"size of the ISO, profile {profile.name}", size / 1e6, "MB", "release: at most 900 MB"),
    ]
