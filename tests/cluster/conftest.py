"""One node as a container, for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cluster.nodes import ContainerNode, built_node, own_link

TIME_LIMIT = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test's time includes the boot of its node."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(TIME_LIMIT))


@pytest.fixture(scope="module")
def node() -> Iterator[ContainerNode]:
    """A node that runs, as the last build makes it."""
    with built_node("node1", own_link("node1", 7)) as running:
        yield running
