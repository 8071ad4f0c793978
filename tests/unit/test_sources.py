"""Where an unattended installation finds its answers, and what it says where it finds none."""

from __future__ import annotations

import hashlib
import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.api_node import certificate

from trebol_common.answers.parse import MAXIMUM_SIZE
from trebol_common.errors import BadInput
from trebol_common.medium import SLOT, SLOT_SIZE
from trebol_common.urls import place, without_user
from trebol_installer.sources import console_words, fetch, find_answers, send, words


def no_get(url: str) -> bytes:
    raise AssertionError(f"fetched {url}")


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    (tmp_path / SLOT).parent.mkdir()
    (tmp_path / SLOT).write_bytes(bytes(SLOT_SIZE))
    return tmp_path


def fill(medium: Path, text: str) -> None:
    (medium / SLOT).write_bytes(text.encode().ljust(SLOT_SIZE, b"\0"))


def test_the_slot_is_read_without_its_padding(medium: Path) -> None:
    fill(medium, "[global]\n")

    found = find_answers("boot=trebol quiet", medium, get=no_get)

    assert (found.text, found.where) == ("[global]\n", "the medium's answer slot")


def test_an_empty_slot_names_every_place_looked_at(medium: Path) -> None:
    with pytest.raises(BadInput) as caught:
        find_answers("boot=trebol", medium, get=no_get)

    text = str(caught.value)
    assert "kernel command line: no trebol.answer=" in text
    assert f"{medium / SLOT}: empty" in text
    assert "trebol image seed ISO answer.toml" in text


def test_the_slot_can_be_named_so_that_nobody_is_asked_where_it_is_empty(medium: Path) -> None:
    with pytest.raises(BadInput, match="empty"):
        find_answers("boot=trebol trebol.answer=slot", medium, get=no_get)

    fill(medium, "[global]\n")
    assert find_answers("boot=trebol trebol.answer=slot", medium, get=no_get).text == "[global]\n"


def test_a_medium_without_slot_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        find_answers("", tmp_path, get=no_get)


def test_a_path_on_the_medium_wins_over_the_slot(medium: Path) -> None:
    fill(medium, "slot")
    (medium / "site").mkdir()
    (medium / "site/a.toml").write_text("file")

    assert find_answers("trebol.answer=site/a.toml", medium, get=no_get).text == "file"


