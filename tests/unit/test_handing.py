"""What belongs to another member of the cluster is handed on to it, for whoever asks and for nobody else."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest
from tests.cluster.eventually import eventually
from tests.unit.api_node import Lines, TestClock, certificate
from tests.unit.two_members import LARGE, Two, signed_by_cluster, two_members

from trebol_node import pki
from trebol_node.access import Identity, changes, csrf, handed, tickets, tokens
from trebol_node.access.handed import Asked, Handed
from trebol_node.api.app import PREFIX
from trebol_node.api.handing import connecting, exchange
from trebol_node.api.handing.connecting import Connector
from trebol_node.api.identity import target_of

OTHER = f"{PREFIX}/nodes/n2"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """Two members, for what changes nothing of them."""
    with two_members(tmp_path_factory.mktemp("two")) as found:
        yield found


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    """Two members of a test's own."""
    with two_members(tmp_path) as found:
        yield found


def ticket_of(two: Two, user: str, *, csrf_too: bool = True) -> dict[str, str]:
    """What a browser of that user sends."""
    accounts, now = two.first.accounts.read(), two.first.clock.now()
    shown = {"Cookie": f"PVEAuthCookie={tickets.make(accounts, user, now)}"}
    return {**shown, "CSRFPreventionToken": csrf.make(accounts.keys, user, now)} if csrf_too else shown


def token_of(two: Two, user: str, name: str) -> dict[str, str]:
    """A token of that user, with all their rights."""
    secret = tokens.new_secret()
    accounts = two.first.accounts.read()
    made = changes.create_token(accounts, user, name, secret=secret, privsep=False)
    for key, value in made:
        assert value is not None
        two.first.records.put(f"access/{key}", value, expected=0)
    return {"Authorization": f"PVEAPIToken={user}!{name}={secret}"}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_a_request_of_any_method_is_carried_out_there_as_whoever_asked(shared: Two, method: str) -> None:
    by: dict[str, Any] = {"params" if method in ("GET", "DELETE") else "data": {"text": "ñandú & more"}}
    answer = shared.client.request(method, f"{OTHER}/shows", headers=ticket_of(shared, "ana@trebol"), **by)
    assert answer.status_code == 200, answer.text
    shown = answer.json()["data"]
    assert (shown["node"], shown["who"], shown["method"]) == ("n2", "ana@trebol", method)
    assert shown["text"] == "ñandú & more"


def test_what_shows_who_somebody_is_stays_here(shared: Two) -> None:
    sent = {**ticket_of(shared, "ana@trebol"), "X-More": "1"}
    assert shared.client.get(f"{OTHER}/shows", headers=sent).json()["data"]["headers"] == {}


def test_json_is_handed_on_as_json(shared: Two) -> None:
    answer = shared.root.post(f"{OTHER}/shows", json={"text": "a"})
    assert answer.json()["data"]["text"] == "a"


def test_root_of_a_node_is_root_on_the_other_without_a_ticket(shared: Two) -> None:
    assert shared.root.get(f"{OTHER}/shows").json()["data"]["who"] == "root@pam"


def test_root_of_a_node_needs_no_account_that_is_enabled(two: Two) -> None:
    two.first.records.put("access/users/root@pam", {"enable": False}, expected=0)
    assert two.first.accounts.read().user("root@pam").enable is False
    assert two.root.get(f"{OTHER}/shows").status_code == 200
    assert two.client.get(f"{OTHER}/shows", headers=ticket_of(two, "root@pam")).status_code == 401


def test_a_token_is_good_for_the_other_node_and_speaks_for_itself(two: Two) -> None:
    shown = two.client.get(f"{OTHER}/shows", headers=token_of(two, "ana@trebol", "more")).json()["data"]
    assert shown["who"] == "ana@trebol!more"


