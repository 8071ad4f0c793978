"""The layers that the last build put on its medium, as trees that can be written to."""

import shutil
from contextlib import ExitStack
from pathlib import Path

from trebol_common.run import CommandRunner
from trebol_image.mounts import overlay, squashfs
from trebol_image.store import Store, Stored


def latest(store: Store, name: str) -> Stored:
    """The layer of that name in the medium that was built last."""
    stored = store.latest(name)
    assert stored is not None, f"no {name} layer in {store.folder}: run `make iso PROFILE=dev` first"
    return stored


def tree_of(stack: ExitStack, layers: list[Stored], folder: Path) -> Path:
    """A writable tree of these layers, the lowest first, below `folder`; mounted as long as `stack` is open."""
    runner = CommandRunner()
    lower = [stack.enter_context(squashfs(layer.path, folder / layer.record.name, runner)) for layer in layers]
    stack.callback(shutil.rmtree, folder / "upper", ignore_errors=True)
    return stack.enter_context(overlay(lower, folder / "upper", folder / "work", folder / "tree", runner))
