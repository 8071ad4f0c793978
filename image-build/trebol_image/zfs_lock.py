"""Which packages of Debian's contrib the ZFS layer is made of, and with which ones its modules are built.

Both are resolved against the base layer as it is: only what that lacks. The lock is kept as long as the base and the
lists under `iso/zfs/` stay the same; see `trebol_image.lock` for the base's own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from trebol_common.errors import BadInput, TrebolError
from trebol_common.files import write_text
from trebol_common.run import Runner
from trebol_image.lock import Lock, Package, Resolver
from trebol_image.mirror import COMPONENTS, Source
from trebol_image.module_package import ModulePackage, status_stanza
from trebol_image.package_list import Wanted, read_package_list
from trebol_image.store import Stored

#: The source of OpenZFS as Debian ships it; its version is that of the tools, too.
SOURCE_PACKAGE = "zfs-dkms"
_MOVED = "the mirror has moved on since the base was built: `make iso UPDATE=1` builds a new one"
#: Of what modules are built with, all that can change a module.
_DECIDING = re.compile(r"^(?:zfs-dkms|linux-headers-.+|linux-kbuild-.+|(?:gcc|cpp)-\d+-x86-64-linux-gnu)$")


class ZfsLock(BaseModel):
    """`node` is what the layer installs, `build` what its modules are built with.

    `base` is the id of the layer below, `lists` what was asked for; `kernel` is the name of the base's kernel,
    `kernel_version` the version of its package.
    """

    model_config = ConfigDict(frozen=True)

    base: str
    lists: tuple[str, ...]
    kernel: str
    kernel_version: str
    node: Lock
    build: Lock

    @property
    def zfs_version(self) -> str:
        """The version of OpenZFS, with Debian's revision."""
        return next(package.version for package in self.build.packages if package.name == SOURCE_PACKAGE)

    @property
    def modules(self) -> ModulePackage:
        """The package that holds the modules."""
        return ModulePackage(self.kernel, self.kernel_version, self.zfs_version)

    @property
    def deciding(self) -> tuple[Package, ...]:
        """The packages of `build` that decide what the modules are: sources, headers, compiler."""
        return tuple(package for package in self.build.packages if _DECIDING.match(package.name))


@dataclass(frozen=True)
class ZfsLists:
    """The lists of `iso/zfs`, read."""

    node: tuple[Wanted, ...]
    build: tuple[Wanted, ...]

    @classmethod
    def read(cls, folder: Path) -> ZfsLists:
        """The lists in `folder`. Raises BadInput on a malformed line."""
        return cls(read_package_list(folder / "node.list"), read_package_list(folder / "build.list"))

    @property
    def names(self) -> tuple[str, ...]:
        """What is asked for, for comparing."""
        return (
            *(f"node {package.name}" for package in self.node),
            *(f"build {package.name}" for package in self.build),
        )


class ZfsPackages:
    """The folder of the store that holds lock, indexes and archives of the ZFS layer."""

    def __init__(self, folder: Path, runner: Runner) -> None:
        self._folder = folder
        self._lock = folder / "lock.json"
        self._runner = runner

    def stored(self, base: Stored, lists: ZfsLists) -> ZfsLock | None:
        """The lock made for this base and these lists, or None."""
        try:
            lock = ZfsLock.model_validate_json(self._lock.read_bytes()) if self._lock.is_file() else None
        except ValidationError:
            return None  # Damaged, or written by a version of Trebol that kept other things in it.
        return lock if lock and (lock.base, lock.lists) == (base.record.id, lists.names) else None

    def resolve(
        self, base: Stored, lists: ZfsLists, below: Lock, sources: Sequence[Source]
    ) -> tuple[ZfsLock, Resolver]:
        """Ask the mirror; what it said, and who can fetch it.

        `below` is the base's own lock. Raises BadInput where there are no headers for the base's kernel any more.
        """
        kernel = (base.folder / "kernel").read_text(encoding="utf-8").strip()
        version = kernel_version(below, kernel)
        # The modules are built by us, and apt must not bring zfs-dkms, with a compiler, in their place.
        provided = status_stanza(ModulePackage(kernel, version, "0"))
        resolver = Resolver(
            self._folder / "apt",
            self._folder / "packages",
            sources,
            self._runner,
            components=(*COMPONENTS, "contrib"),
            status=f"{dpkg_status(base, self._runner)}\n{provided}",
        )
        resolver.update()
        headers = Wanted(f"linux-headers-{kernel}", "the base's kernel")
        lock = ZfsLock(
            base=base.record.id,
            lists=lists.names,
            kernel=kernel,
            kernel_version=version,
            node=resolver.resolve(lists.node),
            build=with_headers(resolver, lists.build, headers),
        )
        require_same_base(lock, below)
        write_text(self._lock, lock.model_dump_json(indent=1))
        return lock, resolver


def with_headers(resolver: Resolver, wanted: Sequence[Wanted], headers: Wanted) -> Lock:
    """What is needed for compiling. Raises BadInput; where the headers are gone, saying what helps."""
    try:
        return resolver.resolve((*wanted, headers))
    except BadInput as error:
        if headers.where in {problem.where for problem in error.problems}:
            raise BadInput(f"the mirror has no {headers.name}", where=headers.where, hint=_MOVED) from error
        raise


def dpkg_status(base: Stored, runner: Runner) -> str:
    """dpkg's record of what is installed in the base layer."""
    return runner.run(["unsquashfs", "-cat", base.path, "var/lib/dpkg/status"]).stdout


def kernel_version(below: Lock, kernel: str) -> str:
    """The version of the base's kernel package. Raises TrebolError."""
    for package in below.packages:
        if package.name == f"linux-image-{kernel}":
            return package.version
    raise TrebolError(f"the base's lock has no linux-image-{kernel}", where="iso/packages/kernel.list")


def require_same_base(lock: ZfsLock, below: Lock) -> None:
    """Raise BadInput where ZFS would need another version of a package that the base layer has."""
    has = {package.name: package.version for package in below.packages}
    for package in (*lock.node.packages, *lock.build.packages):
        if package.name in has:
            raise BadInput(
                f"ZFS needs {package.name} {package.version}, and the base has {has[package.name]}",
                where="the base layer",
                hint=_MOVED,
            )
