"""The live layer: what only the installation medium needs, as plain files over base and appliance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trebol_common import block_sums
from trebol_common.events import Context
from trebol_common.run import Runner
from trebol_image.inputs import hash_file, hash_tree, tool_versions
from trebol_image.project import Profile, Project
from trebol_image.squashfs import pack
from trebol_image.store import Store, Stored
from trebol_image.tree import copy_tree

NAME = "live"


def live_inputs(project: Project, epoch: int, profile: Profile, runner: Runner) -> dict[str, str]:
    """Everything the live layer is made of."""
    code = ("live.py", "squashfs.py", "tree.py")
    return {
        **hash_tree(project.iso / "overlay" / NAME, label="overlay"),
        **{f"code {name}": hash_file(Path(__file__).with_name(name)) for name in code},
        **tool_versions(("squashfs-tools",), runner),
        "epoch": str(epoch),
        "level": str(profile.level),
        "sums": block_sums.KIND,
    }


def build_live(
    project: Project, store: Store, inputs: Mapping[str, str], *, context: Context, runner: Runner
) -> Stored:
    """Pack the overlay."""
    work = store.work_folder(NAME)
    result = work / "result"
    result.mkdir()
    tree = work / "tree"
    tree.mkdir(mode=0o755)
    copy_tree(project.iso / "overlay" / NAME, tree)
    with context.child("pack", "Packing") as step:
        record = pack(NAME, inputs, tree, result, xattrs=False, context=step, runner=runner)
    return store.commit(NAME, inputs, result, record)
