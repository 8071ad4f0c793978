"""Building the `trebol` Debian package from a checkout, without leaving anything in it."""

from __future__ import annotations

import shutil
import tempfile
import tomllib
from pathlib import Path

from trebol_common.errors import BadInput, TrebolError
from trebol_common.run import Runner
from trebol_image.project import PACKAGE_FILES

#: What working in a checkout leaves in its folders and must not get into a package.
_DEBRIS = ("__pycache__", "*.pyc", "*.egg-info", "*.mo", ".*")

#: Debian's own tools and Python, whatever else the building machine has in its PATH.
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def build_deb(source: Path, output: Path, runner: Runner, epoch: int) -> Path:
    """Build `trebol_VERSION_all.deb` from the checkout `source` into the folder `output`; returns its path. Beside it
    lie the packages for other machines than nodes: `trebol-witness_VERSION_all.deb`.

    `epoch` is SOURCE_DATE_EPOCH: the same sources give the same bytes. Raises BadInput where `source` is not a whole
    checkout, and CommandFailed with the last lines of Debian's packaging tools.
    """
    version = read_version(source)
    with tempfile.TemporaryDirectory(prefix="trebol-deb.") as name:
        tree = Path(name) / "trebol"
        copy_sources(source, tree)
        environment = {"SOURCE_DATE_EPOCH": str(epoch), "PATH": _PATH, "DEB_BUILD_OPTIONS": "nocheck"}
        # What dpkg-buildpackage does for a binary package, without the papers of an upload, a second of work.
        runner.run(["dpkg-checkbuilddeps"], cwd=tree, env=environment)
        runner.run(["debian/rules", "binary"], cwd=tree, env=environment)
        built = tree.parent / f"trebol_{version}_all.deb"
        if not built.is_file():
            raise TrebolError(
                f"{built.name} was not built",
                where=str(source / "debian/changelog"),
                hint=f"give its first entry the version of pyproject.toml, {version}",
            )
        output.mkdir(parents=True, exist_ok=True)
        for other in sorted(tree.parent.glob(f"*_{version}_all.deb")):
            shutil.copy(other, output / other.name)
        return Path(shutil.copy(built, output / built.name))


def read_version(source: Path) -> str:
    """The project's version in pyproject.toml. Raises BadInput."""
    path = source / "pyproject.toml"
    try:
        version = tomllib.loads(path.read_text(encoding="utf-8"))["project"]["version"]
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", where=str(path), hint="build from a checkout") from error
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise BadInput(f"does not give project.version: {error}", where=str(path)) from error
    return str(version)


def copy_sources(source: Path, tree: Path) -> None:
    """Copy what the package is made of into the new folder `tree`. Raises BadInput when a part is missing.

    Without the files' times: new ones are set to SOURCE_DATE_EPOCH by dpkg-deb, and old ones would stay.
    """
    tree.mkdir(parents=True)
    for name in PACKAGE_FILES:
        path = source / name
        if path.is_dir():
            shutil.copytree(path, tree / name, ignore=shutil.ignore_patterns(*_DEBRIS), copy_function=shutil.copy)
        elif path.is_file():
            shutil.copy(path, tree / name)
        else:
            raise BadInput("is missing", where=str(path), hint="build from a whole checkout")
