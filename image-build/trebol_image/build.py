"""The whole build: lock → base → ZFS (optional), appliance, live → ISO, each step only where its inputs changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from trebol_common import __version__
from trebol_common.errors import BadInput
from trebol_common.events import Context
from trebol_common.files import write_text
from trebol_common.medium import Feature, Layer
from trebol_common.run import Runner
from trebol_image import appliance, base, live, zfs
from trebol_image.deb import build_deb
from trebol_image.inputs import hash_text
from trebol_image.iso import IsoInputs, assemble_iso
from trebol_image.lock import Lock, Resolver
from trebol_image.mirror import Source, host_sources
from trebol_image.mounts import squashfs
from trebol_image.package_list import Wanted, read_package_lists
from trebol_image.project import Profile, Project
from trebol_image.space import Need, require_space
from trebol_image.store import Inputs, Store, Stored, explain_miss
from trebol_image.zfs_build import WithZfs, ZfsBuild

#: What the base layer with kernel and initramfs weighs at most, as a part of what its packages say they install (with
#: profile dev 0.48 was seen), and what an ISO holds beside its layers, kernel and initramfs, in bytes.
PACKED = 0.6
ISO_EXTRA = 64 * 2**20
_FREE_STORE = "free some space, or put the store elsewhere with TREBOL_CACHE=/path"
_FREE_OUT = "free some space where the ISO is written, such as older ISOs"


@dataclass(frozen=True)
class _Begun:
    """A build of the `trebol` package that was begun when the checkout was like `sources`."""

    sources: Inputs
    package: Future[Path]


@dataclass(frozen=True)
class Build:
    """One build: where from, with what, how packed; with the ZFS layer where `zfs` is given."""

    project: Project
    store: Store
    profile: Profile
    runner: Runner
    zfs: WithZfs | None = None

    def run(self, context: Context, *, update: bool = False) -> Path:
        """Build the ISO and return its path. With `update`, take the packages that the mirror offers now."""
        self.project.out.mkdir(exist_ok=True)
        with (
            self.store.locked(on_wait=lambda: context.log("another build is running; waiting for it to finish")),
            ThreadPoolExecutor(1) as beside,
        ):
            bottom, lock, begun = self._base(context, beside, update=update)
            optional = self._zfs(context, bottom, lock, update=update)
            inputs = appliance.appliance_inputs(self.project, bottom.record.id, lock.epoch, self.profile, self.runner)
            top = self._layer(
                context,
                appliance.NAME,
                inputs,
                lambda step: appliance.build_appliance(
                    self.project,
                    self.store,
                    inputs,
                    bottom,
                    self._package(step, beside, lock, begun),
                    context=step,
                    runner=self.runner,
                ),
            )
            live_inputs = live.live_inputs(self.project, lock.epoch, self.profile, self.runner)
            medium = self._layer(
                context,
                live.NAME,
                live_inputs,
                lambda step: live.build_live(self.project, self.store, live_inputs, context=step, runner=self.runner),
            )
            with context.child("iso", "Writing the ISO"):
                return self._iso(bottom, optional, top, medium, lock)

    def _zfs(self, context: Context, bottom: Stored, lock: Lock, *, update: bool) -> Stored | None:
        if self.zfs is None:
            return None
        made = ZfsBuild(self.project, self.store, self.profile, self.runner, bottom, lock)
        return made.run(self.zfs, context, update=update)

    def _begin_package(self, beside: Executor, lock: Lock) -> _Begun:
        """Have the `trebol` package built beside whatever comes next."""
        sources = appliance.package_inputs(self.project)
        folder = self.store.work_folder(f"package-{hash_text(repr(sources))[:8]}")
        return _Begun(sources, beside.submit(build_deb, self.project.root, folder, self.runner, lock.epoch))

    def _package(self, context: Context, beside: Executor, lock: Lock, begun: _Begun | None) -> Path:
        """The package of the sources as they are now, whenever its build was begun."""
        with context.child("package", "Building the trebol package"):
            if begun is None or begun.sources != appliance.package_inputs(self.project):
                begun = self._begin_package(beside, lock)
            return begun.package.result()

    def _base(self, context: Context, beside: Executor, *, update: bool) -> tuple[Stored, Lock, _Begun | None]:
        """The base layer, from the store where lock and inputs are unchanged.

        Where it is built, what comes on top has to be too: its package is begun at the same time.
        """
        wanted = read_package_lists(self.project.iso / "packages")
        old = self._stored_lock()
        if old is not None and not update:
            inputs = base.base_inputs(self.project, old, self.profile, self.runner)
            if stored := self.store.find(base.NAME, inputs):
                context.log(f"base: {stored.record.id} is in the store")
                return stored, old, None
            reasons = self.store.why_missing(base.NAME, inputs)
        else:
            reasons = ["update asked for"] if old else []
        sources = host_sources()
        resolver = Resolver(self.store.apt, self.store.packages, sources, self.runner)
        with context.child("resolve", "Asking the mirror for package versions"):
            resolver.update()
            lock = resolver.resolve(wanted)
        if old is not None and lock != old:
            reasons.append(f"packages: {lock.difference(old)}")
        inputs = base.base_inputs(self.project, lock, self.profile, self.runner)
        stored = self.store.find(base.NAME, inputs)
        begun = None
        if stored is None:
            require_space(space_for_base(lock, self.store.folder, self.project.out))
            with context.child("download", "Downloading packages") as step:
                resolver.fetch(wanted, lock, step)
            reasons = reasons or self.store.why_missing(base.NAME, inputs)
            begun = self._begin_package(beside, lock)
            stored = self._build_base(context, inputs, lock, wanted, sources, reasons)
        write_text(self.store.package_lock, lock.model_dump_json(indent=1))
        return stored, lock, begun

    def _build_base(
        self,
        context: Context,
        inputs: Mapping[str, str],
        lock: Lock,
        wanted: tuple[Wanted, ...],
        sources: tuple[Source, ...],
        reasons: list[str],
    ) -> Stored:
        with context.child("base", f"Building the base layer ({explain_miss(reasons)})") as step:
            return base.build_base(
                self.project, self.store, inputs, lock, wanted, sources, context=step, runner=self.runner
            )

    def _layer(
        self, context: Context, name: str, inputs: Mapping[str, str], build: Callable[[Context], Stored]
    ) -> Stored:
        if stored := self.store.find(name, inputs):
            context.log(f"{name}: {stored.record.id} is in the store")
            return stored
        reasons = self.store.why_missing(name, inputs)
        with context.child(name, f"Building the {name} layer ({explain_miss(reasons)})") as step:
            return build(step)

    def _stored_lock(self) -> Lock | None:
        path = self.store.package_lock
        try:
            return Lock.model_validate_json(path.read_bytes()) if path.is_file() else None
        except ValidationError:
            return None  # Damaged, or written by a version of Trebol that kept other things in it.

    def _iso(self, bottom: Stored, optional: Stored | None, top: Stored, medium: Stored, lock: Lock) -> Path:
        if optional is not None:
            zfs.require_apart(zfs.layer_files(optional, self.runner), zfs.layer_files(top, self.runner))
        layers = [stored for stored in (bottom, optional, top, medium) if stored is not None]
        files = [stored.path for stored in layers]
        files += [bottom.folder / name for name in ("vmlinuz", "initrd.img")]
        require_space([Need(self.project.out, sum(path.stat().st_size for path in files) + ISO_EXTRA, _FREE_OUT)])
        work = self.store.work_folder("iso")
        with squashfs(bottom.path, work / "base", self.runner) as tree:
            return assemble_iso(
                IsoInputs(
                    layers=tuple(
                        (stored.path, _layer_of(stored, target=stored is not medium, optional=stored is optional))
                        for stored in layers
                    ),
                    certificate=optional.folder / zfs.CERTIFICATE.name if optional else None,
                    vmlinuz=bottom.folder / "vmlinuz",
                    initrd=bottom.folder / "initrd.img",
                    tree=tree,
                    kernel=(bottom.folder / "kernel").read_text(encoding="utf-8").strip(),
                    templates=self.project.iso / "boot",
                    epoch=lock.epoch,
                    version=__version__,
                    profile=self.profile.name,
                ),
                self.project.out / iso_name(__version__, self.profile.name),
                work,
                self.runner,
            )


def space_for_base(lock: Lock, store: Path, out: Path) -> tuple[Need, Need]:
    """What a base layer and its ISO need: archives, kept and copied into the tree; the tree; its squashfs; the ISO.

    The tree may be made in memory (`base.scratch`), which is only found out later.
    """
    packed = int(lock.installed_size * PACKED)
    return (
        Need(store, 2 * lock.download_size + lock.installed_size + packed, _FREE_STORE),
        Need(out, packed + ISO_EXTRA, _FREE_OUT),
    )


def iso_name(version: str, profile: str) -> str:
    """The file name of an ISO; only a release goes without the name of its profile."""
    return f"trebol-{version}-amd64.iso" if profile == "release" else f"trebol-{version}-{profile}-amd64.iso"


def _layer_of(stored: Stored, *, target: bool, optional: bool) -> Layer:
    record = stored.record
    return Layer(
        name=record.name,
        file=f"{record.name}.squashfs",
        sha256=record.sha256,
        blocks=record.blocks,
        size=record.size,
        unpacked=record.unpacked,
        files=record.files,
        target=target,
        feature=Feature.ZFS if optional else None,
    )


def require_root() -> None:
    """Raise BadInput without root: a tree with owners, devices and mounts can only be made by root."""
    if os.geteuid() != 0:
        raise BadInput("building an image needs root", where="trebol image build", hint="run it with sudo")
