"""What the worker does on the system: passwords, services, power, time zone, names, disks."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.unit.worker_context import OnePassword, RememberingStarter, context, write

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_common.run import CommandFailed, ScriptedRunner
from trebol_hardware.probe import health
from trebol_node.cluster.steps import disk
from trebol_node.tasks import NoSuchTask, Upid
from trebol_node.tasks.inside import Log
from trebol_node.worker import operations as ops
from trebol_node.worker.cluster import go_on
from trebol_node.worker.cluster_operations import GoOn
from trebol_node.worker.context import Context
from trebol_node.worker.errors import AuthenticationFailed, Modified, NotFound
from trebol_node.worker.handlers import HANDLERS, WORK, perform, work
from trebol_node.worker.node import digest_of, wrong_hosts
from trebol_node.worker.operation import Operation
from trebol_node.worker.protocol import Request
from trebol_node.worker.report import FOLDER, KEPT, keep
from trebol_node.worker.services import SERVICES, unit

HOSTS = "127.0.0.1 localhost\n192.0.2.10 node1.example.org node1 # ours\n"


@pytest.fixture
def runner() -> ScriptedRunner:
    return ScriptedRunner()


@pytest.fixture
def on(tmp_path: Path, runner: ScriptedRunner) -> Context:
    return context(tmp_path, runner)


def do(operation: Operation, on: Context, who: str = "root@pam") -> Any:
    """Have an operation done as the server does; what it returns must be what JSON can say."""
    answer = perform(Request(1, who, operation), on)
    json.dumps(answer)
    return answer


def test_every_operation_is_done_by_something() -> None:
    assert set(HANDLERS) == set(ops.OPERATIONS.values())
    assert set(WORK) <= set(HANDLERS)


def test_the_right_password_is_accepted_without_delay(on: Context) -> None:
    before = on.machine.clock.now()
    do(ops.Authenticate.of(user="root", password="hunter2"), on)
    assert on.machine.clock.now() == before


@pytest.mark.parametrize(
    ("user", "password", "asked"),
    [
        ("root", "hunter3", True),
        ("nobody-knows", "hunter2", True),
        ("root", "", False),
        ("root", "hunter2\0and more", False),
        ("root", "x" * 513, False),
        ("root\0", "hunter2", False),
        ("../root", "hunter2", False),
        ("", "hunter2", False),
        ("-h", "hunter2", False),
    ],
)
def test_a_wrong_login_says_the_same_after_the_same_time(on: Context, user: str, password: str, asked: bool) -> None:
    before = on.machine.clock.now()
    with pytest.raises(AuthenticationFailed) as caught:
        do(ops.Authenticate.of(user=user, password=password), on)
    assert str(caught.value) == "authentication failure"
    assert on.machine.clock.now() - before == pytest.approx(1.0)
    assert isinstance(on.pam, OnePassword)
    assert on.pam.asked == ([user] if asked else [])


def test_a_password_is_changed_by_the_stdin_of_chpasswd(on: Context, runner: ScriptedRunner) -> None:
    runner.expect("getent", "passwd", "--", "ana", stdout="ana:x:1000:1000::/home/ana:/bin/bash\n")
    runner.expect("chpasswd")
    do(ops.ChangePassword.of(user="ana", password="correct horse"), on)
    assert not runner.expected
    assert "correct horse" not in str(runner.seen)


@pytest.mark.parametrize(
    ("entry", "error", "words"),
    [
        ("", NotFound, "user 'x' does not exist"),
        ("x:x:33:33::/var/www:/usr/sbin/nologin\n", Refused, "no person's"),
    ],
)
def test_only_people_get_another_password(
    on: Context, runner: ScriptedRunner, entry: str, error: type[TrebolError], words: str
) -> None:
    runner.expect("getent", "passwd", "--", "x", stdout=entry, status=0 if entry else 2)
    with pytest.raises(error, match=words):
        do(ops.ChangePassword.of(user="x", password="secret"), on)


def test_a_password_cannot_bring_a_second_line(on: Context) -> None:
    with pytest.raises(BadInput, match="control characters"):
        do(ops.ChangePassword.of(user="root", password="secret\nroot:other"), on)


def test_why_a_password_is_not_taken_is_told(on: Context, runner: ScriptedRunner) -> None:
    runner.expect("getent", "passwd", "--", "root", stdout="root:x:0:0:root:/root:/bin/bash\n")
    runner.expect("chpasswd", stderr="BAD PASSWORD: it is too simple\n", status=1)
    with pytest.raises(TrebolError, match="too simple") as caught:
        do(ops.ChangePassword.of(user="root", password="secret"), on)
    assert not isinstance(caught.value, CommandFailed)


def test_a_service_is_restarted_by_a_task(on: Context, runner: ScriptedRunner) -> None:
    answer = do(ops.ServiceAction.of(service="chrony", action="restart"), on, "bob@pam!token")
    upid = Upid.parse(answer)
    assert (upid.kind, upid.id, upid.user) == ("srvrestart", "chrony", "bob@pam!token")
    assert isinstance(on.starter, RememberingStarter)
    given = on.starter.started[0][3]

    runner.expect("systemctl", "restart", "--", "chrony.service")
    runner.expect("systemctl", "is-active", "--", "chrony.service", stdout="active\n")
    stream = io.StringIO()
    work(given, upid, Log(stream), runner)
    assert stream.getvalue() == "restart chrony.service\nchrony.service is active\n"
    assert not runner.expected


@pytest.mark.parametrize(
    ("service", "action", "error"),
    [
        ("../x", "start", NotFound),
        ("chrony.service", "start", NotFound),
        ("user@1000", "start", NotFound),
        ("--force", "stop", NotFound),
        ("ssh", "stop", BadInput),
        ("trebol-worker", "stop", BadInput),
    ],
)
def test_only_known_services_are_touched_and_the_way_in_is_never_stopped(
    on: Context, service: str, action: str, error: type[TrebolError]
) -> None:
    with pytest.raises(error, match=r"does not exist|may not be stopped"):
        do(ops.ServiceAction.of(service=service, action=action), on)
    assert on.tasks.list() == []


def test_units_of_services_have_their_suffix() -> None:
    assert {unit(name).rpartition(".")[2] for name in SERVICES} == {"service", "socket", "timer"}


@pytest.mark.parametrize(("action", "command"), [("reboot", "reboot"), ("shutdown", "poweroff")])
def test_the_node_is_rebooted_and_powered_off(on: Context, runner: ScriptedRunner, action: str, command: str) -> None:
    runner.expect("systemctl", command)
    do(ops.Power.of(action=action), on)
    assert not runner.expected


def test_a_known_time_zone_is_set(on: Context, runner: ScriptedRunner) -> None:
    write(on.machine.root, "usr/share/zoneinfo/Europe/Madrid")
    runner.expect("timedatectl", "set-timezone", "--", "Europe/Madrid")
    do(ops.SetTimeZone.of(timezone="Europe/Madrid"), on)
    assert not runner.expected


@pytest.mark.parametrize(
    "zone", ["Europe/Atlantis", "Europe", "../../../etc/passwd", "/etc/passwd", "", "-h", "UTC\n"]
)
def test_another_time_zone_does_not_exist(on: Context, zone: str) -> None:
    write(on.machine.root, "usr/share/zoneinfo/Europe/Madrid")
    write(on.machine.root, "etc/passwd")
    with pytest.raises(NotFound, match="does not exist"):
        do(ops.SetTimeZone.of(timezone=zone), on)


@pytest.mark.parametrize("digest", [None, digest_of("127.0.0.1 localhost\n")])
def test_hosts_are_replaced_whole(on: Context, digest: str | None) -> None:
    path = write(on.machine.root, "etc/hosts", "127.0.0.1 localhost\n")
    do(ops.SetHosts.of(data=HOSTS.rstrip("\n"), digest=digest), on)
    assert path.read_text() == HOSTS


def test_hosts_that_somebody_else_changed_stay(on: Context) -> None:
    path = write(on.machine.root, "etc/hosts", "127.0.0.1 localhost\n")
    with pytest.raises(Modified, match="detected modified configuration"):
        do(ops.SetHosts.of(data=HOSTS, digest=digest_of("old")), on)
    assert path.read_text() == "127.0.0.1 localhost\n"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (HOSTS, []),
        ("# nothing\n\n::1 localhost\n", []),
        ("", ["no line for localhost"]),
        ("127.0.0.1 localhost\n1.2.3 x\n", ["line 2: '1.2.3' is no address"]),
        ("::1 localhost\nfe80::1%eth0 x\nfe80::1%a,b x\n", ["line 3: 'fe80::1%a,b' is no address"]),
        ("127.0.0.1 localhost\n::1\n", ["line 2: no name for ::1"]),
        ("127.0.0.1 localhost\n::1 a;b -x\n", ["line 2: 'a;b' is no host name", "line 2: '-x' is no host name"]),
    ],
)
def test_every_wrong_line_of_hosts_is_told(text: str, wrong: list[str]) -> None:
    assert [problem.what for problem in wrong_hosts(text)] == wrong


def ask(name: str) -> tuple[str, ...]:
    """The command that asks a disk."""
    return ("timeout", "--kill-after=1", "5", *health.COMMAND, f"/dev/{name}")


def test_a_disk_is_asked_for_its_health(on: Context, runner: ScriptedRunner) -> None:
    write(on.machine.root, "sys/block/sda/size", "1")
    runner.expect(*ask("sda"), stdout='{"smart_status": {"passed": true}}', status=4)
    assert do(ops.ReadSmart.of(disk="sda"), on) == {"asleep": False, "report": {"smart_status": {"passed": True}}}
    runner.expect(*ask("sda"), status=255)
    assert do(ops.ReadSmart.of(disk="sda"), on) == {"asleep": True, "report": {}}


@pytest.mark.parametrize(
    ("status", "stdout", "words"), [(127, "", "not installed"), (124, "", "in time"), (1, "usage", "no report")]
)
def test_why_there_is_no_report_is_told(
    on: Context, runner: ScriptedRunner, status: int, stdout: str, words: str
) -> None:
    write(on.machine.root, "sys/block/sda/size", "1")
    runner.expect(*ask("sda"), stdout=stdout, status=status)
    with pytest.raises(TrebolError, match=words):
        do(ops.ReadSmart.of(disk="sda"), on)


@pytest.mark.parametrize("disk", ["sdb", "../sda", "/dev/sda", "", "sda -x", "sda\n"])
def test_another_disk_does_not_exist(on: Context, disk: str) -> None:
    write(on.machine.root, "sys/block/sda/size", "1")
    with pytest.raises(NotFound, match="does not exist"):
        do(ops.ReadSmart.of(disk=disk), on)


def test_ending_a_task_that_is_over_is_no_error(on: Context) -> None:
    upid = do(ops.ServiceAction.of(service="chrony", action="restart"), on)
    assert do(ops.EndTask.of(upid=upid), on) == upid
    with pytest.raises(NoSuchTask):
        do(ops.EndTask.of(upid=upid.replace("chrony", "cron")), on)
    with pytest.raises(BadInput, match="unable to parse"):
        do(ops.EndTask.of(upid="1"), on)


def test_a_report_is_a_file_for_root_alone_and_the_log_says_where(on: Context) -> None:
    upid = Upid("node1", 1, 1, 1790000000, "report", "", "root@pam")
    stream = io.StringIO()
    keep(lambda: "==== status ====\n", on.machine, upid, Log(stream))
    path = on.machine.at(stream.getvalue().splitlines()[-1].lstrip("/"))
    assert path.read_text() == "==== status ====\n"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_the_newest_reports_are_kept(on: Context) -> None:
    for number in range(KEPT + 2):
        upid = Upid("node1", 1, 1, 1790000000 + number, "report", "", "root@pam")
        keep(lambda: "text", on.machine, upid, Log(io.StringIO()))
    names = sorted(path.name for path in on.machine.at(FOLDER).iterdir())
    assert len(names) == KEPT and names[-1] == "node1-20260921T141331Z.txt"


def test_who_ends_a_join_ends_no_leave_that_was_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Operation] = []
    made = SimpleNamespace(
        machine=SimpleNamespace(at=Path), start=lambda kind, ident, who, operation: started.append(operation)
    )
    monkeypatch.setattr(disk, "look", lambda folder: SimpleNamespace(kind="leave"))
    with pytest.raises(BadInput, match="another change: trebol cluster leave --abort"):
        go_on(GoOn(how="abort", kind="join"), cast(Context, made), "root@pam")
    for kind in ("leave", ""):
        go_on(GoOn(how="abort", kind=kind), cast(Context, made), "root@pam")
    assert len(started) == 2
