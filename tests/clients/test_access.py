"""What existing clients of Proxmox VE get of a node: proxmoxer and plain HTTP against a server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import proxmoxer
import pyotp
import pytest
import requests
from tests.unit.api_node import NODE, ROOT_PASSWORD, LiveNode, TestClock, context, serving

from trebol_node.access import passwords
from trebol_node.store.records import MemoryRecords

#: A hash that takes no time: how long the usual one takes is not what is looked at here.
CHEAP = passwords.Cost(4, 1, 1)

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveNode]:
    folder = tmp_path_factory.mktemp("node")
    with pytest.MonkeyPatch.context() as patch, serving(context(folder), folder) as found:
        patch.setitem(passwords.hash_password.__kwdefaults__, "cost", CHEAP)
        patch.setattr(passwords, "USUAL", CHEAP)
        yield found


@pytest.fixture(autouse=True)
def _a_while_later(node: LiveNode) -> None:
    """What failed in one test locks nobody out of the next."""
    node.context.clock.time += 301  # type: ignore[attr-defined]


def by_token(node: LiveNode, user: str, name: str, value: str) -> Any:
    return proxmoxer.ProxmoxAPI(
        "127.0.0.1",
        port=node.port,
        user=user,
        token_name=name,
        token_value=value,
        verify_ssl=str(node.certificate),
        timeout=30,
    )


def by_password(node: LiveNode, user: str = "root@pam", password: str = ROOT_PASSWORD, **more: str) -> Any:
    return proxmoxer.ProxmoxAPI(
        "127.0.0.1",
        port=node.port,
        user=user,
        password=password,
        verify_ssl=str(node.certificate),
        timeout=30,
        **more,
    )


def test_proxmoxer_signs_in_and_reads(node: LiveNode) -> None:
    api = by_password(node)
    assert api.version.get()["version"]
    assert [each["name"] for each in api.cluster.status.get()] == [NODE]
    assert api.cluster.resources.get(type="node")[0]["maxcpu"] == 4
    assert api.cluster.resources.get(type="vm") == []
    assert api.cluster.nextid.get() == "100"
    assert {"subdir": "status", "name": "status"} in api.cluster.get()


def test_proxmoxer_shows_why_something_went_wrong(node: LiveNode) -> None:
    api = by_password(node)
    with pytest.raises(proxmoxer.ResourceException) as caught:
        api.cluster.resources.get(type="nonsense")
    assert caught.value.status_code == 400
    assert "Parameter verification failed." in str(caught.value)
    assert "type" in caught.value.errors
    with pytest.raises(proxmoxer.ResourceException, match="Method 'GET /storage' not implemented"):
        api.storage.get()


def test_a_wrong_password_is_no_ticket(node: LiveNode) -> None:
    with pytest.raises(proxmoxer.AuthenticationError):
        by_password(node, password="wrong")


def test_a_user_from_first_to_last(node: LiveNode) -> None:
    root = by_password(node)
    root.access.groups.post(groupid="ops", comment="Operators")
    root.access.users.post(userid="ben@trebol", password="secret of ben", groups="ops", email="ben@example.org")
    root.access.roles.post(roleid="Looker", privs="Sys.Audit,Sys.Syslog")
    root.access.acl.put(path="/", groups="ops", roles="Looker")
    assert root.access.groups("ops").get() == {"comment": "Operators", "members": ["ben@trebol"]}
    assert {"path": "/", "type": "group", "ugid": "ops", "roleid": "Looker", "propagate": 1} in root.access.acl.get()

    ben = by_password(node, "ben@trebol", "secret of ben")
    assert ben.access.permissions.get(path="/nodes/node1") == {"/nodes/node1": {"Sys.Audit": 1, "Sys.Syslog": 1}}
    assert ben.cluster.status.get()[0]["online"] == 1
    with pytest.raises(proxmoxer.ResourceException, match=r"403 Forbidden: Permission check failed"):
        ben.cluster.options.put(language="es")

    # Each write is in the log, which ben may see.
    told = {each["msg"] for each in ben.cluster.log.get(max=50)}
    assert "PUT /api2/json/cluster/options 403" in told

    ben.access.password.put(
        **{"userid": "ben@trebol", "password": "another one", "confirmation-password": "secret of ben"}
    )
    with pytest.raises(proxmoxer.AuthenticationError):
        by_password(node, "ben@trebol", "secret of ben")
    by_password(node, "ben@trebol", "another one")

    root.access.users("ben@trebol").put(enable=0)
    with pytest.raises(proxmoxer.ResourceException, match="401 Unauthorized: authentication failure"):
        ben.version.get()
    root.access.users("ben@trebol").delete()
    root.access.groups("ops").delete()
    root.access.roles("Looker").delete()
    with pytest.raises(proxmoxer.ResourceException, match="no such user"):
        root.access.users("ben@trebol").get()
    with pytest.raises(proxmoxer.ResourceException, match="does not exist"):
        root.access.groups("ops").get()


def test_what_is_there_already_is_said_so(node: LiveNode) -> None:
    root = by_password(node)
    root.access.groups.post(groupid="twice")
    with pytest.raises(proxmoxer.ResourceException, match="already exists"):
        root.access.groups.post(groupid="twice")


def test_a_token_is_its_own_way_in(node: LiveNode) -> None:
    root = by_password(node)
    root.access.users.post(userid="monitor@trebol")
    made = root.access.users("monitor@trebol").token("prometheus").post(privsep=1, comment="exporter")
    assert made["full-tokenid"] == "monitor@trebol!prometheus"
    root.access.acl.put(path="/", tokens=made["full-tokenid"], users="monitor@trebol", roles="PVEAuditor")
    monitor = by_token(node, "monitor@trebol", "prometheus", made["value"])
    assert monitor.cluster.resources.get()[0]["maxmem"] == 8 * 2**30
    listed = root.access.users("monitor@trebol").token.get()
    assert [each["tokenid"] for each in listed] == ["prometheus"]
    assert "value" not in listed[0]

    fresh = root.access.users("monitor@trebol").token("prometheus").put(regenerate=1)
    with pytest.raises(proxmoxer.ResourceException, match="401"):
        monitor.version.get()
    by_token(node, "monitor@trebol", "prometheus", fresh["value"]).version.get()
    root.access.users("monitor@trebol").token("prometheus").delete()
    assert root.access.users("monitor@trebol").token.get() == []


def test_a_ticket_is_renewed_by_itself_for_the_same_user(node: LiveNode) -> None:
    root = by_password(node)
    root.access.users.post(userid="kim@trebol", password="secret of kim")
    ticket, _ = by_password(node, "kim@trebol", "secret of kim").get_tokens()
    assert by_password(node, "kim@trebol", ticket).version.get()
    with pytest.raises(proxmoxer.AuthenticationError):
        by_password(node, "root@pam", ticket)


def test_a_second_factor_is_asked_for_and_a_recovery_key_is_good_once(node: LiveNode) -> None:
    root = by_password(node)
    root.access.users.post(userid="tia@trebol", password="secret of tia")
    tia = by_password(node, "tia@trebol", "secret of tia")
    uri = pyotp.TOTP(SECRET).provisioning_uri("tia@trebol", "Trebol")
    with pytest.raises(proxmoxer.ResourceException, match="failed to verify TOTP challenge|verification failed"):
        tia.access.tfa("tia@trebol").post(
            type="totp", description="phone", totp=uri, value="000000", password="secret of tia"
        )
    added = tia.access.tfa("tia@trebol").post(
        type="totp", description="phone", totp=uri, value=code(node), password="secret of tia"
    )
    keys = tia.access.tfa("tia@trebol").post(type="recovery", password="secret of tia")["recovery"]
    assert len(keys) == 10
    shown = tia.access.tfa("tia@trebol").get()
    assert [each["type"] for each in shown] == ["totp", "recovery"]
    assert SECRET not in str(shown)

    # The number that was shown when it was added is used up; the next one is good, once, like a recovery key.
    assert answered(node, "tia@trebol", f"totp:{code(node)}") == 401
    assert answered(node, "tia@trebol", f"totp:{code(node, later=30)}") == 200
    assert answered(node, "tia@trebol", f"recovery:{keys[0]}") == 200
    assert answered(node, "tia@trebol", f"recovery:{keys[0]}") == 401
    assert answered(node, "tia@trebol", "nonsense") == 401

    node.context.clock.time += 60  # type: ignore[attr-defined]
    by_password(node, "tia@trebol", "secret of tia", otp=code(node)).version.get()
    root.access.tfa("tia@trebol")(added["id"]).delete()
    by_password(node, "tia@trebol", "secret of tia").version.get()


def test_many_second_factors_from_one_address_lock_nobody_out(node: LiveNode) -> None:
    root = by_password(node)
    root.access.users.post(userid="leo@trebol", password="secret of leo")
    uri = pyotp.TOTP(SECRET).provisioning_uri("leo@trebol", "Trebol")
    root.access.tfa("leo@trebol").post(type="totp", description="phone", totp=uri, value=code(node))
    for _ in range(12):
        node.context.clock.time += 30  # type: ignore[attr-defined]
        assert answered(node, "leo@trebol", f"totp:{code(node)}") == 200


def answered(node: LiveNode, user: str, answer: str) -> int:
    """The status of a login whose challenge is answered with this."""

    def ask(**form: str) -> requests.Response:
        return requests.post(f"{node.url}/access/ticket", data=form, verify=str(node.certificate), timeout=30)

    first = ask(username=user, password=f"secret of {user.partition('@')[0]}").json()["data"]
    assert first["NeedTFA"] == 1 and "cap" not in first
    # What only asks for the second factor is no ticket.
    refused = requests.get(
        f"{node.url}/version", cookies={"PVEAuthCookie": first["ticket"]}, verify=str(node.certificate), timeout=30
    )
    assert refused.status_code == 401
    return ask(username=user, password=answer, **{"tfa-challenge": first["ticket"]}).status_code


def code(node: LiveNode, *, later: int = 0) -> str:
    """What tia's phone shows."""
    return pyotp.TOTP(SECRET).at(int(node.context.clock.now()) + later)


