"""The `trebol` package makes a node of a Debian 13, and the unit suite holds with the appliance's own Python."""

import shutil
import sys
from pathlib import Path

import pytest
from tests.image.conftest import ROOT
from tests.image.containers import run

#: Pure Python, the same for every interpreter: what the suite needs beyond the appliance's own packages.
TEST_TOOLS = (
    "pytest",
    "_pytest",
    "pluggy",
    "iniconfig",
    "packaging",
    "pytest_timeout.py",
    "hypothesis",
    "sortedcontainers",
    "attr",
    "attrs",
    "pexpect",
    "ptyprocess",
    "pyte",
    "wcwidth",
)


@pytest.mark.timeout(300)
def test_apt_installs_the_package_on_a_bare_base(bare_base: Path, deb: Path) -> None:
    shutil.copy(deb, bare_base / "root" / deb.name)
    assert run(bare_base, "trebol", "--version").returncode != 0
    installed = run(bare_base, "apt-get", "install", "--yes", f"/root/{deb.name}")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    version = run(bare_base, "trebol", "--version")
    assert version.stdout.startswith("trebol "), version.stderr
    assert run(bare_base, "dpkg", "--audit").stdout == ""


@pytest.mark.timeout(300)
def test_the_package_goes_without_a_trace(bare_base: Path, deb: Path) -> None:
    shutil.copy(deb, bare_base / "root" / deb.name)
    assert run(bare_base, "apt-get", "install", "--yes", f"/root/{deb.name}").returncode == 0
    purged = run(bare_base, "apt-get", "purge", "--yes", "trebol")
    assert purged.returncode == 0, purged.stdout + purged.stderr
    left = run(bare_base, "find", "/etc", "/usr/lib/systemd", "/usr/lib/python3", "-iname", "*trebol*").stdout.split()
    assert [path for path in left if "90-trebol.preset" not in path] == []


@pytest.mark.timeout(300)
def test_the_unit_suite_passes_with_the_appliances_python(node_tree: Path) -> None:
    tools = node_tree / "opt" / "tools"
    tools.mkdir()
    site = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    for name in TEST_TOOLS:
        source = site / name
        if source.is_dir():
            shutil.copytree(source, tools / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        elif source.is_file():
            shutil.copy(source, tools / name)
    suite = node_tree / "opt" / "trebol"
    for name in ("tests", "iso", "docs", "debian"):
        shutil.copytree(ROOT / name, suite / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "constraints.txt", "Makefile"):
        shutil.copy(ROOT / name, suite / name)
    result = run(
        node_tree,
        *("env", "PYTHONPATH=/opt/tools", "PYTHONDONTWRITEBYTECODE=1", "LC_ALL=C.UTF-8", "--chdir=/opt/trebol"),
        *("python3", "-m", "pytest", "-p", "pytest_timeout", "-p", "no:cacheprovider", "-q", "tests/unit"),
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-1000:]
    assert " passed" in result.stdout
