"""What a connection may do to the API: be slow, be too much, be no HTTP, or be root's own socket."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.api_node import LiveNode, context, serving

from trebol_node.api import server, wire
from trebol_node.client import PATIENCE, Api
from trebol_node.client import _Connection as Connection

GET = b"GET /api2/json/access/domains HTTP/1.1\r\nHost: n\r\n"
POST = b"POST /api2/json/access/ticket HTTP/1.1\r\nHost: n\r\nContent-Type: application/x-www-form-urlencoded\r\n"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveNode]:
    folder = tmp_path_factory.mktemp("node")
    with serving(context(folder), folder) as found:
        yield found


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients are slow after a moment."""
    monkeypatch.setattr(wire, "SLOW", 0.2)


def connect(node: LiveNode) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", node.port), timeout=20)
    return ssl.create_default_context(cafile=node.certificate).wrap_socket(connection, server_hostname="127.0.0.1")


def until_its_end(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    parts = []
    with connection:
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def status_and_body(answer: bytes) -> tuple[bytes, dict[str, object]]:
    """The first line after the version, and the JSON of the last answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    found = json.loads(body)
    assert isinstance(found, dict)
    return head.split(b"\r\n")[0].removeprefix(b"HTTP/1.1 "), found


#: What is sent, and then nothing more.
SLOW = {
    "nothing at all": b"",
    "half a line": b"GET /api2/js",
    "a head without its end": GET + b"X-Part: 1\r\n",
    "a body without its end": POST + b"Content-Length: 100\r\n\r\nusername=",
    "a chunk without its end": POST + b"Transfer-Encoding: chunked\r\n\r\n10\r\nuser",
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("case", SLOW)
def test_who_is_too_slow_is_told_and_cut_off(node: LiveNode, case: str) -> None:
    connection = connect(node)
    connection.sendall(SLOW[case])
    status, body = status_and_body(until_its_end(connection))
    assert status.startswith(b"408 the request did not arrive within")
    assert body["data"] is None


@pytest.mark.usefixtures("impatient")
def test_the_time_of_a_request_ends_with_its_last_byte(node: LiveNode) -> None:
    connection = http.client.HTTPSConnection(
        "127.0.0.1", node.port, context=ssl.create_default_context(cafile=node.certificate), timeout=20
    )
    # One connection, several requests: none inherits the time of the one before.
    for _ in range(3):
        connection.request("GET", "/api2/json/access/domains")
        response = connection.getresponse()
        assert (response.status, response.reason) == (200, "OK")
        response.read()
    connection.close()


#: What is sent → the status.
REFUSED = {
    "no HTTP": (b"\x16\x03\x01 hello\r\n\r\n", b"400"),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", b"400"),
    "two lengths": (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", b"400"),
    "a negative length": (POST + b"Content-Length: -5\r\n\r\nhello", b"400"),
    "a head that never ends": (GET + b"X-Large: " + b"x" * 200_000, b"431"),
    "a length that is too large": (POST + b"Content-Length: 99999999\r\n\r\n", b"413"),
    "a body that is too large, in pieces": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"8000\r\n" + b"x" * 0x8000 + b"\r\n") * 20 + b"0\r\n\r\n",
        b"413",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_request_is_refused_in_the_same_shape_and_ends_the_connection(node: LiveNode, case: str) -> None:
    sent, status = REFUSED[case]
    connection = connect(node)
    with contextlib.suppress(OSError):  # It does not wait for the rest.
        connection.sendall(sent)
    found, body = status_and_body(until_its_end(connection))
    assert found.startswith(status)
    assert body["data"] is None


def test_requests_sent_at_once_are_answered_in_their_order(node: LiveNode) -> None:
    connection = connect(node)
    connection.sendall(GET + b"\r\n" + GET.replace(b"domains", b"nonsense") + b"Connection: close\r\n\r\n")
    answers = until_its_end(connection)
    assert answers.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"HTTP/1.1 404 path '/access/nonsense' does not exist\r\n" in answers


def is_served(node: LiveNode) -> bool:
    """Whether a connection more is taken; one too many is closed before or after its first byte."""
    try:
        with connect(node) as connection:
            connection.sendall(GET + b"Connection: close\r\n\r\n")
            return bool(connection.recv(1))
    except OSError:
        return False


def test_no_more_connections_than_there_may_be_and_handshakes_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "CONNECTIONS", 2)
    with serving(context(tmp_path), tmp_path) as node:
        silent = [socket.create_connection(("127.0.0.1", node.port), timeout=20) for _ in range(2)]
        assert not is_served(node)
        # Nobody there shuts out root of this node.
        assert Api(node.path).get("/version")
        for each in silent:
            each.close()
        while not is_served(node):
            pass


def test_one_host_shuts_out_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "FROM_ONE", 2)
    with serving(context(tmp_path), tmp_path) as node:
        silent = [socket.create_connection(("127.0.0.1", node.port), timeout=20) for _ in range(2)]
        assert not is_served(node)
        other = socket.create_connection(("127.0.0.1", node.port), timeout=20, source_address=("127.0.0.2", 0))
        tls = ssl.create_default_context(cafile=node.certificate)
        with tls.wrap_socket(other, server_hostname="127.0.0.1") as connection:
            connection.sendall(GET + b"Connection: close\r\n\r\n")
            assert connection.recv(1)
        for each in silent:
            each.close()
        while not is_served(node):
            pass


def test_a_handshake_that_does_not_end_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HANDSHAKE", 0.2)
    with serving(context(tmp_path), tmp_path) as node:
        assert until_its_end(socket.create_connection(("127.0.0.1", node.port), timeout=20)) == b""


def test_the_node_s_root_needs_no_password(node: LiveNode) -> None:
    api = Api(node.path)
    api.create("/access/groups", groupid="made-by-root")
    assert api.get("/access/groups/made-by-root") == {"members": []}
    written = node.context.audit.entries[-1]  # type: ignore[attr-defined]
    assert str(written) == "user=root@pam from=socket POST /api2/json/access/groups arguments=groupid status=200"


def test_another_user_of_the_node_is_nobody_on_its_socket(tmp_path: Path) -> None:
    found = replace(context(tmp_path), root=frozenset({os.getuid() + 1}))
    with serving(found, tmp_path) as node:
        connection = Connection(node.path, PATIENCE)
        connection.request("GET", "/api2/json/version")
        assert connection.getresponse().status == 401
        connection.close()


def test_the_socket_is_for_its_owner_alone(node: LiveNode) -> None:
    assert node.path.stat().st_mode & 0o777 == 0o600


def test_no_secret_is_in_the_audit_log(node: LiveNode) -> None:
    connection = Connection(node.path, PATIENCE)
    form = "username=eva@trebol&password=very-secret&otp=123456"
    connection.request(
        "POST", "/api2/json/access/ticket", form, {"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert connection.getresponse().status == 401
    connection.close()
    # The line is written once the answer is out: before the next one is.
    Api(node.path).get("/version")
    written = str(node.context.audit.entries[-1])  # type: ignore[attr-defined]
    assert "user=eva@trebol" in written
    assert "arguments=otp,password,username status=401" in written
    assert "secret" not in written and "123456" not in written


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("all is well", b"all is well"),
        ("first\nsecond", b"first"),
        ("año\r\nSet-Cookie: x", b"a?o"),
        ("\x1b[31mred", b"?[31mred"),
        ("x" * 1000, b"x" * 500),
    ],
)
def test_a_reason_phrase_is_one_line_of_ascii(text: str, phrase: bytes) -> None:
    scope: dict[str, object] = {}
    wire.phrase(scope, text)
    assert wire.wire_of(scope).phrase == phrase
