"""A build that cannot be done says so in one message, with the right status, and leaves nothing behind."""

import os
import select
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from trebol_image.project import PACKAGE_FILES, ROOMS
from trebol_image.store import default_folder

ROOT = Path(__file__).resolve().parents[2]
TREBOL = ROOT / ".venv/bin/trebol"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout of its own, whose lists can be changed; run by the interpreter of the real one."""
    copy = tmp_path / "trebol"
    for name in ("iso", *PACKAGE_FILES):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    return copy


def command(project: Path) -> list[str]:
    """`trebol image build` of that checkout."""
    return [str(ROOT / ".venv/bin/python"), "-c", "from trebol_common.cli import main; main()", "image", "build"]


def environment(project: Path, cache: Path, **extra: str) -> Mapping[str, str]:
    """Python finds that checkout's rooms before the installed ones."""
    path = ":".join(str(project / room) for room in ROOMS)
    return {**os.environ, "PYTHONPATH": path, "TREBOL_CACHE": str(cache), **extra}


def build(project: Path, cache: Path, *wrapper: str) -> subprocess.CompletedProcess[str]:
    """Run a build to its end."""
    return subprocess.run(
        [*wrapper, *command(project)],
        env=environment(project, cache),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def require_nothing_left(project: Path, cache: Path) -> None:
    """No mount below the store, no work, no ISO."""
    assert str(cache) not in Path("/proc/mounts").read_text()
    work = cache / "work"
    assert not work.exists() or not any(work.iterdir())
    assert not list(project.glob("out/*.iso*"))


def require_one_message(result: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    """The status, every word, and no traceback."""
    assert result.returncode == status, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


def test_a_package_that_does_not_exist_is_named_with_its_line(project: Path, tmp_path: Path) -> None:
    (project / "iso/packages/extra.list").write_text("# mine\nno-such-package\n")
    result = build(project, tmp_path / "cache")
    require_one_message(result, 2, "no-such-package does not exist in Debian 13", "extra.list:2")
    require_nothing_left(project, tmp_path / "cache")


def test_a_build_without_root_is_refused(project: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        # In a user namespace without a mapping nobody is root, and every path stays readable.
        ["unshare", "--user", *command(ROOT)],
        env=environment(ROOT, tmp_path / "cache"),
        capture_output=True,
        text=True,
        check=False,
    )
    require_one_message(result, 2, "needs root", "sudo")


def test_a_build_without_a_mirror_says_which_one_does_not_answer(project: Path, tmp_path: Path) -> None:
    # A network namespace of its own has no way out.
    result = build(project, tmp_path / "cache", "unshare", "--net")
    require_one_message(result, 1, "the Debian mirror cannot be used", "apt-get update")
    require_nothing_left(project, tmp_path / "cache")


def test_a_build_without_space_says_how_much_is_needed(project: Path, tmp_path: Path) -> None:
    cache = tmp_path / "small"
    cache.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400M", "tmpfs", str(cache)], check=True)
    try:
        result = build(project, cache)
    finally:
        subprocess.run(["umount", str(cache)], check=True)
    require_one_message(result, 1, str(cache), "MiB are needed", "TREBOL_CACHE")


@pytest.mark.timeout(600)
def test_a_build_killed_midway_leaves_no_mount_and_no_program(project: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    link_packages(cache)
    with subprocess.Popen(
        command(project), env=environment(project, cache), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert any("packages/s" in line for line in process.stderr), "the build ended before it installed packages"
        running = [os.pidfd_open(pid) for pid in descendants(process.pid)]
        assert len(running) > 2, "no program of the build was running"
        process.send_signal(signal.SIGKILL)
    for descriptor in running:
        assert select.select([descriptor], [], [], 60)[0], "a program of the build outlived it"
        os.close(descriptor)
    assert str(cache) not in Path("/proc/mounts").read_text()
    (project / "iso/packages/extra.list").write_text("no-such-package\n")
    result = build(project, cache)
    require_one_message(result, 2, "no-such-package")
    require_nothing_left(project, cache)


def link_packages(cache: Path) -> None:
    """Give a store the archives that the real one already has, so that the test downloads nothing twice.

    Copied, not linked: the real store may be on another file system.
    """
    packages = default_folder() / "packages"
    cache.mkdir()
    subprocess.run(["cp", "--recursive", "--reflink=auto", str(packages), str(cache / "packages")], check=True)


def descendants(pid: int) -> list[int]:
    """PIDs of all programs that `pid` started, and that they started (proc_pid_stat(5), field 4)."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for parent in found:
        found += [child for child, of in parents.items() if of == parent]
    return found[1:]
