"""One node as a container, for all tests of a module."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.cluster.nodes import ContainerNode, container_node
from tests.image.trees import latest, tree_of

from trebol_common.run import CommandRunner
from trebol_image.store import Store, default_folder

ROOT = Path(__file__).resolve().parents[2]
TIME_LIMIT = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test's time includes the boot of its node."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(TIME_LIMIT))


@pytest.fixture(scope="module")
def node() -> Iterator[ContainerNode]:
    """A node that runs, as the last build makes it."""
    (ROOT / "out").mkdir(exist_ok=True)
    store = Store(default_folder(), CommandRunner())
    # On the disk: memory is too small for whole systems.
    folder = Path(tempfile.mkdtemp(prefix="test-cluster.", dir=ROOT / "out"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        tree = tree_of(stack, [latest(store, "base"), latest(store, "appliance")], folder)
        running = stack.enter_context(container_node(tree, "node1", 7))
        running.await_state("trebold.service")
        yield running
