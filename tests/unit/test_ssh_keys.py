"""SSH keys from a list behind a URL: what is taken, and what is told of the rest."""

from __future__ import annotations

import base64
import http.server
import threading
from collections.abc import Iterator

import pytest
from tests.unit.answer_files import SSH_KEY

from trebol_common.errors import BadInput
from trebol_common.run import ScriptedRunner
from trebol_installer.screens.world import LiveWorld
from trebol_installer.sources import REASON
from trebol_installer.ssh_keys import LARGEST, MOST, keys_from_url, read_keys, url_problem, without_doubles


def key(number: int, comment: str = "") -> str:
    """A key like no other."""
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0 " + number.to_bytes(32, "big")
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} {comment}".rstrip()


def test_comments_and_empty_lines_are_passed_over_and_wrong_ones_told_by_number() -> None:
    text = f'\ufeff# mine\r\n\r\n{SSH_KEY}\r\nssh-rsa AAAA*\n  # x\nfrom="10.0.0.1" {key(1)}\n{key(2, "me")}\n'

    found = read_keys(text.encode(), "a.keys")

    assert found.keys == (SSH_KEY, key(2, "me"))
    assert [str(problem) for problem in found.wrong] == [
        "a.keys, line 4: is an SSH public key whose base64 part is damaged",
        "a.keys, line 6: is not an SSH public key such as ssh-ed25519 AAAA… admin@laptop",
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "a.keys: holds no SSH key"),
        (b"# none\n", "a.keys: holds no SSH key"),
        (b"\xff\xfes\0s\0h\0", "a.keys: is not UTF-8 text"),
        (b"<html>\n<body>\n", "a.keys, line 1: is not an SSH public key such as ssh-ed25519 AAAA… admin@laptop"),
        ("\n".join(map(key, range(MOST + 1))).encode(), "a.keys: holds more than 20 SSH keys"),
    ],
    ids=["empty", "comments", "utf-16", "page", "many"],
)
def test_a_list_without_keys_has_one_reason(content: bytes, told: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_keys(content, "a.keys")

    assert str(caught.value) == told


def test_a_private_key_is_not_repeated() -> None:
    with pytest.raises(BadInput) as caught:
        read_keys(b"-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n", "a.keys")

    assert "hunter2" not in str(caught.value) and "BEGIN" not in str(caught.value)


def test_a_key_is_the_same_whatever_is_said_behind_it() -> None:
    assert without_doubles([key(1, "laptop")], [key(1), key(2), key(2, "again")]) == [key(2)]
    assert read_keys(f"{key(1)}\n{key(1, 'again')}".encode(), "a.keys").keys == (key(1),)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "Type the URL first."),
        ("example.org/admin.keys", "The URL has to begin with https:// or http://."),
        ("file:///etc/shadow", "The URL has to begin with https:// or http://."),
        ("https://example.org/admin.keys", ""),
        ("HTTP://example.org/", ""),
    ],
)
def test_what_can_be_no_url_is_told_at_once(url: str, told: str) -> None:
    assert url_problem(url) == told


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves lists of keys, one that is too large, and one that never ends."""

    ended = threading.Event()

    def do_GET(self) -> None:
        lists = {"/admin.keys": f"{SSH_KEY}\n{key(1)}\n", "/large": "#" * (LARGEST + 1), "/never": ""}
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "gopher://me:hunter2@example.org/")
        elif self.path == "/talks":
            self.send_response(500, "\x1b[31m" + "x" * 5000)
        else:
            self.send_response(200 if self.path in lists else 404)
        self.end_headers()
        self.wfile.write(lists.get(self.path, "").encode())
        if self.path == "/never":
            self.ended.wait(60)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(Handler, "ended", threading.Event())
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{serving.server_port}"
        Handler.ended.set()
        serving.shutdown()
        thread.join()


def test_keys_are_fetched_and_told_without_the_password_of_the_url(server: str) -> None:
    found = keys_from_url(f"http://me:hunter2@{server}/admin.keys", within=60)

    assert found.keys == (SSH_KEY, key(1))
    assert found.where == f"http://{server}/admin.keys"


def test_the_live_system_gets_an_address_first(server: str) -> None:
    runner = ScriptedRunner().expect("systemctl", "start", "trebol-live-network.service")

    found = LiveWorld(runner).keys_from_url(f"http://{server}/admin.keys")

    assert found.keys == (SSH_KEY, key(1)) and not runner.expected


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/none", "the server says 404 Not Found"),
        ("/large", f"is larger than {LARGEST} bytes"),
        ("/elsewhere", "cannot be fetched: No connection adapters were found for 'gopher://example.org/'"),
        ("/talks", f"the server says 500 \\x1b[31m{'x' * (REASON - 5)}…"),
    ],
)
def test_what_a_server_does_wrong_is_told_with_the_url(server: str, path: str, told: str) -> None:
    with pytest.raises(BadInput) as caught:
        keys_from_url(f"http://{server}{path}", within=60)

    assert str(caught.value) == f"http://{server}{path}: {told}\n  → check the URL, the network and the server"


def test_a_server_that_never_ends_is_not_waited_for(server: str) -> None:
    with pytest.raises(BadInput, match="the server does not answer in time"):
        keys_from_url(f"http://{server}/never", within=0.2)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://127.0.0.1:1/", "cannot be fetched: Failed to establish a new connection: [Errno 111]"),
        (f"http://{'a' * 70}.example.org/", "cannot be fetched: "),
        ("http://[::1", "cannot be fetched: "),
    ],
)
def test_what_cannot_be_fetched_has_the_reason_and_no_words_of_the_library(url: str, told: str) -> None:
    with pytest.raises(BadInput) as caught:
        keys_from_url(url, within=60)

    assert f"{url}: {told}" in str(caught.value) and "object at 0x" not in str(caught.value)
