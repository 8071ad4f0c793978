"""The ZFS layer in a build: its packages, its modules, itself, each only where its inputs changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trebol_common.events import Context
from trebol_common.run import Runner
from trebol_image import zfs, zfs_modules
from trebol_image.lock import Lock, Resolver
from trebol_image.mirror import host_sources
from trebol_image.project import Profile, Project
from trebol_image.signing import SigningKey, signing_key
from trebol_image.space import Need, require_space
from trebol_image.store import Store, Stored, explain_miss
from trebol_image.zfs_lock import ZfsLists, ZfsLock, ZfsPackages

#: What the layer's tree, its initramfs and its squashfs need beside its packages, in bytes, generously.
_LAYER_EXTRA = 400 * 2**20
_FREE_STORE = "free some space, put the store elsewhere with TREBOL_CACHE=/path, or build with --no-zfs"


@dataclass(frozen=True)
class WithZfs:
    """That a build has the ZFS layer, and the key that signs its modules where it is not the store's own."""

    key: Path | None = None
    certificate: Path | None = None


@dataclass(frozen=True)
class ZfsBuild:
    """The part of a build that makes the ZFS layer over the base `bottom`, whose packages are `below`."""

    project: Project
    store: Store
    profile: Profile
    runner: Runner
    bottom: Stored
    below: Lock

    def run(self, wanted: WithZfs, context: Context, *, update: bool) -> Stored:
        """The layer, from the store where nothing changed. With `update`, of the packages that the mirror offers."""
        key = signing_key(self.store.keys, self.runner, key=wanted.key, certificate=wanted.certificate)
        packages = ZfsPackages(self.store.zfs, self.runner)
        lists = ZfsLists.read(self.project.iso / "zfs")
        old = None if update else packages.stored(self.bottom, lists)
        if old is not None and (found := self._find(old, key)):
            context.log(f"{zfs.NAME}: {found.record.id} is in the store")
            return found
        with context.child("resolve-zfs", "Asking the mirror for the versions of ZFS"):
            lock, resolver = packages.resolve(self.bottom, lists, self.below, host_sources())
        modules = self._modules(lock, resolver, key, context)
        return self._layer(lock, resolver, modules, key, context)

    def _find(self, lock: ZfsLock, key: SigningKey) -> Stored | None:
        modules = self.store.find(zfs_modules.NAME, zfs_modules.modules_inputs(lock, key, self.runner))
        return modules and self.store.find(zfs.NAME, self._inputs(lock, modules))

    def _inputs(self, lock: ZfsLock, modules: Stored) -> dict[str, str]:
        return zfs.zfs_inputs(
            self.project,
            self.bottom.record.id,
            modules.record.id,
            lock,
            self.below.epoch,
            self.profile,
            self.runner,
        )

    def _modules(self, lock: ZfsLock, resolver: Resolver, key: SigningKey, context: Context) -> Stored:
        inputs = zfs_modules.modules_inputs(lock, key, self.runner)

        def build(step: Context) -> Stored:
            self._require_space(lock.build, zfs_modules.OBJECTS)
            with step.child("download", "Downloading the compiler and the sources") as inner:
                archives = resolver.fetch_exactly(lock.build, inner)
            return zfs_modules.build_modules(
                self.store, inputs, self.bottom, lock, archives, key, context=step, runner=self.runner
            )

        return self._made(zfs_modules.NAME, inputs, f"Compiling OpenZFS {lock.zfs_version}", build, context)

    def _layer(self, lock: ZfsLock, resolver: Resolver, modules: Stored, key: SigningKey, context: Context) -> Stored:
        inputs = self._inputs(lock, modules)

        def build(step: Context) -> Stored:
            self._require_space(lock.node, _LAYER_EXTRA)
            with step.child("download", "Downloading packages") as inner:
                archives = resolver.fetch_exactly(lock.node, inner)
            return zfs.build_zfs(
                self.project,
                self.store,
                inputs,
                self.bottom,
                modules,
                lock,
                archives,
                key,
                context=step,
                runner=self.runner,
            )

        return self._made(zfs.NAME, inputs, "Building the zfs layer", build, context)

    def _made(
        self,
        name: str,
        inputs: Mapping[str, str],
        title: str,
        build: Callable[[Context], Stored],
        context: Context,
    ) -> Stored:
        if found := self.store.find(name, inputs):
            context.log(f"{name}: {found.record.id} is in the store")
            return found
        with context.child(name, f"{title} ({explain_miss(self.store.why_missing(name, inputs))})") as step:
            return build(step)

    def _require_space(self, packages: Lock, more: int) -> None:
        size = packages.download_size + packages.installed_size + more
        require_space([Need(self.store.folder, size, _FREE_STORE)])
