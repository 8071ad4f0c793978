"""The layers that the last build put on its medium, and containers made of them."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.image.trees import latest, tree_of

from trebol_common.run import CommandRunner
from trebol_image.store import Store, default_folder

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
