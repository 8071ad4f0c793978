"""The layers that the last build put on its medium, and containers made of them."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from trebol_common.run import CommandRunner
from trebol_image.mounts import overlay, squashfs
from trebol_image.store import Store, Stored, default_folder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder on the disk: Debian 13 keeps /tmp in memory, where the trees of whole systems do not fit."""
    (ROOT / "out").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="test-image.", dir=ROOT / "out"))
    yield folder
    CommandRunner().run(["rm", "--recursive", "--force", "--one-file-system", folder])


@pytest.fixture(scope="session")
def store() -> Store:
    """The store of this machine."""
    return Store(default_folder(), CommandRunner())


def latest(store: Store, name: str) -> Stored:
    """The layer of that name in the medium that was built last."""
    stored = store.latest(name)
    assert stored is not None, f"no {name} layer in {store.folder}: run `make iso PROFILE=dev` first"
    return stored


@pytest.fixture(scope="session")
def deb(store: Store) -> Path:
    """The `trebol` package in the medium that was built last."""
    (path,) = latest(store, "appliance").folder.glob("trebol_*_all.deb")
    return path


@pytest.fixture
def bare_base(store: Store, tmp_path: Path) -> Iterator[Path]:
    """A writable tree of the base layer alone: Debian 13 with the node's packages, without Trebol."""
    with ExitStack() as stack:
        yield tree_of(stack, [latest(store, "base")], tmp_path)


@pytest.fixture
def node_tree(store: Store, tmp_path: Path) -> Iterator[Path]:
    """A writable tree of what a target gets: base and appliance."""
    with ExitStack() as stack:
        yield tree_of(stack, [latest(store, "base"), latest(store, "appliance")], tmp_path)


def tree_of(stack: ExitStack, layers: list[Stored], folder: Path) -> Path:
    """A writable tree of these layers, the lowest first, below `folder`; mounted as long as `stack` is open."""
    runner = CommandRunner()
    lower = [stack.enter_context(squashfs(layer.path, folder / layer.record.name, runner)) for layer in layers]
    stack.callback(shutil.rmtree, folder / "upper", ignore_errors=True)
    return stack.enter_context(overlay(lower, folder / "upper", folder / "work", folder / "tree", runner))