def test_who_guesses_is_locked_out_and_the_right_password_does_not_help(node: LiveNode) -> None:
    clock = node.context.clock
    assert isinstance(clock, TestClock)
    root = by_password(node)
    root.access.users.post(userid="lou@trebol", password="secret of lou")
    for _ in range(10):
        with pytest.raises(proxmoxer.AuthenticationError):
            by_password(node, "lou@trebol", "wrong")
    with pytest.raises(proxmoxer.AuthenticationError):
        by_password(node, "lou@trebol", "secret of lou")
    # Tickets that there are go on.
    assert root.version.get()
    clock.time += 301
    by_password(node, "lou@trebol", "secret of lou").version.get()


def test_options_are_kept_and_taken_back(node: LiveNode) -> None:
    root = by_password(node)
    root.cluster.options.put(**{"description": "Two racks", "next-id": "lower=500,upper=900", "language": "es"})
    assert root.cluster.options.get() == {
        "description": "Two racks",
        "language": "es",
        "next-id": {"lower": "500", "upper": "900"},
    }
    assert root.cluster.nextid.get() == "500"
    root.cluster.options.put(delete="next-id,language")
    assert root.cluster.options.get() == {"description": "Two racks"}


def test_without_the_store_everything_is_read_and_nothing_is_written(node: LiveNode) -> None:
    root = by_password(node)
    records = node.context.records
    assert isinstance(records, MemoryRecords)
    records.quorate = False
    try:
        assert root.cluster.status.get()[0]["quorate"] == 0
        with pytest.raises(proxmoxer.ResourceException, match=r"503 .*quorum"):
            root.access.groups.post(groupid="later")
        by_password(node)
    finally:
        records.quorate = True


def test_before_the_store_takes_a_key_nobody_is_said_to_have_a_wrong_password(tmp_path: Path) -> None:
    found = context(tmp_path)
    records = found.records
    assert isinstance(records, MemoryRecords)
    (key,) = records.below("access/keys")
    records.delete(key.key, expected=key.revision)
    records.quorate = False
    with serving(found, tmp_path) as young:
        said = requests.post(
            f"{young.url}/access/ticket",
            data={"username": "root@pam", "password": ROOT_PASSWORD},
            verify=str(young.certificate),
            timeout=30,
        )
        assert (said.status_code, "takes no key" in said.text) == (503, True)
        records.quorate = True
        assert by_password(young).version.get()
