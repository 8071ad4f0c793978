"""What a node does by itself when it first boots: once, whatever cuts it off, with a marker of how it ended."""

from __future__ import annotations

import json
import os
import signal
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trebol_common.errors import TrebolError
from trebol_common.first_boot import EXECUTABLE, FOLDER, PENDING, TO_DO, Stage, Task, ToDo, to_json
from trebol_common.run import ScriptedRunner, spawn
from trebol_firstboot.unattended import journal, online, status
from trebol_firstboot.unattended.commands import until_asked
from trebol_firstboot.unattended.journal import DONE, JOURNAL, LOCK, Journal, State, at_it, is_anybody_at_it
from trebol_firstboot.unattended.log import LOG, Log
from trebol_firstboot.unattended.run import World, run
from trebol_firstboot.unattended.tasks import NodeTasks
from trebol_node.system.clock import SOURCES
from trebol_node.worker.apt import FINISH, REFRESH, UPGRADE

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
SECONDS = "2026-11-28T12:00:00+00:00"

WHOLE = ToDo(executable=Stage.FULLY_UP, time_servers=("ntp1",), updates=True, cluster=True, reboot=True)
ALL = ("time-servers", "updates", "executable", "cluster", "reboot")


class PowerCut(BaseException):
    """Ends a run as a power cut does: nothing after it is written."""


@dataclass
class Recorded:
    """Remembers what was done; `ends` says how a task ends, `cut` at which one the power goes, before or after it."""

    ends: Mapping[Task, tuple[State, str] | TrebolError] = field(default_factory=dict)
    cut: tuple[Task, str] | None = None
    done: list[str] = field(default_factory=list)

    def perform(self, task: Task, to_do: ToDo, log: Log) -> tuple[State, str]:
        self._cut(task, "before")
        self.done.append(task.value)
        self._cut(task, "after")
        end = self.ends.get(task, (State.WAITING, "by hand") if task is Task.CLUSTER else (State.DONE, ""))
        if isinstance(end, TrebolError):
            raise end
        return end

    def restart(self) -> None:
        self.done.append("restart")

    def _cut(self, task: Task, moment: str) -> None:
        if self.cut == (task, moment):
            self.cut = None
            raise PowerCut


def leave(root: Path, to_do: ToDo) -> None:
    """What the installer leaves."""
    (root / FOLDER).mkdir(parents=True)
    (root / TO_DO).write_text(to_json(to_do))
    (root / PENDING).write_text("")
    for stage in to_do.stages:
        (root / stage.link).parent.mkdir(parents=True, exist_ok=True)
        (root / stage.link).symlink_to(f"/usr/lib/systemd/system/{stage.unit}")


def world(root: Path, tasks: Recorded | NodeTasks, stopping: Callable[[], bool] = lambda: False) -> World:
    return World(root, tasks, lambda: NOW, lambda text: None, stopping)


def states(root: Path) -> dict[str, str]:
    return {step["task"]: step["state"] for step in json.loads((root / JOURNAL).read_text())["steps"]}


def is_over(root: Path) -> bool:
    """Whether no boot begins with it again."""
    return not (root / PENDING).exists() and not [stage for stage in Stage if (root / stage.link).is_symlink()]


def test_all_is_done_once_and_the_marker_says_so(tmp_path: Path) -> None:
    leave(tmp_path, WHOLE)
    tasks = Recorded()

    for _ in range(2):
        run(world(tmp_path, tasks), Stage.FULLY_UP)

    assert tasks.done == ["time-servers", "updates", "executable", "cluster", "restart"]
    assert is_over(tmp_path)
    assert json.loads((tmp_path / DONE).read_text()) == {
        "state": "done",
        "steps": [
            {"task": task, "state": state, "reason": reason, "when": SECONDS}
            for task, state, reason in (
                ("time-servers", "done", ""),
                ("updates", "done", ""),
                ("executable", "done", ""),
                ("cluster", "waiting", "by hand"),
                ("reboot", "done", ""),
            )
        ],
        "when": SECONDS,
    }
    assert stat.S_IMODE((tmp_path / DONE).stat().st_mode) == 0o600


def test_a_node_that_was_left_nothing_does_nothing(tmp_path: Path) -> None:
    assert run(world(tmp_path, Recorded()), Stage.FULLY_UP) is None
    assert status.read(tmp_path) == status.Status(status.NONE)
    assert status.line(tmp_path) is None


