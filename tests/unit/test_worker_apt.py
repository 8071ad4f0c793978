"""Packages: what the node could have, and how it is brought up to date."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.worker_context import RememberingStarter, context, write

from trebol_common.errors import Refused
from trebol_common.run import CommandFailed, Completed, ScriptedRunner
from trebol_node.facts import REBOOT
from trebol_node.system.packages import Apt
from trebol_node.tasks import FOLDER, Upid
from trebol_node.tasks.inside import Interrupted, Log
from trebol_node.worker import operations as ops
from trebol_node.worker.apt import UNIT, changes, needs_reboot, run_refresh, run_upgrade
from trebol_node.worker.context import Machine
from trebol_node.worker.handlers import perform
from trebol_node.worker.operation import Operation
from trebol_node.worker.protocol import Request

UPID = Upid("node1", 4711, 815, 1790000000, "aptupgrade", "", "root@pam")
BEFORE = "installed\tlibc6:amd64\t2.41-12\ninstalled\tnano:amd64\t8.4-1\nconfig-files\told:amd64\t1\n"
AFTER = "installed\tlibc6:amd64\t2.41-13\ninstalled\tnano:amd64\t8.4-1\ninstalled\tnew:all\t1\n"


@dataclass
class Programs:
    """Programs of apt that end with `status` for the one that has the word `failing`; what is installed, in turn."""

    failing: str = ""
    interrupted: bool = False
    lists: list[str] = field(default_factory=lambda: [BEFORE, AFTER])
    seen: list[tuple[str, ...]] = field(default_factory=list)

    def run(self, command: Any, **_options: Any) -> Completed:
        words = tuple(map(str, command))
        self.seen.append(words)
        if self.failing in words and self.interrupted:
            raise Interrupted
        runner = ScriptedRunner().expect(
            *words,
            stdout=self.lists.pop(0) if words[0] == "dpkg-query" else "",
            status=100 if self.failing and self.failing in words else 0,
        )
        return runner.run(words, check=_options.get("check", True))


def upgraded(programs: Programs, root: Path) -> list[str]:
    """What the task of an upgrade says."""
    stream = io.StringIO()
    try:
        run_upgrade(ops.UpgradePackages(), Machine(root, programs), UPID, Log(stream))
    finally:
        said = stream.getvalue().splitlines()
    return said


def test_an_upgrade_finishes_what_was_cut_short_and_says_what_it_did(tmp_path: Path) -> None:
    programs = Programs()
    said = upgraded(programs, tmp_path)
    inside = [words[words.index("--") + 1 :] for words in programs.seen if words[0] == "systemd-run"]
    assert [(words[0], words[-1]) for words in inside] == [("dpkg", "-a"), ("apt-get", "dist-upgrade")]
    assert "--no-remove" in inside[1] and "Dpkg::Options::=--force-confold" in inside[1]
    assert said[-3:] == [
        "upgraded: libc6:amd64 2.41-12 → 2.41-13",
        "installed: new:all 1",
        "a reboot is due: libc6",
    ]
    assert (tmp_path / f"{REBOOT}.pkgs").read_text() == "libc6\n"


def test_apt_runs_in_a_unit_of_its_own_which_writes_the_tasks_log(tmp_path: Path) -> None:
    programs = Programs()
    run_refresh(ops.RefreshPackages(), Machine(tmp_path, programs), UPID, Log(io.StringIO()))
    (words,) = programs.seen
    options = words[: words.index("--")]
    assert {f"--unit={UNIT}", "--wait", "--setenv=DEBIAN_FRONTEND=noninteractive"} <= set(options)
    assert f"--property=StandardOutput=append:{FOLDER}/{UPID}/log" in options
    assert "APT::Update::Error-Mode=any" in words


def test_an_upgrade_that_fails_says_how_far_it_came(tmp_path: Path) -> None:
    stream, programs = io.StringIO(), Programs("dist-upgrade")
    with pytest.raises(CommandFailed, match="apt-get dist-upgrade"):
        run_upgrade(ops.UpgradePackages(), Machine(tmp_path, programs), UPID, Log(stream))
    assert "installed: new:all 1" in stream.getvalue()


def test_ending_the_task_ends_apt(tmp_path: Path) -> None:
    programs = Programs("dist-upgrade", interrupted=True)
    with pytest.raises(Interrupted):
        upgraded(programs, tmp_path)
    assert ("systemctl", "stop", "--no-block", "--", UNIT) in programs.seen


def test_nothing_to_do_is_said(tmp_path: Path) -> None:
    assert upgraded(Programs(lists=[BEFORE, BEFORE]), tmp_path)[-2:] == ["nothing was changed", "no reboot is due"]


@pytest.mark.parametrize(
    ("before", "after", "lines", "reboot"),
    [
        ({"nano": "1"}, {}, ["removed: nano 1"], ()),
        (
            {"linux-image-6.12.57:amd64": "1"},
            {"linux-image-6.12.57:amd64": "2", "linux-image-6.12.63:amd64": "1"},
            ["upgraded: linux-image-6.12.57:amd64 1 → 2", "installed: linux-image-6.12.63:amd64 1"],
            ("linux-image-6.12.57", "linux-image-6.12.63"),
        ),
    ],
)
def test_what_became_of_packages(
    before: Mapping[str, str], after: Mapping[str, str], lines: list[str], reboot: tuple[str, ...]
) -> None:
    assert [*changes(before, after)] == lines
    assert needs_reboot(before, after) == reboot


@pytest.mark.parametrize("operation", [ops.RefreshPackages(), ops.UpgradePackages()])
def test_apt_works_once_at_a_time(tmp_path: Path, operation: Operation) -> None:
    runner = ScriptedRunner().expect("systemctl", "is-active", "--", UNIT, stdout="inactive\n", status=3)
    on = context(tmp_path, runner)
    assert isinstance(on.starter, RememberingStarter)
    kind = Upid.parse(perform(Request(1, "root@pam", operation), on)).kind
    assert (kind, on.starter.started[0][0]) == (operation.name.replace("-", ""),) * 2
    runner.expect("systemctl", "is-active", "--", UNIT, stdout="activating\n", status=3)
    with pytest.raises(Refused, match="at work"):
        perform(Request(2, "root@pam", operation), on)


def test_between_two_programs_of_an_upgrade_nobody_else_begins(tmp_path: Path) -> None:
    idle = ("systemctl", "is-active", "--", UNIT)
    on = context(tmp_path, ScriptedRunner().expect(*idle, stdout="inactive\n").expect(*idle, stdout="inactive\n"))
    perform(Request(1, "root@pam", ops.UpgradePackages()), on)
    write(tmp_path, "proc/4711/stat", f"4711 (python3) S {'0 ' * 18}815 0\n")
    with pytest.raises(Refused, match="at work"):
        perform(Request(2, "root@pam", ops.RefreshPackages()), on)


def library() -> Any:
    """libapt's, of a node with one package that is old, one that is new and one that is as it should be."""

    def version(text: str) -> Any:
        place = SimpleNamespace(origin="Debian")
        return SimpleNamespace(
            ver_str=text, arch="amd64", priority_str="optional", section="admin", file_list=[(place, 0)]
        )

    def package(name: str, current: str | None) -> Any:
        return SimpleNamespace(name=name, current_ver=current and version(current), current_state=6)

    candidates = {"trebol": "2", "extra": "1", "chrony": "4"}
    packages = {each.name: each for each in map(package, candidates, ("1", None, "4"))}

    class Cache(dict[str, Any]):
        packages = property(lambda self: self.values())

    class Plan:
        def __init__(self, cache: Cache) -> None:
            self.planned = False

        def upgrade(self, whole: bool) -> None:
            self.planned = whole

        def marked_upgrade(self, each: Any) -> bool:
            return self.planned and each.name == "trebol"

        def marked_install(self, each: Any) -> bool:
            return self.planned and each.name == "extra"

        def get_candidate_ver(self, each: Any) -> Any:
            return version(candidates[each.name])

    return SimpleNamespace(
        Cache=lambda _progress: Cache(packages),
        DepCache=Plan,
        PackageRecords=lambda _cache: SimpleNamespace(lookup=lambda _place: True, short_desc="s", long_desc="l"),
        CURSTATE_INSTALLED=6,
    )


def test_updates_are_told_as_proxmox_ve_tells_them() -> None:
    new, old = Apt(library()).updates()
    assert old == {
        "Arch": "amd64",
        "Description": "l",
        "Origin": "Debian",
        "OldVersion": "1",
        "Package": "trebol",
        "Priority": "optional",
        "Section": "admin",
        "Title": "s",
        "Version": "2",
    }
    assert new["Package"] == "extra" and "OldVersion" not in new


def test_versions_are_those_of_what_is_there() -> None:
    found = {each["Package"]: (each["OldVersion"], each["Version"]) for each in Apt(library()).versions()}
    assert found == {"trebol": ("1", "2"), "chrony": ("4", "4")}
