"""Bad input and missing rights: the right status and shape, never a 500, over a real connection."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from tests.unit.api_node import NOW, LiveNode, TestClock, context, serving, with_accounts

from trebol_node.access import Accounts, csrf, tickets


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveNode]:
    folder = tmp_path_factory.mktemp("node")
    with serving(with_accounts(context(folder)), folder) as found:
        yield found


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


@dataclass
class Client:
    """Sends requests as somebody."""

    node: LiveNode
    user: str = "root@pam"
    headers: dict[str, str] = field(default_factory=dict)

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own; `path` without the API's prefix."""
        tls = ssl.create_default_context(cafile=self.node.certificate)
        connection = http.client.HTTPSConnection("127.0.0.1", self.node.port, context=tls, timeout=20)
        try:
            connection.request(method, f"/api2/json{path}", body, {**self.headers, **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, response.reason, dict(response.getheaders()), response.read())
        finally:
            connection.close()


def accounts(node: LiveNode) -> Accounts:
    return node.context.accounts.read()


def ticket(node: LiveNode, user: str = "root@pam", *, at: float = NOW) -> str:
    return tickets.make(accounts(node), user, at)


def signed_in(node: LiveNode, user: str = "root@pam", *, at: float = NOW) -> Client:
    """A client with a ticket and its CSRF token."""
    token = csrf.make(accounts(node).keys, user, at)
    cookie = f"PVEAuthCookie={quote(ticket(node, user, at=at), safe='')}"
    return Client(node, user, {"Cookie": cookie, "CSRFPreventionToken": token})


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}