@pytest.mark.parametrize(
    ("ordering", "at_once", "in_all"),
    [
        (Stage.BEFORE_NETWORK, ["executable"], ["executable", "time-servers", "updates"]),
        (Stage.NETWORK_ONLINE, [], ["executable", "time-servers", "updates"]),
        (Stage.FULLY_UP, [], ["time-servers", "updates", "executable"]),
    ],
)
def test_the_executable_runs_when_its_ordering_says(
    tmp_path: Path, ordering: Stage, at_once: list[str], in_all: list[str]
) -> None:
    leave(tmp_path, ToDo(executable=ordering, time_servers=("ntp1",), updates=True))
    tasks = Recorded()

    run(world(tmp_path, tasks), Stage.BEFORE_NETWORK)
    assert tasks.done == at_once
    assert not (tmp_path / DONE).exists()

    for stage in (Stage.NETWORK_ONLINE, Stage.FULLY_UP):
        run(world(tmp_path, tasks), stage)
    assert tasks.done == in_all
    assert is_over(tmp_path)


CUTS = [(task, moment) for task in (Task.TIME_SERVERS, Task.UPDATES, Task.CLUSTER) for moment in ("before", "after")]


@pytest.mark.parametrize(("task", "moment"), CUTS)
def test_what_a_power_cut_broke_off_is_done_again_and_nothing_else(tmp_path: Path, task: Task, moment: str) -> None:
    leave(tmp_path, WHOLE)
    tasks = Recorded(cut=(task, moment))

    with pytest.raises(PowerCut):
        run(world(tmp_path, tasks), Stage.FULLY_UP)
    assert states(tmp_path)[task.value] == "started"
    found = run(world(tmp_path, tasks), Stage.FULLY_UP)

    assert found is not None and found.state is State.DONE
    assert [tasks.done.count(name) for name in ALL[:4]] == [
        2 if (name, moment) == (task.value, "after") else 1 for name in ALL[:4]
    ]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_executable_that_a_power_cut_broke_off_is_told_and_not_run_twice(tmp_path: Path, moment: str) -> None:
    leave(tmp_path, WHOLE)
    tasks = Recorded(cut=(Task.EXECUTABLE, moment))

    with pytest.raises(PowerCut):
        run(world(tmp_path, tasks), Stage.FULLY_UP)
    ran = tasks.done.count("executable")
    run(world(tmp_path, tasks), Stage.FULLY_UP)

    assert tasks.done.count("executable") == ran
    assert states(tmp_path) == {
        "time-servers": "done",
        "updates": "done",
        "executable": "interrupted",
        "cluster": "waiting",
        "reboot": "skipped",
    }
    assert json.loads((tmp_path / DONE).read_text())["state"] == "interrupted"
    assert "restart" not in tasks.done
    assert is_over(tmp_path)


def test_somebody_can_have_it_run_again(tmp_path: Path) -> None:
    leave(tmp_path, WHOLE)
    tasks = Recorded(ends={Task.EXECUTABLE: TrebolError("exit status 3")})
    run(world(tmp_path, tasks), Stage.FULLY_UP)
    assert json.loads((tmp_path / DONE).read_text())["state"] == "failed"

    tasks.ends = {}
    run(world(tmp_path, tasks), Stage.FULLY_UP)
    assert tasks.done.count("executable") == 1, "not by itself"
    run(world(tmp_path, tasks), Stage.FULLY_UP, again=True)

    assert tasks.done.count("executable") == 2
    assert tasks.done.count("updates") == 1
    assert json.loads((tmp_path / DONE).read_text())["state"] == "done"
    assert "restart" not in tasks.done, "whoever is there restarts when it suits"


def test_a_cluster_that_was_not_to_be_had_is_tried_again_at_each_boot_until_it_is_done(tmp_path: Path) -> None:
    leave(tmp_path, WHOLE)
    tasks = Recorded(ends={Task.CLUSTER: TrebolError("token: is not known here")})

    for boot in (1, 2):
        for stage in Stage:
            run(world(tmp_path, tasks), stage)
        assert tasks.done.count("cluster") == boot
        assert json.loads((tmp_path / DONE).read_text())["state"] == "failed"
        assert status.read(tmp_path).steps[3].reason == "token: is not known here"
        assert status.line(tmp_path) == "failed: cluster - see: trebol firstboot status"
        assert not is_over(tmp_path)

    tasks.ends = {Task.CLUSTER: (State.DONE, "")}
    run(world(tmp_path, tasks), Stage.FULLY_UP)

    assert tasks.done == ["time-servers", "updates", "executable", "cluster", "cluster", "cluster"]
    assert json.loads((tmp_path / DONE).read_text())["state"] == "done"
    assert is_over(tmp_path)


