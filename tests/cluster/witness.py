"""A machine beside the cluster that is no node: Debian with the package trebol-witness, as a container."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.cluster.nodes import OUT, ContainerNode, Link, container_node
from tests.image.trees import latest, tree_of

from trebol_common.run import CommandRunner
from trebol_image.mounts import api_filesystems
from trebol_image.store import Store, default_folder

#: What Debian has for it beyond the base of a node.
_ENGINE = "corosync-qnetd"


def engine(store: Store) -> Path:
    """Debian's package, which is asked for once, and kept in the store's folder."""
    folder = store.folder / "test-packages"
    found = sorted(folder.glob(f"{_ENGINE}_*.deb"))
    if not found:
        folder.mkdir(exist_ok=True)
        apt = {"APT_CONFIG": str(store.apt / "apt.conf")}
        CommandRunner().run(["apt-get", "download", _ENGINE], cwd=folder, env=apt)
        found = sorted(folder.glob(f"{_ENGINE}_*.deb"))
    return found[-1]


@contextmanager
def witness_tree() -> Iterator[Path]:
    """The base of a node without Trebol, and the package that the last build made."""
    OUT.mkdir(exist_ok=True)
    store = Store(default_folder(), CommandRunner())
    folder = Path(tempfile.mkdtemp(prefix="test-witness.", dir=OUT))
    runner = CommandRunner()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        tree = tree_of(stack, [latest(store, "base")], folder)
        (package,) = latest(store, "appliance").path.parent.glob("trebol-witness_*.deb")
        for each in (engine(store), package):
            shutil.copy(each, tree / "tmp" / each.name)
        names = [f"/tmp/{each.name}" for each in (engine(store), package)]
        with api_filesystems(tree, runner):
            runner.run(
                ["chroot", tree, "dpkg", "--force-unsafe-io", "--install", *names],
                env={"DEBIAN_FRONTEND": "noninteractive"},
            )
        yield tree


@contextmanager
def witness_machine(tree: Path, name: str, link: Link) -> Iterator[ContainerNode]:
    """Such a machine, switched on: nobody's witness, the first time."""
    with container_node(tree, name, link) as running:
        running.await_state("multi-user.target")
        yield running