def test_an_absolute_path_is_taken_as_it_is(medium: Path, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.toml"
    path.write_text("absolute")

    assert find_answers(f"trebol.answer={path}", medium / "x", get=no_get).text == "absolute"


def test_a_named_file_that_is_missing_never_falls_back_to_the_slot(medium: Path) -> None:
    fill(medium, "slot")

    with pytest.raises(BadInput, match=r"none\.toml: cannot be read"):
        find_answers("trebol.answer=none.toml", medium, get=no_get)


def test_the_last_word_counts_and_may_be_a_url(medium: Path) -> None:
    line = "trebol.answer=a.toml trebol.answer=https://boot.example.org/a?x=1"

    found = find_answers(line, medium, get=lambda url: url.encode())

    assert found.text == found.where == "https://boot.example.org/a?x=1"


def test_answers_that_are_not_text_are_told(medium: Path) -> None:
    (medium / SLOT).write_bytes(b"\xff\xfe" + bytes(100))

    with pytest.raises(BadInput, match="is not UTF-8 text"):
        find_answers("", medium, get=no_get)


def test_quoted_and_broken_command_lines_are_read() -> None:
    assert words('a trebol.answer="my file" b', "trebol.answer") == ("my file",)
    assert words("it's trebol.answer=x", "trebol.answer") == ("x",)


def test_consoles_are_kept_in_order_and_once() -> None:
    line = "quiet console=tty0 console=ttyS0,115200 console=tty0 consoleblank=0"

    assert console_words(line) == ("console=tty0", "console=ttyS0,115200")


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves one answer, one that is too large, one that never comes, repeats a path, leads elsewhere, and nothing
    else."""

    ended = threading.Event()

    def do_GET(self) -> None:
        if self.path.startswith("/echo"):
            self.send_response(404, f"no {self.path}")
            self.end_headers()
            return
        if self.path == "/never":
            self.ended.wait(60)
            return
        if self.path.startswith("/away?"):
            self.send_response(302)
            self.send_header("Location", "gopher://me:hunter2@host.invalid/x?b=1&token=hunter2")
            self.end_headers()
            return
        if self.path.startswith("/to?"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to?"))
            self.end_headers()
            return
        body = {"/a.toml": b"[global]", "/large": b"#" * (MAXIMUM_SIZE + 1)}.get(self.path)
        self.send_response(404 if body is None else 200)
        self.end_headers()
        self.wfile.write(body or b"")

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Handler, "ended", threading.Event())
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        Handler.ended.set()
        serving.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_a_file_is_fetched_over_http(server: str) -> None:
    assert fetch(f"{server}/a.toml") == b"[global]"


@pytest.mark.parametrize(
    ("path", "told"), [("/none", "the server says 404 Not Found"), ("/large", f"is larger than {MAXIMUM_SIZE} bytes")]
)
def test_what_a_server_does_wrong_is_told_with_the_url(server: str, path: str, told: str) -> None:
    with pytest.raises(BadInput) as caught:
        fetch(server + path)

    assert str(caught.value).startswith(f"{server}{path}: {told}")


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(BadInput, match="cannot be fetched"):
        fetch("http://127.0.0.1:1/a.toml")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://me:secret@host:8000/a.toml", "http://host:8000/a.toml"),
        ("https://host/a@b.toml", "https://host/a@b.toml"),
        ("https://p@ss@host", "https://host"),
        ("https://me:sl/ash@host/a.toml", "https://host/a.toml"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_user(url) == shown


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/none/hunter2?token=hunter2", "the server says 404 Not Found"),
        ("/echo/hunter2?token=hunter2", "the server says 404 no ***"),
    ],
)
def test_of_a_secret_url_errors_tell_the_server_alone(server: str, path: str, told: str) -> None:
    with pytest.raises(BadInput) as caught:
        fetch(server.replace("//", "//me:hunter2@") + path, secret=True)

    assert str(caught.value).startswith(f"{server}: {told}")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/hunter2", "http://host.invalid/hunter2?a=hunter2"])
def test_a_server_of_a_secret_url_that_is_not_there_is_told_without_it(url: str) -> None:
    with pytest.raises(BadInput) as caught:
        fetch(url, secret=True)

    assert "hunter2" not in str(caught.value)
    assert str(caught.value).startswith(place(url))


def test_where_a_secret_url_leads_is_told_without_what_is_asked_there(server: str) -> None:
    with pytest.raises(BadInput, match="'gopher://host.invalid'") as caught:
        fetch(f"{server}/away?token=hunter2&b=1", secret=True)

    assert "hunter2" not in str(caught.value)


def test_nobody_waits_for_ever_for_a_server(server: str) -> None:
    with pytest.raises(BadInput, match="does not answer in time"):
        fetch(f"{server}/never", within=0.2)
    with pytest.raises(BadInput, match="does not answer in time"):
        send(f"{server}/never", {}, within=0.2)


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A server whose certificate nobody signed: its URL and the fingerprint."""
    made, key = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made, key)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        serving.socket = tls.wrap_socket(serving.socket, server_side=True)
        thread = threading.Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        der = ssl.PEM_cert_to_DER_cert(made.read_text())
        yield f"https://127.0.0.1:{serving.server_port}", hashlib.sha256(der).hexdigest()
        serving.shutdown()
        thread.join()


def test_a_server_is_known_by_its_certificates_fingerprint(secure: tuple[str, str]) -> None:
    url, fingerprint = secure

    assert fetch(f"{url}/a.toml", fingerprint=fingerprint) == b"[global]"


@pytest.mark.parametrize("fingerprint", [None, "ab" * 32], ids=["none", "of another"])
def test_a_server_with_another_certificate_is_not_listened_to(
    secure: tuple[str, str], fingerprint: str | None
) -> None:
    with pytest.raises(BadInput, match="cannot be fetched"):
        fetch(f"{secure[0]}/a.toml", fingerprint=fingerprint)


def test_a_pinned_server_cannot_lead_elsewhere(secure: tuple[str, str], server: str) -> None:
    url, fingerprint = secure

    with pytest.raises(BadInput, match="cannot be fetched"):
        fetch(f"{url}/to?{server}/a.toml", fingerprint=fingerprint)
