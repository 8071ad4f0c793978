"""Running programs of packages in a tree, without letting them at the machine that builds.

Scripts of packages start services and load modules, and those of ZFS import the pools they find, which would be the
build machine's. Here no service starts (policy-rc.d) and no module loads (no CAP_SYS_MODULE).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from trebol_common.errors import TrebolError
from trebol_common.files import write_text
from trebol_common.run import CommandFailed, Runner
from trebol_image.mounts import api_filesystems

#: invoke-rc.d(8): 101 forbids the action.
_POLICY = "#!/bin/sh\nexit 101\n"
_ARCHIVES = "tmp/packages"


def in_tree(tree: Path, command: Sequence[str | Path], *, folder: str = "/") -> list[str | Path]:
    """`command`, to be run inside `tree` in its folder `folder`, unable to load a module into the running kernel."""
    return [
        "setpriv", "--bounding-set=-sys_module", "--inh-caps=-sys_module",
        "chroot", tree, "env", f"--chdir={folder}", *command,
    ]  # fmt: skip


@contextmanager
def without_services(tree: Path) -> Iterator[None]:
    """No script starts or stops a service of `tree` meanwhile. Raises TrebolError where the tree has a policy."""
    policy = tree / "usr/sbin/policy-rc.d"
    if policy.exists():
        raise TrebolError("the base layer has a policy of its own", where="/usr/sbin/policy-rc.d")
    write_text(policy, _POLICY, mode=0o755)
    try:
        yield
    finally:
        policy.unlink()


def install_packages(tree: Path, archives: Sequence[Path], runner: Runner, *, epoch: int | None = None) -> None:
    """`dpkg --install` of all `archives` at once, which must be all that is missing in `tree`.

    Without waiting for the disk: the tree is packed and thrown away. `epoch` is SOURCE_DATE_EPOCH of what scripts
    make. Raises TrebolError with dpkg's last words.
    """
    folder = tree / _ARCHIVES
    folder.mkdir()
    for archive in archives:
        (folder / archive.name).write_bytes(archive.read_bytes())
    names = [f"/{_ARCHIVES}/{archive.name}" for archive in archives]
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    if epoch is not None:
        environment["SOURCE_DATE_EPOCH"] = str(epoch)
    with api_filesystems(tree, runner), without_services(tree):
        try:
            runner.run(in_tree(tree, ["dpkg", "--force-unsafe-io", "--install", *names]), env=environment)
        except CommandFailed as error:
            raise TrebolError(
                f"packages do not install over the base: {' / '.join(error.last_lines[-4:])}",
                where="iso/zfs/*.list",
            ) from error
    for archive in archives:
        (folder / archive.name).unlink()
    folder.rmdir()
