"""The appliance layer: the `trebol` package and its overlay on top of the base. Seconds to rebuild."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from trebol_common import block_sums
from trebol_common.errors import TrebolError
from trebol_common.events import Context
from trebol_common.run import CommandFailed, Runner
from trebol_image.base import DEBRIS, remove
from trebol_image.inputs import hash_file, hash_tree, tool_versions
from trebol_image.mounts import api_filesystems, overlay, squashfs
from trebol_image.project import PACKAGE_FILES, Profile, Project
from trebol_image.squashfs import pack
from trebol_image.store import Store, Stored
from trebol_image.tree import copy_file, copy_tree, make_folders

NAME = "appliance"

#: Where a node has packages for other machines.
PACKAGES = "usr/share/trebol/packages"


def package_inputs(project: Project) -> dict[str, str]:
    """Everything in the checkout that the `trebol` package is made of."""
    inputs: dict[str, str] = {}
    for name in PACKAGE_FILES:
        path = project.root / name
        inputs |= hash_tree(path) if path.is_dir() else {name: hash_file(path)}
    return inputs


def appliance_inputs(project: Project, base: str, epoch: int, profile: Profile, runner: Runner) -> dict[str, str]:
    """Everything the appliance layer is made of; `base` is the id of the layer below."""
    return {
        **package_inputs(project),
        **hash_tree(project.iso / "overlay" / NAME, label="overlay"),
        **tool_versions(("debhelper", "dh-python", "squashfs-tools"), runner),
        "parent": base,
        "epoch": str(epoch),
        "level": str(profile.level),
        "sums": block_sums.KIND,
    }


def build_appliance(
    project: Project,
    store: Store,
    inputs: Mapping[str, str],
    base: Stored,
    package: Path,
    *,
    context: Context,
    runner: Runner,
) -> Stored:
    """Install the `trebol` package over the mounted base, and pack what came on top.

    The package itself is kept beside the layer, as `trebol_VERSION_all.deb`.
    """
    work = store.work_folder(NAME)
    result = work / "result"
    result.mkdir()
    others = [each.rename(result / each.name) for each in sorted(package.parent.glob("*.deb")) if each != package]
    deb = package.rename(result / package.name)
    upper = work / "upper"
    with (
        context.child("install", "Installing it over the base"),
        squashfs(base.path, work / "base", runner) as lower,
        overlay([lower], upper, work / "overlay", work / "tree", runner) as tree,
    ):
        install(deb, tree, runner)
        # For machines beside the cluster, of the same version as its nodes.
        make_folders(tree / PACKAGES)
        for each in others:
            copy_file(each, tree / PACKAGES / each.name)
        copy_tree(project.iso / "overlay" / NAME, tree)
        remove(tree, (*DEBRIS, "tmp/*"))
    require_additions_only(upper)
    with context.child("pack", "Packing") as step:
        record = pack(NAME, inputs, upper, result, xattrs=False, context=step, runner=runner)
    return store.commit(NAME, inputs, result, record)


def install(deb: Path, tree: Path, runner: Runner) -> None:
    """`dpkg --install` in `tree`, whose packages must be all that the package depends on.

    Without waiting for the disk: the tree is packed and thrown away.
    """
    inside = tree / "tmp" / deb.name
    inside.write_bytes(deb.read_bytes())
    with api_filesystems(tree, runner):
        try:
            runner.run(
                ["chroot", tree, "dpkg", "--force-unsafe-io", "--install", f"/tmp/{deb.name}"],
                env={"DEBIAN_FRONTEND": "noninteractive"},
            )
        except CommandFailed as error:
            raise TrebolError(
                f"the trebol package does not install over the base: {' '.join(error.last_lines)}",
                where="debian/control",
                hint="what it depends on must be in iso/packages/*.list",
            ) from error


def require_additions_only(upper: Path) -> None:
    """Raise TrebolError when something of the base was removed: a target unpacks layers and knows no whiteouts."""
    for path in upper.rglob("*"):
        status = path.lstat()
        if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
            raise TrebolError(
                "the layer removes a file of the base",
                where=f"/{path.relative_to(upper)}",
                hint="leave it out of the base instead",
            )
