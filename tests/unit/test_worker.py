"""The worker's socket: who is answered, what is refused, what a client hears when things go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from tests.unit import worker_program
from tests.unit.task_program import end_all, environment

from trebol_common.errors import BadInput, Problem, Refused, TrebolError
from trebol_node.tasks import NoSuchTask, Tasks
from trebol_node.worker.client import Worker
from trebol_node.worker.errors import AuthenticationFailed, Modified, NotFound, WorkerAbsent
from trebol_node.worker.operations import (
    OPERATIONS,
    Authenticate,
    ChangePassword,
    EndTask,
    Power,
    ServiceAction,
    SetHosts,
    SetTimeZone,
)
from trebol_node.worker.protocol import REQUEST, Request
from trebol_node.worker.server import Limits, Perform, Server

ME = os.getuid()
ZONE = SetTimeZone(timezone="Europe/Madrid")


def echo(request: Request) -> Any:
    """An operation that says what it got."""
    return [request.operation.name, request.who, request.operation.model_dump()]


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run a test to its end, which comes or it has failed."""
    asyncio.run(asyncio.wait_for(test, 50))


@contextlib.asynccontextmanager
async def serving(path: Path, perform: Perform = echo, **limits: Any) -> AsyncIterator[Worker]:
    """A server at `path`, and a client of it."""
    server = Server(perform, frozenset({ME}), Limits(**limits))
    async with server.listening(path):
        worker = Worker(path)
        yield worker
        await worker.close()


async def say(path: Path, *chunks: bytes, end: bool = False) -> list[Any]:
    """Send bytes as they are; every answer until the server ends the connection."""
    reader, writer = await asyncio.open_unix_connection(path, limit=2**22)
    with contextlib.suppress(ConnectionError):
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
    if end:
        writer.write_eof()
    answers = []
    with contextlib.suppress(ConnectionError):
        while line := await reader.readline():
            answers.append(json.loads(line))
    writer.close()
    return answers


def request(**changes: Any) -> bytes:
    """A line that asks for a time zone, but for `changes`."""
    members = {"id": 7, "operation": "time-zone", "who": "root@pam", "arguments": {"timezone": "UTC"}, **changes}
    return json.dumps(members).encode() + b"\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run/worker.sock"


def test_an_operation_gets_its_arguments_and_who_asks(path: Path) -> None:
    async def test() -> None:
        async with serving(path) as worker:
            answer = await worker.call(ZONE, who="root@pam!token")
            assert answer == ["time-zone", "root@pam!token", {"timezone": "Europe/Madrid"}]

    run(test())


def test_slow_operations_do_not_hold_quick_ones_up(path: Path) -> None:
    quick = threading.Event()

    def perform(request: Request) -> Any:
        if isinstance(request.operation, Power):
            return quick.wait(40)
        quick.set()
        return "quick"

    async def test() -> None:
        async with serving(path, perform) as worker:
            slow = asyncio.create_task(worker.call(Power(action="reboot"), who="root@pam"))
            await asyncio.sleep(0)
            assert await worker.call(ZONE, who="root@pam") == "quick"
            assert await slow is True

    run(test())


