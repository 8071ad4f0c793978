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
from bench.install import read_manifest_of
from trebol_common import __version__
from trebol_common.errors import BadInput, TrebolError
from trebol_common.events import Event, Kind
from trebol_common.medium import Manifest
from trebol_common.run import CommandRunner, Runner
from trebol_image.build import iso_name, require_root
from trebol_image.lock import Lock
from trebol_image.mirror import RELEASE, host_sources, render_sources
from trebol_image.package_list import read_package_lists
from trebol_image.project import ROOMS, Profile, Project
from trebol_image.store import default_folder

#: Not part of a clone: what is built, and what tools keep.
NOT_COPIED = (".git", ".venv", "out", "build", "*.egg-info", "__pycache__", ".mypy_cache", ".pytest_cache")

#: The Python file that a developer is taken to have changed.
CHANGED = "installer/trebol_installer/plan.py"


@dataclass(frozen=True)
class Built:
    """One `make iso`: how long it took, by phase, and what came out; the size of the ISO in bytes."""

    seconds: float
    phases: tuple[Phase, ...]
    manifest: Manifest
    size: int


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

    def make_iso(self, profile: Profile) -> Built:
        """`make iso` in the copy, without ZFS. Raises TrebolError when it makes no ISO of that profile there."""
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
            # What it is compared with packs no ZFS either; compiling that measures the compiler.
            "ZFS=0",
        ]
        env = {"PYTHONPATH": rooms, "TREBOL_CACHE": str(self.cache)}
        out = Project(self.root).out
        iso = out / iso_name(__version__, profile.name)
        iso.unlink(missing_ok=True)
        settle(self.root, self.runner)
        started = time.monotonic()
        self.runner.run(command, env=env)
        seconds = time.monotonic() - started
        if not iso.is_file():
            raise TrebolError("`make iso` ended well and made no ISO", where=str(iso))
        manifest = read_manifest_of(iso)
        if manifest.profile != profile.name:
            raise TrebolError(f"is of profile {manifest.profile}, not {profile.name}", where=str(iso))
        phases = build_phases((out / "build.log").read_text(encoding="utf-8"), seconds)
        return Built(seconds, phases, manifest, iso.stat().st_size)

    def packages(self) -> frozenset[str]:
        """The archives that are there."""
        return frozenset(path.name for path in (self.cache / "packages").glob("*.deb"))

    def lock(self) -> Lock:
        """What the newest base of this workshop is made of."""
        return Lock.model_validate_json((self.cache / "lock.json").read_bytes())

    def change_python(self) -> None:
        """What a developer does: one more line in a Python file."""
        path = self.root / CHANGED
        path.write_text(path.read_text(encoding="utf-8") + f"\n# Changed at {time.time_ns()}.\n", encoding="utf-8")


def settle(folder: Path, runner: Runner) -> None:
    """Have everything on the disk that was written before, so that what is measured next does not wait for it."""
    runner.run(["sync", "--file-system", folder])


def build_phases(log: str, seconds: float) -> tuple[Phase, ...]:
    """The steps in a build's log (lines of `trebol_common.events`), and what else the `seconds` of it went to."""
    events = [Event.from_json(line) for line in log.splitlines()]
    steps = tuple(
        Phase(event.path[0], event.seconds)
        for event in events
        if event.kind is Kind.FINISH and len(event.path) == 1 and event.seconds is not None
    )
    return (*steps, Phase("make, and looking what has changed", seconds - sum(step.seconds for step in steps)))


def plain(workshop: Workshop, folder: Path, profile: Profile, lock: Lock) -> tuple[tuple[Phase, ...], int]:
    """What somebody without Trebol would type, with the same warm packages: three programs and their times, the size.

    Raises TrebolError when other packages than those of `lock` were installed.
    """
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
    image = folder / "plain.iso"
    names = ",".join(package.name for package in read_package_lists(iso / "packages"))
    settle(folder, workshop.runner)
    phases = (
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
            ["xorriso", "-as", "mkisofs", "-quiet", "-r", "-iso-level", "3", "-o", image, medium],
        ),
    )  # fmt: skip
    require_same_packages(tree, lock, workshop.runner)
    return phases, image.stat().st_size


def require_same_packages(tree: Path, lock: Lock, runner: Runner) -> None:
    """Raise TrebolError unless exactly the packages of `lock` are in `tree`: else different work is compared."""
    query = ["dpkg-query", f"--admindir={tree}/var/lib/dpkg", "--show", "--showformat=${Package} ${Version}\n"]
    installed = set(runner.run(query).stdout.splitlines())
    locked = {f"{package.name} {package.version}" for package in lock.packages}
    if odd := sorted(installed ^ locked):
        raise TrebolError(
            f"the plain way installed other packages: {', '.join(odd[:5])}",
            where=str(tree),
            hint="the mirror changed meanwhile: measure again",
        )


def _timed(runner: Runner, name: str, command: Sequence[str | Path]) -> Phase:
    started = time.monotonic()
    runner.run(command)
    return Phase(name, time.monotonic() - started)


def require_rebuilt(first: Manifest, again: Manifest) -> None:
    """Raise TrebolError unless a change in Python code made a new appliance layer, and no new base."""
    before, after = ({layer.name: layer.sha256 for layer in manifest.layers} for manifest in (first, again))
    if before["appliance"] == after["appliance"]:
        raise TrebolError("a change in Python code did not come into the ISO", where=CHANGED)
    if before["base"] != after["base"]:
        raise TrebolError("a change in Python code made a new base layer", where=CHANGED)


def measure(project: Project, folder: Path, profile: Profile) -> list[Figure]:
    """A first build, a build after a change in Python code, and the plain way; all in `folder`, which goes."""
    require_root()
    workshop = Workshop.make(project, folder, CommandRunner())
    there = workshop.packages()
    first = workshop.make_iso(profile)
    if new := sorted(workshop.packages() - there):
        raise BadInput(
            f"{len(new)} packages had to be downloaded: {', '.join(new[:3])}",
            where=str(default_folder()),
            hint="run `make iso UPDATE=1` once: the cache must be warm",
        )
    workshop.change_python()
    again = workshop.make_iso(profile)
    require_rebuilt(first.manifest, again.manifest)
    by_hand, plain_size = plain(workshop, folder / "plain", profile, workshop.lock())
    shutil.rmtree(folder)
    return [
        Figure(
            f"make iso PROFILE={profile.name}, packages there, nothing built",
            first.seconds,
            "s",
            "no slower than the plain way",
            sum(phase.seconds for phase in by_hand),
            "plain mmdebstrap, mksquashfs, xorriso: same packages, same compression",
            first.phases,
            by_hand,
        ),
        Figure("make iso after a change in a Python file", again.seconds, "s", "at most 10 s", phases=again.phases),
        Figure(
            f"size of the ISO, profile {first.manifest.profile}",
            first.size / 1e6,
            "MB",
            "at most 900 MB" if first.manifest.profile == "release" else "",
            notes={"plain way": f"{plain_size / 1e6:.0f} MB, without boot loaders"},
        ),
    ]