def test_the_other_node_says_what_one_may_there(shared: Two) -> None:
    fine = shared.client.get(f"{OTHER}/audited", headers=ticket_of(shared, "ana@trebol"))
    assert (fine.status_code, fine.json()["data"]) == (200, "seen")
    refused = shared.client.get(f"{OTHER}/audited", headers=ticket_of(shared, "eva@trebol"))
    assert refused.status_code == 403
    assert "/nodes/n2, Sys.Audit" in refused.json()["message"]


@pytest.mark.parametrize("who", ["nobody", "disabled", "without csrf"])
def test_who_is_not_let_in_here_asks_nothing_there(two: Two, who: str) -> None:
    two.members.online = frozenset()
    headers = {
        "nobody": {},
        "disabled": ticket_of(two, "gone@trebol"),
        "without csrf": ticket_of(two, "ana@trebol", csrf_too=False),
    }[who]
    # Not 595: who is nobody does not even learn whether it is there.
    assert two.client.post(f"{OTHER}/shows", headers=headers).status_code == 401


def test_a_write_is_in_the_log_of_the_node_where_it_was_carried_out(two: Two) -> None:
    two.client.post(f"{OTHER}/shows", data={"text": "a"}, headers=ticket_of(two, "ana@trebol"))
    assert two.lines() == []
    (line,) = eventually(lambda: two.lines(two.second.context))
    assert line == "user=ana@trebol from=testclient@n1 POST /api2/json/nodes/n2/shows arguments=text status=200"


def test_a_large_answer_comes_whole(shared: Two) -> None:
    answer = shared.root.get(f"{OTHER}/large")
    assert answer.content == LARGE
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("name", ["a b", "UPID:n2:1:", "ñ", "100%", "a?b", "a#b", "a&b=c", "..."])
def test_a_name_in_the_path_arrives_as_it_was_meant(shared: Two, name: str) -> None:
    answer = shared.root.get(f"{OTHER}/named/{quote(name, safe='')}")
    assert answer.json()["data"] == name


@pytest.mark.parametrize("path", ["/x/%2e%2e/y", "/x?y=%26", "/ñ", "/a b#c", "/100%25"])
def test_the_other_side_decodes_a_path_to_what_it_was_here(path: str) -> None:
    assert unquote(target_of({"path": path, "query_string": b""})) == path


@pytest.mark.parametrize(
    "path", ["/nodes/n2/%2e%2e/n1/shows", "/nodes/n1/%2e%2e/n2/shows", "/nodes/%2e%2e/access/users"]
)
def test_a_path_that_leads_elsewhere_leads_nowhere(shared: Two, path: str) -> None:
    assert shared.root.get(f"{PREFIX}{path}").status_code == 400


@pytest.mark.parametrize("name", ["n9", "N2", "n2.example.org", "127.0.0.1", "node/n2"])
def test_a_node_that_is_none_does_not_exist(shared: Two, name: str) -> None:
    assert shared.root.get(f"{PREFIX}/nodes/{name}/shows").status_code == 404


def test_this_node_s_own_are_answered_here(shared: Two) -> None:
    for name in ("n1", "localhost"):
        assert shared.root.get(f"{PREFIX}/nodes/{name}/shows").json()["data"]["node"] == "n1"


def told(two: Two, *, who: str = "root@pam", node: str = "n2", method: str = "GET", path: str = "/shows") -> str:
    """The line that a member would send along."""
    asked = Asked(node, method, f"{PREFIX}/nodes/{node}{path}")
    keys = two.first.accounts.read().keys
    return handed.make(keys, Handed(Identity(who), "socket", "n1"), asked, two.first.clock.now())


def straight(two: Two, path: str = "/shows", method: str = "GET", **named: Any) -> httpx.Response:
    """A request to n2 itself, by the network."""
    trust = ssl.create_default_context(cafile=two.second.certificate.with_name("ca.pem"))
    with httpx.Client(verify=trust) as client:
        return client.request(method, f"{two.second.url}/nodes/n2{path}", **named)


