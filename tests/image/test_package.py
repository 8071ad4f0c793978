"""The `trebol` package makes a node of a Debian 13, and the unit suite holds with the appliance's own Python."""

import shutil
from pathlib import Path

import pytest
from tests.image.conftest import ROOT
from tests.image.containers import run

#: What the suite needs beyond what `trebol` does.
TEST_TOOLS = (
    *("python3-pytest", "python3-pytest-timeout", "python3-pytest-xdist", "python3-hypothesis"),
    *("python3-pexpect", "python3-pyte"),
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
    before = named_after_trebol(bare_base)
    assert run(bare_base, "apt-get", "install", "--yes", f"/root/{deb.name}").returncode == 0
    assert len(named_after_trebol(bare_base)) > len(before)
    purged = run(bare_base, "apt-get", "purge", "--yes", "trebol")
    assert purged.returncode == 0, purged.stdout + purged.stderr
    assert named_after_trebol(bare_base) == before


def named_after_trebol(tree: Path) -> list[str]:
    """Every path of `tree` below its system folders that has our name in it."""
    return sorted(run(tree, "find", "/etc", "/usr", "-path", "*trebol*").stdout.split())


@pytest.mark.timeout(600)
def test_the_unit_suite_passes_with_the_appliances_python(node_tree: Path) -> None:
    assert run(node_tree, "apt-get", "update").returncode == 0
    installed = run(node_tree, "apt-get", "install", "--yes", "--no-install-recommends", *TEST_TOOLS)
    assert installed.returncode == 0, installed.stderr
    suite = node_tree / "opt" / "trebol"
    for name in ("tests", "bench", "iso", "docs", "debian"):
        shutil.copytree(ROOT / name, suite / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "constraints.txt", "Makefile"):
        shutil.copy(ROOT / name, suite / name)
    result = run(
        node_tree,
        *("env", "--chdir=/opt/trebol", "PYTHONDONTWRITEBYTECODE=1", "LC_ALL=C.UTF-8"),
        *("python3", "-m", "pytest", "-p", "no:cacheprovider", "-q", "-n", "2", "--dist", "worksteal"),
        "tests/unit",
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-1000:]
    assert " passed" in result.stdout
