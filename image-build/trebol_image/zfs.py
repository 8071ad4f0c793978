"""The ZFS layer: OpenZFS's modules for the base's kernel, its tools, and an initramfs that can import a pool.

Optional: a node gets it only where its root is on ZFS, unpacked over the base. The appliance layer does not know of
it, and both are made over the base, so that neither may hold a file of the other. dpkg's status is such a file; what
this layer adds to it goes into dpkg's journal (`var/lib/dpkg/updates`), which dpkg reads after the status, whoever
wrote that. `dpkg --configure -a` merges the two, as apt wants it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from trebol_common import block_sums
from trebol_common.errors import TrebolError
from trebol_common.events import Context
from trebol_common.files import write_text
from trebol_common.keyboard import CACHED_KEYMAP
from trebol_common.run import Runner
from trebol_image.appliance import require_additions_only
from trebol_image.base import DEBRIS, apply_presets, remove
from trebol_image.chroot import in_tree, install_packages
from trebol_image.inputs import hash_file, hash_tree, tool_versions
from trebol_image.mounts import api_filesystems, overlay, squashfs
from trebol_image.project import Profile, Project
from trebol_image.signing import SigningKey, require_no_private_key, write_der
from trebol_image.squashfs import pack
from trebol_image.store import Store, Stored
from trebol_image.tree import copy_tree, make_folders
from trebol_image.zfs_lock import ZfsLock
from trebol_image.zfs_modules import package_file

NAME = "zfs"
#: Where the certificate lies in the layer, for enrolling it from a node, and beside the layer in the store.
CERTIFICATE = Path("usr/share/trebol/mok.der")
#: What building touches and the base, or the appliance, has: dpkg writes the most of it whenever it runs; the index
#: of manual pages is made anew each night.
_SHARED = (
    "var/cache/man",
    CACHED_KEYMAP,
    "var/lib/dpkg/lock",
    "var/lib/dpkg/lock-frontend",
    "var/lib/dpkg/status",
    "var/lib/dpkg/status-old",
    "var/lib/dpkg/triggers/Lock",
    "var/lib/dpkg/triggers/Unincorp",
)
_STATUS = Path("var/lib/dpkg/status")
_JOURNAL = Path("var/lib/dpkg/updates")
#: Upstream's own choice of what is on; the packages' scripts turn on everything, importing every pool there is too.
_PRESETS = Path("usr/lib/systemd/system-preset/50-zfs.preset")
#: What an initramfs needs to import a pool, and to wait for its disks.
_IN_INITRAMFS = ("usr/sbin/zpool", "usr/sbin/zfs", "scripts/zfs", "scripts/local-premount/trebol-zfs")


def zfs_inputs(
    project: Project, base: str, modules: str, lock: ZfsLock, epoch: int, profile: Profile, runner: Runner
) -> dict[str, str]:
    """Everything the ZFS layer is made of; `base` and `modules` are ids of the store."""
    code = ("zfs.py", "chroot.py", "squashfs.py", "tree.py")
    return {
        **hash_tree(project.iso / "zfs"),
        **{f"code {name}": hash_file(Path(__file__).with_name(name)) for name in code},
        **{f"package {package.name}": package.version for package in lock.node.packages},
        **tool_versions(("squashfs-tools",), runner),
        "parent": base,
        "modules": modules,
        "epoch": str(epoch),
        "level": str(profile.level),
        "sums": block_sums.KIND,
    }


def build_zfs(
    project: Project,
    store: Store,
    inputs: Mapping[str, str],
    base: Stored,
    modules: Stored,
    lock: ZfsLock,
    archives: Sequence[Path],
    key: SigningKey,
    *,
    context: Context,
    runner: Runner,
) -> Stored:
    """Install the modules and `archives` over the mounted base, and pack what came on top.

    The certificate that the modules are signed with is kept beside the layer, as `mok.der`.
    """
    work = store.work_folder(NAME)
    result = work / "result"
    result.mkdir()
    upper = work / "upper"
    with (
        squashfs(base.path, work / "base", runner) as lower,
        overlay([lower], upper, work / "overlay", work / "tree", runner) as tree,
    ):
        before = initramfs_content(tree, lock.kernel, runner)
        # First: the initramfs that is made at the end of it takes its own scripts from there.
        copy_tree(project.iso / "zfs/files", tree)
        with context.child("install", "Installing it over the base"), ready_for_initramfs(tree):
            install_packages(tree, [package_file(modules), *archives], runner, epoch=int(inputs["epoch"]))
        require_initramfs(before, initramfs_content(tree, lock.kernel, runner), lock)
        apply_presets(tree / _PRESETS, tree, runner)
        make_folders((tree / CERTIFICATE).parent)
        write_der(key, tree / CERTIFICATE, runner)
        remove(tree, (*DEBRIS, "tmp/*"))
        journal = new_stanzas((lower / _STATUS).read_text("utf-8"), (tree / _STATUS).read_text("utf-8"))
    leave_to_the_base(upper)
    write_journal(upper / _JOURNAL, journal)
    require_additions_only(upper)
    require_no_private_key(upper)
    shutil.copyfile(upper / CERTIFICATE, result / CERTIFICATE.name)
    with context.child("pack", "Packing") as step:
        record = pack(NAME, inputs, upper, result, xattrs=False, context=step, runner=runner)
    return store.commit(NAME, inputs, result, record)


@contextmanager
def ready_for_initramfs(tree: Path) -> Iterator[None]:
    """What making an initramfs of `tree` needs to come out the same everywhere and each time.

    A name, or it gets the build machine's. A host id of zero, which is none (zone_get_hostid of spl), or
    zfsutils-linux makes one for all nodes together. And a compiled keymap that is younger than its settings, which it
    is no more in a squashfs, or setupcon compiles it again and gives it a name by chance.
    """
    passing = {tree / "etc/hostname": b"localhost\n", tree / "etc/hostid": bytes(4)}
    for path, content in passing.items():
        if path.exists():
            raise TrebolError("the base layer has what is a node's own", where=f"/{path.relative_to(tree)}")
        path.write_bytes(content)
    (tree / CACHED_KEYMAP).touch()
    try:
        yield
    finally:
        for path in passing:
            path.unlink()


def initramfs_content(tree: Path, kernel: str, runner: Runner) -> frozenset[str]:
    """The paths in the initramfs of `tree`."""
    with api_filesystems(tree, runner):
        return frozenset(runner.run(in_tree(tree, ["lsinitramfs", f"/boot/initrd.img-{kernel}"])).stdout.splitlines())


def require_initramfs(before: frozenset[str], after: frozenset[str], lock: ZfsLock) -> None:
    """Raise TrebolError where the new initramfs lacks what the base's had, or what importing a pool needs."""
    needed = {*_IN_INITRAMFS, *(str(lock.modules.folder / f"{name}.ko") for name in ("spl", "zfs"))}
    # Modules lie in the initramfs as they do in the tree, or without their compression (mkinitramfs(8)).
    plain = {path.removesuffix(".xz") for path in after}
    if missing := sorted((before - after) | (needed - plain)):
        raise TrebolError(
            f"the initramfs of the ZFS layer lacks {', '.join(missing[:5])}",
            where=f"/boot/initrd.img-{lock.kernel}",
            hint="see what zfs-initramfs and the hooks of the base did",
        )