#: method, path, body, headers → status, the argument that is to blame (or "")
ARGUMENTS = {
    "an unknown argument": ("GET", "/version?nonsense=1", None, {}, 400, "nonsense"),
    "an argument of no known value": ("GET", "/cluster/resources?type=ham", None, {}, 400, "type"),
    "text for a number": ("GET", "/cluster/nextid?vmid=ten", None, {}, 400, "vmid"),
    "a number that is too small": ("GET", "/cluster/nextid?vmid=1", None, {}, 400, "vmid"),
    "a number beyond all numbers": ("GET", f"/cluster/nextid?vmid={'9' * 5000}", None, {}, 400, "vmid"),
    "an argument twice": ("GET", "/cluster/resources?type=vm&type=node", None, {}, 400, "type"),
    "no boolean": ("GET", "/access/users?full=perhaps", None, {}, 400, "full"),
    "what is not UTF-8": ("GET", "/cluster/resources?type=%ff", None, {}, 400, ""),
    "a control character": ("GET", "/cluster/resources?type=%00", None, {}, 400, "type"),
    "a missing argument": ("POST", "/access/users", b"comment=x", FORM, 400, "userid"),
    "a body of no kind": ("POST", "/access/users", b"userid=x", {}, 415, ""),
    "a body of another kind": ("POST", "/access/users", b"<x/>", {"Content-Type": "text/xml"}, 415, ""),
    "broken JSON": ("POST", "/access/users", b"{", JSON, 400, ""),
    "JSON that is no object": ("POST", "/access/users", b"[1]", JSON, 400, ""),
    "JSON without an end": ("POST", "/access/users", b"[" * 100_000, JSON, 400, ""),
    "a number that is none": ("PUT", "/cluster/options", b'{"description": NaN}', JSON, 400, ""),
    "an object in an argument": ("POST", "/access/groups", b'{"groupid": {"a": 1}}', JSON, 400, "groupid"),
    "a list for a text": ("POST", "/access/groups", b'{"groupid": ["a", "b"]}', JSON, 400, "groupid"),
    "half a character": ("POST", "/access/groups", rb'{"groupid": "\ud800"}', JSON, 400, "groupid"),
    "a name that is none": ("POST", "/access/users", b"userid=..%2f..@pam", FORM, 400, "userid"),
    "a realm that is none": ("POST", "/access/users", b"userid=ana@nowhere", FORM, 404, ""),
    "a user who is there": ("POST", "/access/users", b"userid=ana@trebol", FORM, 409, ""),
    "a user who is not there": ("GET", "/access/users/nobody@trebol", None, {}, 404, ""),
    "an unknown group": ("GET", "/access/groups/none", None, {}, 404, ""),
    "a role that is built in": ("PUT", "/access/roles/PVEAdmin", b"privs=VM.Audit", FORM, 403, ""),
    "an unknown privilege": ("POST", "/access/roles", b"roleid=r&privs=Fly", FORM, 400, "privs"),
    "an ACL path that is none": (
        "PUT",
        "/access/acl",
        b"path=/etc/passwd&roles=PVEAdmin&users=ana@trebol",
        FORM,
        400,
        "path",
    ),
    "a password that is too short": (
        "PUT",
        "/access/password",
        b"userid=ana@trebol&password=abc",
        FORM,
        400,
        "password",
    ),
    "a body that is too large": ("POST", "/access/users", b"comment=" + b"x" * 600_000, FORM, 413, ""),
    "too many arguments": ("PUT", "/cluster/options", b"&".join(b"a%d=1" % n for n in range(300)), FORM, 400, ""),
    "a path with dots": ("GET", "/access/users/../../../etc/shadow", None, {}, 400, ""),
    "a path with dots in disguise": ("GET", "/access/users/%2e%2e/%2e%2e", None, {}, 400, ""),
    "a path with slashes in disguise": ("GET", "/access/users/..%2f..%2fetc%2fshadow", None, {}, 400, ""),
    "a path with a control character": ("GET", "/access/users/a%0ab", None, {}, 400, ""),
    "a path that never was": ("GET", "/nonsense", None, {}, 404, ""),
    "a path that is not there yet": ("GET", "/pools", None, {}, 501, "path"),
    "a deep path that is not there yet": ("GET", "/nodes/node1/qemu/100/config", None, {}, 501, "path"),
    "a method that a path does not have": ("DELETE", "/version", None, {}, 405, ""),
    "too many header lines": ("GET", "/version", None, {f"X-{n}": "1" for n in range(70)}, 431, ""),
    "a header that is too large": ("GET", "/version", None, {"X-Large": "x" * 9000}, 431, ""),
    "a range of identifiers that is none": (
        "PUT",
        "/cluster/options",
        b"next-id=lower=9,upper=3",
        FORM,
        400,
        "next-id",
    ),
    "to set and delete at once": ("PUT", "/cluster/options", b"language=es&delete=language", FORM, 400, "delete"),
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_bad_input_is_refused_in_one_shape(node: LiveNode, case: str) -> None:
    method, path, body, headers, status, argument = ARGUMENTS[case]
    found = signed_in(node).send(method, path, body, headers)
    assert found.status == status, (found.status, found.body)
    assert found.headers["content-type"] == "application/json;charset=UTF-8"
    assert found.json["data"] is None
    assert found.json["message"].endswith("\n")
    # proxmoxer shows nothing but the reason phrase.
    assert found.reason == found.json["message"].splitlines()[0]
    assert (argument in found.json.get("errors", {})) if argument else True, found.body


def _nobody(node: LiveNode) -> Client:
    return Client(node)


def _expired(node: LiveNode) -> Client:
    return signed_in(node, at=NOW - 3 * 3600)


def _of_the_future(node: LiveNode) -> Client:
    return signed_in(node, at=NOW + 3600)


def _forged(node: LiveNode) -> Client:
    good = ticket(node, "ana@trebol")
    return Client(node, headers={"Cookie": f"PVEAuthCookie={good.replace('ana@trebol', 'root@pam')}"})


def _nonsense(node: LiveNode) -> Client:
    return Client(node, headers={"Cookie": "PVEAuthCookie=PVE:root@pam:00000000::AAAA"})


def _disabled(node: LiveNode) -> Client:
    return signed_in(node, "gone@trebol")


def _wrong_token(node: LiveNode) -> Client:
    return Client(
        node, headers={"Authorization": "PVEAPIToken=ana@trebol!scripts=00000000-0000-0000-0000-000000000000"}
    )


def _no_such_token(node: LiveNode) -> Client:
    return Client(node, headers={"Authorization": "PVEAPIToken=nobody@trebol!none=x"})


@pytest.mark.parametrize(
    "client", [_nobody, _expired, _of_the_future, _forged, _nonsense, _disabled, _wrong_token, _no_such_token]
)
@pytest.mark.parametrize("path", ["/version", "/cluster/status", "/access/users"])
def test_who_cannot_say_who_they_are_waits_and_is_told_nothing(node: LiveNode, client: Any, path: str) -> None:
    clock = node.context.clock
    assert isinstance(clock, TestClock)
    clock.slept.clear()
    found = client(node).send("GET", path)
    assert (found.status, found.reason) == (401, "authentication failure")
    assert found.json == {"data": None, "message": "authentication failure\n"}
    assert clock.slept == [3.0]


def test_the_unix_socket_is_not_for_everybody(node: LiveNode) -> None:
    # Who comes over TLS has no user of the system, whatever they say of themselves.
    assert Client(node, headers={"X-Remote-User": "root@pam"}).send("GET", "/version").status == 401


#: What is sent instead of the right CSRF token.
CSRF: dict[str, Callable[[LiveNode], str]] = {
    "none": lambda node: "",
    "that of another user": lambda node: csrf.make(accounts(node).keys, "ana@trebol", NOW),
    "an expired one": lambda node: csrf.make(accounts(node).keys, "root@pam", NOW - 3 * 3600),
    "a made up one": lambda node: "6AB13B80:AAAA",
    "the ticket": lambda node: ticket(node),
}


@pytest.mark.parametrize("case", CSRF)
def test_a_ticket_alone_changes_nothing(node: LiveNode, case: str) -> None:
    client = signed_in(node)
    client.headers["CSRFPreventionToken"] = CSRF[case](node)
    assert client.send("POST", "/access/groups", b"groupid=from-afar", FORM).status == 401
    assert "from-afar" not in accounts(node).groups
    assert client.send("GET", "/access/groups").status == 200


#: user, method, path, body → status; `ana` has PVEAuditor on "/", `eva` nothing.
RIGHTS = [
    ("ana@trebol", "GET", "/cluster/status", "", 200),
    ("ana@trebol", "GET", "/cluster/options", "", 200),
    ("ana@trebol", "PUT", "/cluster/options", "language=es", 403),
    ("ana@trebol", "POST", "/access/users", "userid=x@trebol", 403),
    ("ana@trebol", "PUT", "/access/acl", "path=/&roles=Administrator&users=ana@trebol", 403),
    ("ana@trebol", "POST", "/access/users/root@pam/token/t", "", 403),
    ("ana@trebol", "PUT", "/access/password", "userid=root@pam&password=long+enough", 403),
    ("eva@trebol", "GET", "/cluster/status", "", 403),
    ("eva@trebol", "GET", "/cluster/resources", "", 200),
    ("eva@trebol", "GET", "/version", "", 200),
    ("eva@trebol", "GET", "/access/users/ana@trebol", "", 403),
    ("eva@trebol", "GET", "/access/users/eva@trebol", "", 200),
    ("eva@trebol", "POST", "/access/users/eva@trebol/token/mine", "privsep=1", 200),
    ("eva@trebol", "POST", "/access/users/ana@trebol/token/mine", "privsep=1", 403),
    ("eva@trebol", "POST", "/access/groups", "groupid=g", 403),
    ("eva@trebol", "POST", "/access/roles", "roleid=r", 403),
]


@pytest.mark.parametrize(("user", "method", "path", "body", "status"), RIGHTS)
def test_rights(node: LiveNode, user: str, method: str, path: str, body: str, status: int) -> None:
    found = signed_in(node, user).send(method, path, body.encode() or None, FORM if body else {})
    assert found.status == status, found.body
    if status == 403:
        assert "Permission check failed" in found.reason


def test_a_refusal_says_which_privilege_on_which_path(node: LiveNode) -> None:
    found = signed_in(node, "eva@trebol").send("GET", "/cluster/status")
    assert found.reason == "Permission check failed (/, Sys.Audit)"


def test_without_audit_a_node_shows_no_numbers(node: LiveNode) -> None:
    shown = signed_in(node, "eva@trebol").send("GET", "/cluster/resources").json["data"]
    assert shown == [{"id": "node/node1", "node": "node1", "status": "online", "type": "node"}]


def test_a_token_has_no_more_than_it_was_given(node: LiveNode) -> None:
    client = signed_in(node, "ana@trebol")
    made = client.send("POST", "/access/users/ana@trebol/token/bare", b"privsep=1", FORM).json["data"]
    bare = Client(node, headers={"Authorization": f"PVEAPIToken={made['full-tokenid']}={made['value']}"})
    assert bare.send("GET", "/cluster/status").status == 403
    made = client.send("POST", "/access/users/ana@trebol/token/full", b"privsep=0", FORM).json["data"]
    full = Client(node, headers={"Authorization": f"PVEAPIToken={made['full-tokenid']}={made['value']}"})
    assert full.send("GET", "/cluster/status").status == 200
    # A token needs no CSRF token, and is no person.
    assert full.send("PUT", "/access/password", b"userid=ana@trebol&password=long+enough", FORM).status == 403