def test_a_cluster_that_a_shutdown_left_waiting_is_waited_for_with_the_next_boot(tmp_path: Path) -> None:
    leave(tmp_path, WHOLE)
    tasks = Recorded(ends={Task.CLUSTER: (State.PENDING, "")})
    found = run(world(tmp_path, tasks, stopping=lambda: "cluster" in tasks.done), Stage.FULLY_UP)
    assert found is not None and not found.is_over and not is_over(tmp_path)

    tasks.ends = {Task.CLUSTER: (State.DONE, "")}
    run(world(tmp_path, tasks), Stage.FULLY_UP)

    assert tasks.done[-2:] == ["cluster", "restart"]
    assert is_over(tmp_path)


def test_a_task_that_fails_keeps_no_other_from_being_done(tmp_path: Path) -> None:
    leave(tmp_path, WHOLE)
    tasks = Recorded(ends={Task.UPDATES: TrebolError("no mirror answers")})

    found = run(world(tmp_path, tasks), Stage.FULLY_UP)

    assert found is not None and found.undone == (Task.UPDATES,)
    assert tasks.done == ["time-servers", "updates", "executable", "cluster"]
    assert found.steps[1].reason == "no mirror answers"
    assert "no mirror answers" in (tmp_path / LOG).read_text()


@pytest.mark.parametrize("number", range(1, 12))
def test_a_cut_at_any_write_leaves_a_first_boot_that_can_be_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Before each file that is written: nothing but the executable is given up, and that only while it ran."""
    leave(tmp_path, WHOLE)
    tasks = Recorded()
    written: list[str] = []
    write = journal.save

    def cut(path: Path, kept: Journal) -> None:
        written.append(path.name)
        if len(written) == number:
            raise PowerCut
        write(path, kept)

    monkeypatch.setattr(journal, "save", cut)
    try:
        run(world(tmp_path, tasks), Stage.FULLY_UP)
    except PowerCut:
        assert (tmp_path / PENDING).exists()
    monkeypatch.setattr(journal, "save", write)
    run(world(tmp_path, tasks), Stage.FULLY_UP)

    assert tasks.done.count("executable") == 1
    assert set(states(tmp_path)) == set(ALL)
    assert states(tmp_path)["updates"] == "done"
    assert (tmp_path / DONE).exists() and is_over(tmp_path)


def test_a_node_that_goes_down_begins_nothing_more_and_goes_on_with_the_next_boot(tmp_path: Path) -> None:
    leave(tmp_path, WHOLE)
    tasks = Recorded()
    with until_asked() as stopping:
        assert not stopping()
        signal.raise_signal(signal.SIGTERM)
        found = run(world(tmp_path, tasks, stopping), Stage.FULLY_UP)
    assert found is not None and tasks.done == []

    run(world(tmp_path, tasks), Stage.FULLY_UP)
    assert tasks.done[-1] == "restart"


def test_only_one_is_at_it(tmp_path: Path) -> None:
    leave(tmp_path, WHOLE)
    with at_it(tmp_path) as alone:
        assert alone
        assert status.read(tmp_path).state == "running"
        with pytest.raises(TrebolError, match="at it already"):
            run(world(tmp_path, Recorded()), Stage.FULLY_UP)
    assert status.read(tmp_path).state == "pending"


def test_who_looks_keeps_nobody_from_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(tmp_path, WHOLE)
    (tmp_path / LOCK).touch()
    close = os.close

    def begin(descriptor: int) -> None:
        monkeypatch.undo()
        with at_it(tmp_path) as alone:
            assert alone
        close(descriptor)

    monkeypatch.setattr(os, "close", begin)
    assert not is_anybody_at_it(tmp_path)
    assert os.close is close


@pytest.mark.parametrize(
    ("name", "text"),
    [(TO_DO, '{"steps": ['), (JOURNAL, '{"steps": ['), (JOURNAL, '{"steps": [{"task": "updates"}]}')],
)
def test_a_damaged_file_is_named_and_nothing_is_done(tmp_path: Path, name: str, text: str) -> None:
    leave(tmp_path, WHOLE)
    (tmp_path / name).write_text(text)
    tasks = Recorded()

    with pytest.raises(TrebolError) as caught:
        run(world(tmp_path, tasks), Stage.FULLY_UP)

    assert str(caught.value) == f"{tmp_path / name}: is damaged"
    assert status.line(tmp_path) == "unknown: is damaged"
    assert tasks.done == []


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        ({}, None),
        ({Task.EXECUTABLE: TrebolError("exit status 3")}, "failed: executable - see: trebol firstboot status"),
        (
            {Task.UPDATES: TrebolError("x"), Task.EXECUTABLE: TrebolError("y")},
            "failed: updates, executable - see: trebol firstboot status",
        ),
    ],
)
def test_the_console_is_told_of_what_went_wrong(
    tmp_path: Path, ends: dict[Task, TrebolError], told: str | None
) -> None:
    leave(tmp_path, WHOLE)
    run(world(tmp_path, Recorded(ends=ends)), Stage.FULLY_UP)

    assert status.line(tmp_path) == told
    found = status.read(tmp_path)
    assert found.is_bad == bool(ends)
    assert found.to_members()["state"] == ("failed" if ends else "done")
    text = status.render(found)
    assert ("trebol firstboot run --again" in text) == bool(ends)
    assert max(map(len, text.splitlines())) < 80


def network_up() -> ScriptedRunner:
    """A runner that is asked first whether the network is up."""
    return ScriptedRunner().expect(*online.command({}))


def node(root: Path, runner: ScriptedRunner) -> NodeTasks:
    return NodeTasks(root, runner, spawn)


def test_time_servers_are_asked_by_chrony(tmp_path: Path) -> None:
    leave(tmp_path, ToDo(time_servers=("ntp1.example.org", "2001:db8::7b")))
    runner = ScriptedRunner().expect("chronyc", "reload", "sources")

    found = run(world(tmp_path, node(tmp_path, runner)), Stage.FULLY_UP)

    assert found is not None and found.state is State.DONE
    assert (tmp_path / SOURCES).read_text().splitlines()[1:] == [
        "server ntp1.example.org iburst prefer trust",
        "server 2001:db8::7b iburst prefer trust",
    ]
    assert not runner.expected


def test_updates_begin_with_what_a_power_cut_left_half_done(tmp_path: Path) -> None:
    leave(tmp_path, ToDo(updates=True))
    runner = network_up()
    runner.expect(*FINISH)
    runner.expect(*REFRESH, stdout="Hit:1 trixie\n")
    runner.expect(*UPGRADE, status=100, stderr="E: no space\n")

    found = run(world(tmp_path, node(tmp_path, runner)), Stage.FULLY_UP)

    assert found is not None and found.undone == (Task.UPDATES,)
    log = (tmp_path / LOG).read_text()
    assert "Hit:1 trixie" in log and "E: no space" in log
    assert stat.S_IMODE((tmp_path / LOG).stat().st_mode) == 0o600


SCRIPTS = [
    ("#!/bin/sh\necho secret1; echo secret2 >&2\n", State.DONE, ""),
    ("#!/bin/sh\nexit 3\n", State.FAILED, "exit status 3"),
    ("#!/bin/sh\nkill -9 $$\n", State.FAILED, "killed by SIGKILL"),
    ("#!/no/such/interpreter\n", State.FAILED, "not found"),
    ("no script\n", State.FAILED, "cannot be run"),
    ("#!/bin/sh\nsleep 60 & kill $!\n", State.DONE, ""),
    ('#!/bin/sh\ntest "$HOME" = /root || exit 9\n', State.DONE, ""),
]


@pytest.mark.parametrize(("script", "state", "reason"), SCRIPTS, ids=[repr(script) for script, _s, _r in SCRIPTS])
def test_the_executable_is_run_and_what_it_says_is_in_the_log(
    tmp_path: Path, script: str, state: State, reason: str
) -> None:
    leave(tmp_path, ToDo(executable=Stage.FULLY_UP))
    (tmp_path / EXECUTABLE).write_text(script)
    (tmp_path / EXECUTABLE).chmod(0o700)
    told: list[str] = []
    tasks = node(tmp_path, network_up())

    found = run(World(tmp_path, tasks, lambda: NOW, told.append), Stage.FULLY_UP)

    assert found is not None
    assert (found.steps[0].state, reason in found.steps[0].reason) == (state, True)
    if "secret1" in script:
        assert "secret1\nsecret2\n" in (tmp_path / LOG).read_text()
        assert not [line for line in told if "secret" in line], "what it says may be secret"


def test_a_log_on_a_full_disk_ends_no_program(tmp_path: Path) -> None:
    full = Log(Path("/dev/full"), lambda: NOW, lambda text: None)
    runner = network_up()
    for command in (FINISH, REFRESH, UPGRADE):
        runner.expect(*command, stdout="Setting up nano\n")
    assert NodeTasks(tmp_path, runner, spawn).perform(Task.UPDATES, WHOLE, full) == (State.DONE, "")


@pytest.mark.parametrize(
    ("files", "family"),
    [
        ({"50-trebol.yaml": "network: {bridges: {vmbr0: {dhcp4: true, accept-ra: true}}}"}, ["--ipv4"]),
        ({"50-trebol.yaml": "network: {bridges: {vmbr0: {addresses: [10.0.0.2/24, '2001:db8::2/64']}}}"}, ["--ipv4"]),
        (
            {"50-trebol.yaml": "network: {bridges: {vmbr0: {addresses: ['2001:db8::2/64': {lifetime: 0}]}}}"},
            ["--ipv6"],
        ),
        ({"50-trebol.yaml": "network: {bridges: {vmbr0: {dhcp6: true}}}", "90-own.yaml": "network: ["}, ["--ipv6"]),
        ({"50-trebol.yaml": "network: {bridges: {vmbr0: {addresses: [nonsense]}}}"}, []),
        ({"50-trebol.yaml": "network: ["}, []),
        ({"50-trebol.yaml": "network: {ethernets: {eth0: {dhcp4: false}}}"}, []),
        ({}, []),
    ],
)
def test_what_needs_the_network_waits_for_the_family_that_it_is_to_have(
    tmp_path: Path, files: dict[str, str], family: list[str]
) -> None:
    leave(tmp_path, ToDo(executable=Stage.NETWORK_ONLINE))
    (tmp_path / EXECUTABLE).write_text("#!/bin/sh\n")
    (tmp_path / EXECUTABLE).chmod(0o700)
    (tmp_path / online.FOLDER).mkdir(parents=True)
    for name, text in files.items():
        (tmp_path / online.FOLDER / name).write_text(text)
    wait = [online.PROGRAM, "--any", *family, "--operational-state=routable", f"--timeout={online.PATIENCE}"]
    runner = ScriptedRunner().expect(*wait, status=1, stderr="Timeout occurred while waiting\n")

    found = run(world(tmp_path, node(tmp_path, runner)), Stage.NETWORK_ONLINE)

    assert found is not None and found.state is State.DONE, "it may need no network"
    assert "going on" in (tmp_path / LOG).read_text()


def test_what_runs_before_the_network_does_not_wait_for_it(tmp_path: Path) -> None:
    leave(tmp_path, ToDo(executable=Stage.BEFORE_NETWORK))
    (tmp_path / EXECUTABLE).write_text("#!/bin/sh\n")
    (tmp_path / EXECUTABLE).chmod(0o700)

    found = run(world(tmp_path, node(tmp_path, ScriptedRunner())), Stage.BEFORE_NETWORK)

    assert found is not None and found.state is State.DONE


def test_the_node_restarts_by_the_service_manager(tmp_path: Path) -> None:
    leave(tmp_path, ToDo(reboot=True))
    runner = ScriptedRunner().expect("systemctl", "reboot")

    run(world(tmp_path, node(tmp_path, runner)), Stage.FULLY_UP)

    assert not runner.expected
    assert states(tmp_path) == {"reboot": "done"}


UNITS = Path(__file__).parents[2] / "debian"


@pytest.mark.parametrize("stage", list(Stage))
def test_each_stage_has_its_service(stage: Stage) -> None:
    text = (UNITS / f"trebol.{stage.unit}").read_text()

    assert f"ExecStart=/usr/bin/trebol firstboot run --stage {stage.value}\n" in text
    assert f"ConditionPathExists=/{PENDING}\n" in text
    assert f"--name={stage.unit.removesuffix('.service')}\n" in (UNITS / "rules").read_text()