def test_what_a_member_says_is_believed(shared: Two) -> None:
    answer = straight(shared, headers={handed.HEADER: told(shared)})
    assert answer.json()["data"]["who"] == "root@pam"


FORGED = ("made up", "another path", "another method", "another node", "other user", "cut off", "twice", "empty")


def forged(two: Two, how: str) -> list[tuple[str, str]]:
    """Headers that say that a request was handed on."""
    fine = told(two)
    who, at, signature = fine.split(".")
    other = told(two, who="ana@trebol").split(".")[0]
    texts = {
        "made up": [f"{who}.{at}.{'A' * 43}="],
        "another path": [told(two, path="/audited")],
        "another method": [told(two, method="POST")],
        "another node": [told(two, node="n1")],
        "other user": [f"{other}.{at}.{signature}"],
        "cut off": [fine[:-9]],
        "twice": [fine, fine],
        "empty": [""],
    }
    return [(handed.HEADER, each) for each in texts[how]]


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_line_gives_no_rights_and_takes_one_s_own(shared: Two, how: str) -> None:
    for more in ([], list(ticket_of(shared, "ana@trebol").items())):
        assert straight(shared, headers=[*forged(shared, how), *more]).status_code == 401


@pytest.mark.parametrize("how", FORGED)
def test_a_line_that_a_client_sends_along_is_neither_believed_nor_handed_on(shared: Two, how: str) -> None:
    sent = [*forged(shared, how), *ticket_of(shared, "ana@trebol").items()]
    assert shared.client.get(f"{OTHER}/shows", headers=sent).status_code == 401
    assert shared.root.get(f"{OTHER}/shows", headers=forged(shared, how)).status_code == 401


def test_what_was_handed_on_is_not_handed_on_again(shared: Two) -> None:
    # As a member would send it to n1 that takes n1 for n2: it is n2's, and n1 does not pass it on.
    answer = shared.client.get(f"{OTHER}/shows", headers={handed.HEADER: told(shared, node="n1")})
    assert answer.status_code == 401


def test_a_line_is_good_for_minutes_and_while_whoever_asks_is_let_in(two: Two) -> None:
    line = told(two)
    clock = two.first.clock
    assert isinstance(clock, TestClock)
    clock.time += 299
    assert straight(two, headers={handed.HEADER: line}).status_code == 200
    clock.time += 2
    assert straight(two, headers={handed.HEADER: line}).status_code == 401
    assert straight(two, headers={handed.HEADER: told(two, who="gone@trebol")}).status_code == 401
    assert straight(two, headers={handed.HEADER: told(two, who="ghost@trebol")}).status_code == 401


def refusal(two: Two, method: str = "GET") -> str:
    """What n1 says of an n2 that it does not reach."""
    answer = two.root.request(method, f"{OTHER}/shows")
    assert answer.status_code == 595, answer.text
    return str(answer.json()["message"])


def with_connector(two: Two, connector: Connector) -> None:
    two.first.others.connector = connector


def test_a_node_that_corosync_does_not_see_is_not_even_tried(two: Two) -> None:
    two.members.online = frozenset({"n1"})
    with_connector(two, Connector(Path("/nowhere")))
    assert "node 'n2' is not reached: it is offline" in refusal(two)
    assert refusal(two, "POST")
    (line,) = two.lines()
    assert line.endswith("POST /api2/json/nodes/n2/shows arguments=- status=595")


