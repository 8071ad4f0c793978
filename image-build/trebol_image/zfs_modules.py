"""The kernel modules of OpenZFS, compiled for the base's kernel, signed, as a Debian package.

Minutes of work, so it is kept apart from the ZFS layer: a base with the same kernel takes it over as it is. In the
store it is a layer like any other, whose squashfs no medium gets; the package lies beside it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from trebol_common import block_sums
from trebol_common.errors import TrebolError
from trebol_common.events import Context
from trebol_common.run import CommandFailed, Runner
from trebol_image.base import scratch
from trebol_image.chroot import in_tree, install_packages
from trebol_image.inputs import hash_file, tool_versions
from trebol_image.module_package import build_package
from trebol_image.mounts import api_filesystems, overlay, squashfs
from trebol_image.signing import SigningKey
from trebol_image.squashfs import pack
from trebol_image.store import Store, Stored
from trebol_image.tree import copy_file, make_folders
from trebol_image.zfs_lock import SOURCE_PACKAGE, ZfsLock

NAME = "zfs-modules"
#: The modules; zfs needs spl.
MODULES = ("spl", "zfs")
#: What is only unpacked, or not wanted at all: dkms would compile when it is installed, and again with each kernel.
_NOT_INSTALLED = frozenset({SOURCE_PACKAGE, "dkms"})
#: What the build writes beside what its packages hold, in bytes, generously.
OBJECTS = 500 * 2**20
#: As the kernel's own are compressed (scripts/Makefile.modinst): the kernel's decoder knows no other check.
_XZ = ("xz", "--check=crc32", "--lzma2=dict=1MiB", "--force")


def modules_inputs(lock: ZfsLock, key: SigningKey, runner: Runner) -> dict[str, str]:
    """Everything the modules are made of: kernel, OpenZFS, compiler, key, the code here. Nothing else of the base."""
    code = ("zfs_modules.py", "module_package.py", "chroot.py")
    return {
        **{f"code {name}": hash_file(Path(__file__).with_name(name)) for name in code},
        **{f"package {package.name}": package.version for package in lock.deciding},
        **tool_versions(("squashfs-tools",), runner),
        "kernel": f"{lock.kernel} {lock.kernel_version}",
        "certificate": key.id,
        # The package has the date of its sources: SOURCE_DATE_EPOCH of the build moves on with each update of Debian.
        "epoch": "0",
        "level": "3",
        "sums": block_sums.KIND,
    }


def build_modules(
    store: Store,
    inputs: Mapping[str, str],
    base: Stored,
    lock: ZfsLock,
    archives: Sequence[Path],
    key: SigningKey,
    *,
    context: Context,
    runner: Runner,
) -> Stored:
    """Compile in a tree over the base that is thrown away, with the packages of `archives`."""
    work = store.work_folder(NAME)
    result = work / "result"
    result.mkdir()
    made = work / "tree"
    size = lock.build.installed_size + lock.build.download_size + OBJECTS
    with (
        scratch(work / "scratch", size, runner) as folder,
        squashfs(base.path, work / "base", runner) as lower,
        overlay([lower], folder / "upper", folder / "work", work / "compiler", runner) as tree,
    ):
        with context.child("compiler", "Installing compiler and headers"):
            install_packages(tree, [path for path in archives if _package_of(path) not in _NOT_INSTALLED], runner)
            (source_package,) = (path for path in archives if _package_of(path) == SOURCE_PACKAGE)
            runner.run(["dpkg-deb", "--extract", source_package, tree])
        source = find_source(tree)
        epoch = int((source / "dkms.conf").stat().st_mtime)
        with api_filesystems(tree, runner):
            compile_modules(tree, source, lock.kernel, context, runner, epoch=epoch)
            sign_modules(tree, source, lock.kernel, key, runner)
        for name in MODULES:
            copy_file(source / "module" / f"{name}.ko.xz", made / lock.modules.folder / f"{name}.ko.xz")
        document = f"usr/share/doc/{SOURCE_PACKAGE}/copyright"
        copy_file(tree / document, made / f"usr/share/doc/{lock.modules.name}/copyright")
    build_package(lock.modules, made, result, runner, epoch=epoch)
    record = pack(NAME, inputs, made, result, xattrs=False, context=context, runner=runner)
    return store.commit(NAME, inputs, result, record)


def package_file(modules: Stored) -> Path:
    """The package of a stored build. Raises TrebolError when it is gone."""
    for path in modules.folder.glob("trebol-zfs-modules-*.deb"):
        return path
    raise TrebolError(
        "has no package beside it", where=str(modules.folder), hint="remove this folder and build again"
    )


def find_source(tree: Path) -> Path:
    """Where zfs-dkms has put its sources. Raises TrebolError."""
    for path in (tree / "usr/src").glob("zfs-*"):
        if (path / "configure").is_file():
            return path
    raise TrebolError(f"{SOURCE_PACKAGE} holds no sources", where="/usr/src/zfs-*", hint="see iso/zfs/build.list")


def compile_modules(tree: Path, source: Path, kernel: str, context: Context, runner: Runner, *, epoch: int) -> None:
    """What dkms.conf of zfs-dkms says: configure for this kernel, make, drop what is for debuggers."""
    where = f"/{source.relative_to(tree)}"
    build = f"/usr/lib/modules/{kernel}"
    jobs = len(os.sched_getaffinity(0))
    environment = {"SOURCE_DATE_EPOCH": str(epoch)}
    configure = [
        "./configure", "--disable-dependency-tracking", "--prefix=/usr", "--with-config=kernel",
        f"--with-linux={build}/source", f"--with-linux-obj={build}/build",
    ]  # fmt: skip
    steps = (
        ("configure", "Asking the kernel's headers what they know", configure),
        ("make", "Compiling", ["make", f"-j{jobs}"]),
    )
    for step, title, command in steps:
        with context.child(step, title) as inner:
            try:
                runner.run(in_tree(tree, command, folder=where), env=environment, on_line=inner.log)
            except CommandFailed as error:
                raise TrebolError(
                    f"OpenZFS does not compile for {kernel}: {' / '.join(error.last_lines[-4:])}",
                    where=f"{where} (zfs-dkms of Debian)",
                    hint="build without ZFS (--no-zfs) until Debian's zfs-dkms knows this kernel",
                ) from error
    for name in MODULES:
        runner.run(in_tree(tree, ["strip", "--strip-debug", f"{where}/module/{name}.ko"]))


def sign_modules(tree: Path, source: Path, kernel: str, key: SigningKey, runner: Runner) -> None:
    """Sign with the kernel's own program, then compress: the kernel looks at the signature of what it decompressed.

    The key is only ever in /run of the tree, which is memory.
    """
    inside = Path("/run/signing")
    outside = tree / inside.relative_to("/")
    make_folders(outside)
    outside.chmod(0o700)
    for name, path in (("key", key.key), ("certificate", key.certificate)):
        (outside / name).touch(mode=0o600)
        (outside / name).write_bytes(path.read_bytes())
    program = f"/usr/lib/modules/{kernel}/build/scripts/sign-file"
    for name in MODULES:
        module = f"/{source.relative_to(tree)}/module/{name}.ko"
        runner.run(in_tree(tree, [program, "sha256", str(inside / "key"), str(inside / "certificate"), module]))
        runner.run(in_tree(tree, [*_XZ, module]))


def _package_of(archive: Path) -> str:
    match = re.match(r"[^_]+", archive.name)
    return match[0] if match else ""
