"""How a node is kept over the API: the servers of its clock, its name, root's SSH keys, its packages."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.shown_node import NODE, STARTED, UPDATES, Shown, shown_node

from trebol_node.api.app import PREFIX
from trebol_node.worker.operations import UpgradePackages

BLOB = base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + bytes(range(32))).decode()
SSH_KEY = f"ssh-ed25519 {BLOB} ana@laptop"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Shown]:
    with shown_node(tmp_path) as found:
        yield found


def test_the_clocks_servers_are_set_without_the_zone(node: Shown) -> None:
    assert "servers" not in node.get("/time")
    assert "not installed" in node.call("PUT", "/time", servers="192.0.2.123", status=409)["message"]
    node.files.write("etc/chrony/sources.d/README", "")
    assert node.get("/time")["servers"] == []
    node.call("PUT", "/time", servers="192.0.2.123 ntp.example.org")
    assert node.get("/time")["servers"] == ["192.0.2.123", "ntp.example.org"]
    wrong = node.call("PUT", "/time", servers="127.0.0.1", timezone="Europe/Madrid", status=400)
    assert wrong["errors"]["servers"].startswith("is no address")
    node.call("PUT", "/time", servers="192.0.2.9", timezone="Europe/Atlantis", status=404)
    assert node.get("/time")["servers"] == ["192.0.2.123", "ntp.example.org"]
    node.call("PUT", "/time", servers="")
    assert node.get("/time")["servers"] == []
    assert node.call("PUT", "/time", status=400)["errors"].keys() == {"timezone"}


def test_a_node_is_renamed_by_its_full_name(node: Shown) -> None:
    assert node.get("/hostname") == {"fqdn": NODE, "hostname": NODE}
    node.call("PUT", "/hostname", fqdn="alpha.example.org")
    assert node.get("/hosts")["data"].endswith("192.0.2.10 alpha.example.org alpha\n")
    assert ("systemctl", "try-restart", "--no-block", "trebold.service") in node.programs.asked
    assert "fully qualified" in node.call("PUT", "/hostname", fqdn="alpha", status=400)["errors"]["fqdn"]


def test_roots_keys_are_replaced_only_as_they_were_read(node: Shown) -> None:
    assert node.get("/sshkeys") == []
    digest = node.call("GET", "/sshkeys")["digest"]
    node.call("PUT", "/sshkeys", keys=f"{SSH_KEY}\n\n", digest=digest)
    assert node.get("/sshkeys") == [SSH_KEY]
    node.call("PUT", "/sshkeys", keys="", digest=digest, status=409)
    wrong = node.call("PUT", "/sshkeys", keys=f"{SSH_KEY}\nnonsense", status=400)
    assert wrong["errors"]["keys"].startswith("line 2 is not an SSH public key")


def test_roots_keys_are_for_root_alone_to_change(node: Shown) -> None:
    node.root.post(f"{PREFIX}/access/users", data={"userid": "ops@trebol"})
    token = node.root.post(f"{PREFIX}/access/users/ops@trebol/token/ci", data={"privsep": "0"}).json()["data"][
        "value"
    ]
    node.root.put(f"{PREFIX}/access/acl", data={"path": "/", "users": "ops@trebol", "roles": "Administrator"})
    headers = {"Authorization": f"PVEAPIToken=ops@trebol!ci={token}"}
    path = f"{PREFIX}/nodes/{NODE}/sshkeys"
    assert node.nobody.get(path, headers=headers).status_code == 200
    assert node.nobody.put(path, headers=headers, data={"keys": SSH_KEY}).status_code == 403
    # On root's own socket too, whoever is shown by ticket or token is who asks.
    assert node.root.put(path, headers=headers, data={"keys": SSH_KEY}).status_code == 403
    assert str(node.context.audit.entries[-1]).startswith("user=ops@trebol!ci from=")
    assert node.root.get(path, headers={"Authorization": "PVEAPIToken=ops@trebol!ci=wrong"}).status_code == 401
    assert node.get("/sshkeys") == []


def test_packages_are_asked_for_again_only_when_apt_could_say_something_else(node: Shown) -> None:
    assert node.get("/apt/update") == node.get("/apt/update") == UPDATES
    asked = [words for words in node.programs.asked if words[-1] == "updates"]
    assert len(asked) == 1
    node.files.write("var/lib/dpkg/status", "")
    node.programs.answers["updates"] = node.programs.answers.pop("trebol_node.system.packages")
    node.get("/apt/update")
    node.programs.answers.clear()
    assert node.get("/apt/update") == UPDATES
    assert node.call("GET", "/apt/versions", status=503)["message"].startswith("apt cannot tell")


def test_packages_are_brought_up_to_date_by_tasks(node: Shown) -> None:
    assert node.call("POST", "/apt/update", quiet=1)["data"] == str(STARTED)
    assert node.call("POST", "/apt/upgrade")["data"] == str(STARTED)
    assert node.call("POST", "/report")["data"] == str(STARTED)
    assert node.worker.of(UpgradePackages) == [("root@pam", UpgradePackages())]
    assert node.call("GET", "/apt/repositories", status=501)["errors"] == {"path": "not implemented"}