@pytest.mark.parametrize(
    "error",
    [
        TrebolError("a", where="b", hint="c"),
        BadInput.of([Problem("one", "x"), Problem("two", "y", "do")]),
        Refused("no"),
        AuthenticationFailed(),
        NotFound("it does not exist"),
        Modified("changed"),
        NoSuchTask("no such task", where="upid"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_back_as_it_was_raised(path: Path, error: TrebolError) -> None:
    def perform(request: Request) -> Any:
        raise error

    async def test() -> None:
        async with serving(path, perform) as worker:
            with pytest.raises(type(error)) as caught:
                await worker.call(ZONE, who="root@pam")
            assert type(caught.value) is type(error)
            assert caught.value.problems == error.problems

    run(test())


def test_a_bug_is_told_by_a_number_that_the_journal_has(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def perform(request: Request) -> Any:
        raise ValueError("hunter2")

    async def test() -> None:
        async with serving(path, perform) as worker:
            with pytest.raises(TrebolError, match="internal error [0-9a-f]{8}") as caught:
                await worker.call(ZONE, who="root@pam")
            number = caught.value.problems[0].what.split()[-1]
            assert "hunter2" not in str(caught.value)
            assert number in caplog.text and "Traceback" in caplog.text

    run(test())


def test_a_full_disk_is_told(path: Path) -> None:
    def perform(request: Request) -> Any:
        raise OSError(28, "No space left on device", "/etc/hosts")

    async def test() -> None:
        async with serving(path, perform) as worker:
            with pytest.raises(TrebolError, match="/etc/hosts: No space left"):
                await worker.call(ZONE, who="root@pam")

    run(test())


@pytest.mark.parametrize(
    ("line", "problems"),
    [
        (request(operation="rm"), [("no operation 'rm'", "operation")]),
        (request(arguments={}), [("Field required", "timezone")]),
        (
            request(arguments={"timezone": 7, "path": "/etc"}),
            [("Input should be a valid string", "timezone"), ("Extra inputs are not permitted", "path")],
        ),
        (
            request(operation="power", arguments={"action": "rm -rf /"}),
            [("Input should be 'reboot' or 'shutdown'", "action")],
        ),
        (
            request(operation="change-password", arguments={"user": "a:b", "password": "hunter2"}),
            [("String should match pattern '\\A[A-Za-z_][A-Za-z0-9_.-]{0,31}\\z'", "user")],
        ),
        (
            request(operation="change-password", arguments={"user": "root", "password": "1234"}),
            [("Value should have at least 5 items after validation, not 4", "password")],
        ),
    ],
)
def test_a_wrong_request_is_told_all_that_is_wrong_and_the_next_one_is_answered(
    path: Path, line: bytes, problems: list[tuple[str, str]]
) -> None:
    async def test() -> None:
        async with serving(path):
            answers = await say(path, line, request(id=8), end=True)
            by_id = {answer["id"]: answer for answer in answers}
            error = by_id[7]["error"]
            assert error["kind"] == "BadInput"
            assert [(each["what"], each["where"]) for each in error["problems"]] == problems
            assert "result" in by_id[8]

    run(test())


@pytest.mark.parametrize(
    "line",
    [
        b"\x00\xff\n",
        b"GET / HTTP/1.1\n",
        b"[" * 100_000 + b"\n",
        b"null\n",
        b"{}\n",
        request(id="7"),
        request(id=None),
        request(who="root\n@pam"),
        request(who=""),
        request(arguments=[]),
        request(more=1),
    ],
)
def test_what_is_no_request_ends_the_connection(path: Path, line: bytes) -> None:
    async def test() -> None:
        async with serving(path) as worker:
            answers = await say(path, line, request())
            assert [(answer["id"], answer["error"]["kind"]) for answer in answers] == [(None, "BadInput")]
            assert await worker.call(ZONE, who="root@pam")

    run(test())


def test_a_line_without_end_is_not_kept(path: Path) -> None:
    async def test() -> None:
        async with serving(path) as worker:
            answers = await say(path, b"x" * (REQUEST + 10), b"x" * REQUEST)
            assert [answer["error"]["problems"][0]["what"] for answer in answers] in (
                [f"a request of more than {REQUEST} bytes"],
                [],  # The connection was reset before that was read.
            )
            assert await worker.call(ZONE, who="root@pam")

    run(test())


def test_a_slow_sender_is_cut_off(path: Path) -> None:
    async def test() -> None:
        async with serving(path, patience=0.05) as worker:
            (answer,) = await say(path, request()[:10])
            assert answer["error"]["problems"][0]["what"] == "a request took more than 0.05 s to come"
            assert await worker.call(ZONE, who="root@pam")

    run(test())


def test_a_sender_that_dies_within_a_line_is_let_go(path: Path) -> None:
    async def test() -> None:
        async with serving(path):
            (answer,) = await say(path, request()[:10], end=True)
            assert answer["error"]["problems"][0]["what"] == "a request that ends before its line does"

    run(test())


def test_another_user_is_not_answered(path: Path) -> None:
    asked: list[Request] = []

    async def test() -> None:
        server = Server(asked.append, frozenset({ME + 1}))
        async with server.listening(path):
            (answer,) = await say(path, request())
            assert answer["error"]["kind"] == "Refused"
            worker = Worker(path)
            with pytest.raises((Refused, WorkerAbsent)):
                await worker.call(ZONE, who="root@pam")
            await worker.close()
        assert asked == []

    run(test())


def test_connections_are_counted(path: Path) -> None:
    async def test() -> None:
        async with serving(path, connections=1) as worker:
            assert await worker.call(ZONE, who="root@pam")
            (answer,) = await say(path, request())
            assert answer["error"]["problems"][0]["what"] == "too many connections to the worker"
            assert await worker.call(ZONE, who="root@pam")

    run(test())


def test_the_socket_is_for_its_owner_and_group(path: Path) -> None:
    async def test() -> None:
        async with serving(path):
            assert path.stat().st_mode & 0o777 == 0o660
        assert not path.exists()

    run(test())


def test_a_worker_that_is_not_there_is_told_with_what_to_do(path: Path) -> None:
    async def test() -> None:
        worker = Worker(path)
        with pytest.raises(WorkerAbsent, match="is not there") as caught:
            await worker.call(ZONE, who="root@pam")
        assert "systemctl status trebol-worker" in str(caught.value)

    run(test())


def test_a_worker_that_comes_back_is_asked_again(path: Path) -> None:
    async def test() -> None:
        worker = Worker(path)
        for _time in range(2):
            async with Server(echo, frozenset({ME})).listening(path):
                assert await worker.call(ZONE, who="root@pam")
            with pytest.raises(WorkerAbsent):
                await worker.call(ZONE, who="root@pam")
        await worker.close()

    run(test())


def test_a_worker_that_does_not_answer_is_not_waited_for_without_end(path: Path) -> None:
    free = threading.Event()

    async def test() -> None:
        async with serving(path, lambda request: free.wait(40)):
            worker = Worker(path, patience=0.05)
            with pytest.raises(WorkerAbsent, match=r"did not answer 'time-zone' within 0\.05 s"):
                await worker.call(ZONE, who="root@pam")
            free.set()
            await worker.close()

    run(test())


def test_what_is_too_long_is_not_sent(path: Path) -> None:
    async def test() -> None:
        async with serving(path) as worker:
            long = SetHosts.model_construct(data="é" * REQUEST)
            with pytest.raises(BadInput, match="more than"):
                await worker.call(long, who="root@pam")
            assert await worker.call(ZONE, who="root@pam")

    run(test())


def test_what_has_begun_is_finished_before_the_server_ends(path: Path) -> None:
    begun, finish = threading.Event(), threading.Event()
    done: list[str] = []

    def perform(request: Request) -> None:
        begun.set()
        finish.wait(40)
        done.append("done")

    async def test() -> None:
        async with Server(perform, frozenset({ME})).listening(path):
            worker = Worker(path)
            asked = asyncio.create_task(worker.call(ZONE, who="root@pam"))
            await asyncio.to_thread(begun.wait, 40)
            finish.set()
        assert done == ["done"]
        with contextlib.suppress(WorkerAbsent):
            await asked
        await worker.close()

    run(test())


def test_a_secret_arrives_and_the_journal_has_who_asked_for_what_without_it(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def perform(request: Request) -> bool:
        assert isinstance(request.operation, Authenticate)
        return request.operation.password.get_secret_value() == "hunter2"

    async def test() -> None:
        async with serving(path, perform) as worker:
            assert await worker.call(Authenticate.of(user="root", password="hunter2"), who="root@pam") is True
            assert "done: 'authenticate' of root@pam" in caplog.text
            assert "hunter2" not in caplog.text

    run(test())


def test_no_secret_is_shown_by_an_operation_or_by_what_is_wrong_with_it() -> None:
    assert "hunter2" not in repr(ChangePassword.of(user="root", password="hunter2"))
    with pytest.raises(BadInput) as caught:
        ChangePassword.of(user="root", password="hunter2", more="hunter2")
    assert "hunter2" not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_no_operation_takes_what_it_does_not_know(operation: type[Any]) -> None:
    with pytest.raises(BadInput, match="Extra inputs"):
        operation.of(command="rm -rf /")
    assert operation.__doc__


@pytest.fixture
def program(tmp_path: Path) -> Any:
    """Starts the worker as a program of its own, which is killed in the end."""
    started: list[subprocess.Popen[bytes]] = []
    os.mkfifo(tmp_path / "ready")

    def start(path: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, worker_program.__file__, str(path), str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **environment()})
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
    end_all(Tasks(tmp_path / "tasks"))


def test_a_task_outlives_a_killed_worker_and_the_next_one_ends_it(
    tmp_path: Path, path: Path, program: Callable[[Path], subprocess.Popen[bytes]]
) -> None:
    tasks = Tasks(tmp_path / "tasks")

    async def test() -> None:
        first = program(path)
        worker = Worker(path)
        upid = await worker.call(ServiceAction(service="chrony", action="restart"), who="bob@pam")
        assert int((tmp_path / "ready").read_text())
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        with pytest.raises(WorkerAbsent):
            await worker.call(ZONE, who="root@pam")
        assert tasks.status(upid)["status"] == "running"
        assert tasks.status(upid)["user"] == "bob@pam"

        program(path)
        assert await worker.call(EndTask(upid=upid), who="root@pam") == upid
        assert tasks.status(upid)["exitstatus"] == "received interrupt"
        with pytest.raises(NoSuchTask):
            await worker.call(EndTask(upid=upid.replace("chrony", "cron")), who="root@pam")
        await worker.close()

    run(test())