def new_stanzas(before: str, after: str) -> tuple[str, ...]:
    """The stanzas of dpkg's status that are new or other in `after`."""
    known = frozenset(before.strip().split("\n\n"))
    return tuple(stanza for stanza in after.strip().split("\n\n") if stanza not in known)


def write_journal(folder: Path, stanzas: Sequence[str]) -> None:
    """dpkg's journal: a stanza a file, named by numbers of equal length (dpkg, lib/dpkg/dbmodify.c)."""
    make_folders(folder)
    for number, stanza in enumerate(stanzas):
        write_text(folder / f"{number:04}", stanza + "\n")


def leave_to_the_base(upper: Path) -> None:
    """Drop what is not this layer's own, so that it and the appliance do not hide each other's."""
    for name in _SHARED:
        path = upper / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def require_apart(first: frozenset[str], second: frozenset[str]) -> None:
    """Raise TrebolError where two layers that do not know each other hold the same file."""
    if both := sorted(first & second):
        raise TrebolError(
            f"the ZFS layer and the appliance layer both hold {', '.join(both[:5])}",
            where="iso/zfs, iso/overlay/appliance, debian",
            hint="one of them must leave it out: a node gets either the one's or the other's",
        )


def layer_files(layer: Stored, runner: Runner) -> frozenset[str]:
    """The paths of everything in a layer but its folders."""
    lines = runner.run(["unsquashfs", "-lln", "-d", "", layer.path]).stdout.splitlines()
    return frozenset(listed_files(lines))


def listed_files(lines: Sequence[str]) -> Iterator[str]:
    """The paths in a listing of `unsquashfs -lln`: mode, owner, size, date, time, path, and a link's target."""
    for line in lines:
        if line[:1] in ("d", ""):
            continue
        words = line.split(None, 5)
        if len(words) == 6 and words[5].startswith("/"):
            yield words[5].partition(" -> ")[0]
