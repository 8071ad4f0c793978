"""The node behind the wizard: who is let in, what is shown of it, and what works while its daemon is silent."""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from types import MappingProxyType
from typing import Any

import pytest
from tests.unit.fakesys import FakeSystem
from tests.unit.test_node_status import FACTS, link

from trebol_common import CLUSTER_INTENT, FINDINGS
from trebol_common.answers.cluster import ClusterMode
from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_common.run import ScriptedRunner
from trebol_firstboot.cluster_seen import ClusterSeen
from trebol_firstboot.intent import forget, intent
from trebol_firstboot.screens import local
from trebol_firstboot.screens.node import ADMINISTRATOR, ApiWorld
from trebol_firstboot.screens.world import CodeNeeded, RunningTask, Session, Task, TaskNews
from trebol_hardware.checks.registry import Role, check_machine
from trebol_hardware.checks.report import to_members
from trebol_hardware.machine import Machine
from trebol_node import facts
from trebol_node.client import NODE, Api, NotAllowed, Unreachable

MACHINE = Path(__file__).parents[1] / "machines/asus-ryzen-svm-off.json"
TICKET = {"ticket": "PVE:root@pam:1", "CSRFPreventionToken": "1:x", "username": "root@pam"}
AS_ROOT = {"Cookie": "PVEAuthCookie=PVE:root@pam:1", "CSRFPreventionToken": "1:x"}
RIGHTS = {"/": dict.fromkeys(ADMINISTRATOR, 1)}
AGREED = "9f2c4e81b7d3605a1c88e4f2070b9d6e"
UPID = "UPID:node1:000001F4:00002710:6AB13B80:srvreload:networking:root@pam:"