def test_a_node_whose_daemon_does_not_run_is_595(two: Two, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with_connector(two, Connector(tmp_path / "pki", port))
    assert "Connection refused" in refusal(two)


def test_a_node_that_hangs_is_given_up_soon(two: Two, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "CONNECT", 0.3)
    # It takes the connection, and never says a word.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with_connector(two, Connector(tmp_path / "pki", silent.getsockname()[1]))
        began = time.monotonic()
        assert "does not answer within" in refusal(two)
        assert time.monotonic() - began < 2


def test_a_file_without_a_ca_trusts_nobody(two: Two, tmp_path: Path) -> None:
    folder = signed_by_cluster(tmp_path / "empty")
    pki.AUTHORITY.pair(folder).certificate.write_bytes(b"")
    with_connector(two, Connector(folder, two.second.port))
    assert "is not reached" in refusal(two)
    assert two.lines(two.second.context) == []


def test_a_machine_with_another_ca_gets_nothing(two: Two, tmp_path: Path) -> None:
    with_connector(two, Connector(signed_by_cluster(tmp_path / "other"), two.second.port))
    assert "no certificate of its own" in refusal(two)
    assert two.lines(two.second.context) == []


def test_another_member_s_certificate_is_not_this_one_s(two: Two, tmp_path: Path) -> None:
    # n3 is where n2 answers, with a certificate of the cluster's CA for n2.
    second = two.members.find("n2")
    assert second is not None
    two.first.others.members.find = lambda name: replace(second, name="n3")  # type: ignore
    assert two.root.get(f"{PREFIX}/nodes/n3/shows").status_code == 595


def test_a_certificate_of_somebody_s_own_is_taken_where_the_store_has_its_fingerprint(
    two: Two, tmp_path: Path
) -> None:
    with_connector(two, Connector(signed_by_cluster(tmp_path / "other"), two.second.port))
    two.members.shown = pki.fingerprint(two.second.certificate)
    assert two.root.get(f"{OTHER}/shows").status_code == 200
    two.members.shown = pki.fingerprint(certificate(tmp_path)[0])
    assert "no certificate of its own" in refusal(two)


BROKEN = {
    "ends at once": b"",
    "no HTTP": b"SSH-2.0-OpenSSH\r\n\r\n",
    "a body that is cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "silence": None,
}


@contextlib.contextmanager
def answering(two: Two, pki_folder: Path, said: bytes | None) -> Iterator[None]:
    """In place of n2 somebody who says that, whatever is asked; None: nothing."""
    pair = pki.API.pair(pki_folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    ended = threading.Event()

    def answer(listening: socket.socket) -> None:
        with context.wrap_socket(listening.accept()[0], server_side=True) as connection:
            connection.recv(65536)
            if said is None:
                ended.wait(10)
            else:
                connection.sendall(said)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer, args=(listening,), daemon=True)
        thread.start()
        with_connector(two, Connector(pki_folder, listening.getsockname()[1]))
        yield
        ended.set()
        thread.join(10)


@pytest.mark.parametrize("how", BROKEN)
def test_an_answer_that_is_none_is_596_and_in_the_log_here(
    two: Two, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "BEGIN", 0.5)
    with answering(two, tmp_path / "pki", BROKEN[how]):
        seen = two.root.post(f"{OTHER}/shows")
    assert seen.status_code == 596
    assert "node 'n2' does not answer" in seen.json()["message"]
    assert two.lines()[0].endswith("status=596")


def test_an_answer_that_breaks_off_after_its_beginning_ends_there(
    two: Two, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n" + b"x" * 2_000_000
    with answering(two, tmp_path / "pki", half):
        seen = two.root.get(f"{OTHER}/large")
    assert seen.status_code == 200 and len(seen.content) < 4_000_000
    assert any("its answer breaks off" in each for each in caplog.messages)


def test_a_body_that_is_too_large_is_not_handed_on(two: Two) -> None:
    answer = two.root.post(f"{OTHER}/shows", content=(b"x" * 1000 for _ in range(600)))
    assert answer.status_code == 413
    assert isinstance(two.second.context.audit, Lines)
    assert two.second.context.audit.entries == []


def test_no_more_are_under_way_than_there_may_be(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trebol_node.api.handing.handing.AT_ONCE", 0)
    assert two.root.get(f"{OTHER}/shows").status_code == 503