@dataclass
class Queue:
    """An API that answers exactly these calls, in this order; an error is raised."""

    expected: list[tuple[str, str, Mapping[str, Any], Any]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    def expect(self, call: str, answer: Any = None, **arguments: Any) -> Queue:
        """Queue "GET path" and its answer; underscores of `arguments` are hyphens."""
        method, _, path = call.partition(" ")
        named = {key.replace("_", "-"): value for key, value in arguments.items()}
        self.expected.append((method, path, named, answer))
        return self

    def call(
        self,
        method: str,
        path: str,
        arguments: Mapping[str, Any] = MappingProxyType({}),
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Any:
        """See `Api.call`."""
        assert self.expected, f"unexpected: {method} {path}"
        *call, answer = self.expected.pop(0)
        assert call == [method, path, dict(arguments)]
        self.headers.append(headers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def whole(
        self,
        method: str,
        path: str,
        arguments: Mapping[str, Any] = MappingProxyType({}),
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Mapping[str, Any]:
        """See `Api.whole`; the answer is all of it."""
        found: Mapping[str, Any] = self.call(method, path, arguments, headers=headers)
        return found


class Anyone:
    """A PAM that knows one password."""

    def accepts(self, user: str, password: str) -> bool:
        return password == "correct horse"


@pytest.fixture
def files(tmp_path: Path) -> FakeSystem:
    return FakeSystem(tmp_path)


@pytest.fixture
def api() -> Queue:
    return Queue()


@pytest.fixture
def world(files: FakeSystem, api: Queue) -> ApiWorld:
    paused: list[float] = []
    return ApiWorld(api, root=files.root, runner=ScriptedRunner(), pam=Anyone(), pause=paused.append)


def _let_in(api: Queue) -> None:
    api.expect("POST access/ticket", TICKET, username="root@pam", password="correct horse")
    api.expect("GET access/permissions", RIGHTS, userid="root@pam", path="/")


def test_keys_are_set_only_as_they_were_read(world: ApiWorld, api: Queue) -> None:
    api.expect("GET /nodes/localhost/sshkeys", {"data": ["ssh-ed25519 AAAA ana"], "digest": "d1"})
    api.expect("PUT /nodes/localhost/sshkeys", keys="ssh-ed25519 AAAA ana\nssh-ed25519 BBBB eva", digest="d1")

    world.set_keys((*world.keys(), "ssh-ed25519 BBBB eva"))

    assert not api.expected


def test_root_is_let_in_and_what_follows_is_in_their_name(world: ApiWorld, api: Queue) -> None:
    _let_in(api)
    api.expect("GET /nodes/localhost/time", {"timezone": "UTC"})

    assert world.log_in("root", "correct horse", "") == Session("root@pam")
    world.time()

    assert api.headers == [{}, {}, AS_ROOT] and world.shell() == ("su", "--login", "root")
    world.log_out()
    assert world.shell() == ()


def test_a_wrong_password_lets_nobody_in(world: ApiWorld, api: Queue) -> None:
    api.expect("POST access/ticket", NotAllowed("authentication failure"), username="root@pam", password="x")

    with pytest.raises(BadInput, match="User or password is wrong"):
        world.log_in("root", "x", "")
    with pytest.raises(BadInput):
        world.log_in("root", "", "")

    assert world.shell() == ()


def test_who_is_no_administrator_is_told_so(world: ApiWorld, api: Queue) -> None:
    api.expect("POST access/ticket", TICKET, username="eva@pam", password="correct horse")
    api.expect("GET access/permissions", {"/": {"Sys.Audit": 1}}, userid="eva@pam", path="/")

    with pytest.raises(Refused, match="eva@pam is no administrator"):
        world.log_in("eva", "correct horse", "")
    assert world.shell() == ()


def test_a_second_factor_is_asked_for(world: ApiWorld, api: Queue) -> None:
    first = {**TICKET, "ticket": "PVE:!tfa!", "NeedTFA": 1}
    api.expect("POST access/ticket", first, username="root@pam", password="correct horse")
    with pytest.raises(CodeNeeded):
        world.log_in("root", "correct horse", "")
    api.expect("POST access/ticket", TICKET, username="root@pam", password="totp:123456", tfa_challenge="PVE:!tfa!")
    api.expect("GET access/permissions", RIGHTS, userid="root@pam", path="/")

    assert world.log_in("root", "correct horse", "123456") == Session("root@pam")


@pytest.mark.parametrize(("user", "password"), [("root", "x"), ("nobody@trebol", "correct horse")])
def test_while_the_daemon_is_silent_the_system_itself_says_who_comes_in(
    world: ApiWorld, api: Queue, user: str, password: str
) -> None:
    silent = Unreachable("Connection refused")
    api.expect("POST access/ticket", silent, username="root@pam", password="correct horse")
    assert world.log_in("root", "correct horse", "") == Session("root@pam", limited=True)

    name = user if "@" in user else f"{user}@pam"
    api.expect("POST access/ticket", silent, username=name, password=password)
    with pytest.raises(BadInput, match="wrong"):
        world.log_in(user, password, "")


def test_a_node_is_restarted_without_its_daemon_too(world: ApiWorld, api: Queue) -> None:
    assert isinstance(world.runner, ScriptedRunner)
    world.runner.expect("systemctl", "reboot")
    api.expect("POST /nodes/localhost/status", command="reboot")
    assert world.reboot() and not world.runner.seen
    api.expect("POST /nodes/localhost/status", Unreachable("gone"), command="reboot")
    assert world.reboot() and world.runner.seen


def test_a_password_is_changed_by_who_knows_the_old_one(world: ApiWorld, api: Queue) -> None:
    _let_in(api)
    world.log_in("root", "correct horse", "")
    api.expect("POST access/ticket", NotAllowed("authentication failure"), username="root@pam", password="guess")
    with pytest.raises(BadInput, match="now is another one"):
        world.change_password("guess", "four words are good")

    api.expect("POST access/ticket", TICKET, username="root@pam", password="correct horse")
    api.expect(
        "PUT access/password",
        userid="root@pam",
        password="four words are good",
        confirmation_password="correct horse",
    )
    world.change_password("correct horse", "four words are good")
    assert not api.expected


def _log(*lines: str, start: int = 0) -> list[dict[str, Any]]:
    return [{"n": number, "t": line} for number, line in enumerate(lines, start + 1)]


def test_a_task_is_followed_to_its_end(world: ApiWorld, api: Queue) -> None:
    path, status = f"{NODE}/tasks/{UPID}/log", f"{NODE}/tasks/{UPID}/status"
    api.expect(f"GET {status}", {"status": "running"})
    api.expect(f"GET {path}", _log("one", "confirm within 60 s to keep it"), start=0, limit=500)
    api.expect(f"GET {path}", [], start=2, limit=500)
    api.expect(f"GET {status}", {"status": "stopped", "exitstatus": "WARNINGS: 1"})
    api.expect(f"GET {path}", _log("three", start=2), start=2, limit=500)
    api.expect(f"GET {path}", [], start=3, limit=500)

    assert list(world.follow(Task(UPID, trial=True))) == [
        TaskNews(("one", "confirm within 60 s to keep it"), waits=60.0),
        TaskNews(("three",)),
        TaskNews(ended="OK"),
    ]


def test_the_cluster_and_what_runs_are_shown(world: ApiWorld, api: Queue) -> None:
    nodes = [{"type": "node", "name": f"node{number}", "online": number & 1} for number in (1, 2, 3)]
    api.expect("GET cluster/status", [{"type": "cluster", "name": "clover", "quorate": 1}, *nodes])
    api.expect("GET /nodes/localhost/tasks", [{"type": "aptupdate", "id": "", "user": "root@pam"}], source="active")

    assert world._cluster() == ClusterSeen("clover", 3, 2, quorate=True)
    assert world._running() == (RunningTask("aptupdate", "", "root@pam"),)
    api.expect("GET cluster/status", nodes[:1])
    assert world._cluster() is None


def test_updates_are_those_of_apt(world: ApiWorld, api: Queue) -> None:
    api.expect("GET /nodes/localhost/apt/update", [{"Package": "base-files", "OldVersion": "1", "Version": "2"}])

    assert [(each.package, each.old, each.new) for each in world.updates()] == [("base-files", "1", "2")]


def test_the_name_is_the_full_one_and_can_be_read_again_once_it_is_another(world: ApiWorld, api: Queue) -> None:
    for name in ("node1.example.org", "alpha.example.net"):
        api.expect("PUT /nodes/localhost/hostname", fqdn=name)
        api.expect("GET /nodes/localhost/hostname", {"fqdn": name, "hostname": name.partition(".")[0]})
        world.rename(name)
        assert world.name() == name


def test_findings_come_back_as_they_were_written(world: ApiWorld, files: FakeSystem) -> None:
    assert world.findings() == ()
    found = check_machine(Machine.load(MACHINE))
    files.write(FINDINGS, json.dumps(to_members(found, Role.NODE)))
    assert world.findings() == found

    files.write(FINDINGS, '{"findings": [{}]}')
    with pytest.raises(TrebolError, match=r"findings\.json: cannot be read"):
        world.findings()


def test_what_the_installation_wanted_is_read_and_its_token_told_to_nobody(files: FakeSystem) -> None:
    assert intent(files.root).mode is ClusterMode.STAND_ALONE
    files.write(CLUSTER_INTENT, f'[cluster]\nmode = "join"\npeer = "node2"\ntoken = "{AGREED}"\n')
    assert intent(files.root).peer == "node2" and AGREED not in repr(intent(files.root))

    files.write(CLUSTER_INTENT, '[cluster]\nmode = "join"\ntoken = "ses ame"\n')
    with pytest.raises(TrebolError, match=r"cluster\.toml: is damaged") as caught:
        intent(files.root)
    assert "ses" not in str(caught.value)

    forget(files.root)
    assert intent(files.root).mode is ClusterMode.STAND_ALONE


@contextmanager
def answering(path: Path, status: int, body: bytes) -> Iterator[list[tuple[str, bytes, str]]]:
    """A server at a unix socket; what it was asked: request line, body, cookie."""
    asked: list[tuple[str, bytes, str]] = []

    class Handler(BaseHTTPRequestHandler):
        """Answers all alike."""

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline()
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            given = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append((self.requestline, given, self.headers.get("Cookie", "")))
            self.send_response_only(status, HTTPStatus(status).phrase)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingUnixStreamServer(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield asked
        server.shutdown()


def test_calls_go_over_the_unix_socket_as_forms(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with answering(path, 200, b'{"data": [1]}') as asked:
        api = Api(path)
        assert api.call("GET", "nodes/n1/tasks/UPID:n1:1:", {"source": "active", "none": None}) == [1]
        assert api.call("PUT", "nodes/n1/time", {"timezone": "Europe/Madrid"}, headers={"Cookie": "a=b"}) == [1]

    assert asked == [
        ("GET /api2/json/nodes/n1/tasks/UPID:n1:1:?source=active HTTP/1.1", b"", ""),
        ("PUT /api2/json/nodes/n1/time HTTP/1.1", b"timezone=Europe%2FMadrid", "a=b"),
    ]


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (401, b'{"data": null, "message": "authentication failure\\n"}', NotAllowed, "authentication failure"),
        (403, b'{"data": null, "message": "Permission check failed\\n"}', NotAllowed, "Permission check failed"),
        (400, b'{"message": "no", "errors": {"cidr": "is wrong"}}', BadInput, "cidr: is wrong"),
        (501, b'{"data": null, "message": "not there yet\\n"}', BadInput, "not there yet"),
        (500, b"{}", TrebolError, "Internal Server Error"),
        (502, b"<html>", Unreachable, "no JSON"),
    ],
)
def test_what_the_daemon_refuses_is_told_in_its_words(
    tmp_path: Path, status: int, body: bytes, kind: type[TrebolError], said: str
) -> None:
    with answering(tmp_path / "api.sock", status, body), pytest.raises(kind) as caught:
        Api(tmp_path / "api.sock").call("GET", "version")

    assert said in str(caught.value) and type(caught.value) is kind


def test_no_daemon_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="(?s)does not answer.*systemctl status trebold"):
        Api(tmp_path / "api.sock").call("GET", "version")


def test_the_first_look_waits_for_no_page_and_the_next_one_asks_it(
    files: FakeSystem, api: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = ssl.DER_cert_to_PEM_cert(b"certificate")
    files.write("etc/cockpit/ws-certs.d/own.crt", pem)
    monkeypatch.setattr(facts, "read", lambda *_: replace(FACTS, links=(link("vmbr0", "192.0.2.10/24"),)))
    asked: list[str] = []

    def certificate(url: str) -> str:
        asked.append(url)
        return "AB"

    world = ApiWorld(api, root=files.root, certificate=certificate)
    seen = []
    for _ in range(3):
        api.expect("GET cluster/status", []).expect("GET /nodes/localhost/tasks", [], source="active")
        seen.append(world.look().certificate)

    assert seen == [hashlib.sha256(b"certificate").hexdigest().upper(), "AB", "AB"]
    assert asked == ["https://192.0.2.10:9090/"]


def test_there_is_no_certificate_where_nobody_serves() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    assert local.certificate(f"https://127.0.0.1:{port}/") == ""
    assert local.certificate("") == ""


def test_the_fingerprint_is_that_of_what_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    pem = ssl.DER_cert_to_PEM_cert(b"certificate")
    asked: list[object] = []

    def shown(where: object, **_: object) -> str:
        asked.append(where)
        return pem

    monkeypatch.setattr(ssl, "get_server_certificate", shown)

    assert local.certificate("https://[2001:db8::10]:9090/") == hashlib.sha256(b"certificate").hexdigest().upper()
    assert asked == [("2001:db8::10", 9090)]
