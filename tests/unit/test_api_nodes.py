"""What a node shows over the API, and how it is changed: real routes, real operations of the worker, files below a
folder."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.shown_node import MACS, NODE, STARTED, Shown, shown_node

from trebol_node.api.app import PREFIX
from trebol_node.pki import fingerprint
from trebol_node.tasks import Upid
from trebol_node.worker.operations import ApplyNetwork, EndTask, Power, ServiceAction


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """For tests that change nothing of the node: an application takes a while to make."""
    with shown_node(tmp_path_factory.mktemp("node")) as found:
        yield found


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Shown]:
    with shown_node(tmp_path) as found:
        yield found


def test_the_list_of_nodes_has_what_clients_ask_for(shared: Shown) -> None:
    answer = shared.root.get(f"{PREFIX}/nodes").json()["data"]
    assert len(answer) == 1
    expected = {
        "id": f"node/{NODE}",
        "node": NODE,
        "status": "online",
        "type": "node",
        "maxcpu": 3,
        "maxmem": 8 * 2**30,
        "mem": 2 * 2**30,
        "uptime": 93784,
        "level": "",
    }
    assert {key: answer[0][key] for key in expected} == expected
    assert 0 <= answer[0]["cpu"] <= 1


def test_a_node_names_the_certificate_that_it_has_now(node: Shown, tmp_path: Path) -> None:
    def named() -> str:
        entry = node.root.get(f"{PREFIX}/nodes").json()["data"][0]
        return str(entry.get("ssl_fingerprint", ""))

    seen = [named()]
    path = tmp_path / "no.pem"
    for encoded in ("AAAA", "BBBB"):
        fresh = tmp_path / "fresh.pem"
        fresh.write_text(f"{ssl.PEM_HEADER}\n{encoded}\n{ssl.PEM_FOOTER}\n")
        fresh.rename(path)
        assert named() == named() == fingerprint(path)
        seen.append(named())
    assert seen[0] == "" and len(set(seen)) == 3


def test_status_has_proxmox_ves_members_and_trebols_own(shared: Shown) -> None:
    status = shared.get("/status")
    assert status["loadavg"] == ["0.50", "0.25", "0.00"]
    assert status["memory"] == {
        "available": 6 * 2**30,
        "free": 2**30,
        "total": 8 * 2**30,
        "used": 2 * 2**30,
    }
    assert (status["cpu"], status["wait"]) == (0.2, 0.1)
    assert status["kversion"] == "Linux 6.12.0-test #1 SMP"
    assert status["boot-info"] == {"mode": "legacy-bios"}
    assert (status["cpuinfo"]["cpus"], status["cpuinfo"]["sockets"], status["cpuinfo"]["hvm"]) == (3, 2, "1")
    assert status["pveversion"].startswith("pve-manager/")
    assert status["rootfs"].keys() == {"avail", "free", "total", "used"}
    assert status["swap"] == {"free": 0, "total": 0, "used": 0}
    trebol = status["trebol"]
    assert (trebol["state"], trebol["addresses"], trebol["host"]) == ("running", ["192.0.2.10/24"], NODE)


def test_time_names_and_version(shared: Shown) -> None:
    assert shared.get("/time") == {"time": 1_790_000_000, "localtime": 1_790_007_200, "timezone": "Europe/Madrid"}
    assert shared.get("/dns") == {"dns1": "192.0.2.53", "search": "example.org"}
    assert shared.get("/hosts")["data"].endswith(f"192.0.2.10 {NODE}\n")
    assert shared.get("/version") == shared.root.get(f"{PREFIX}/version").json()["data"]
    assert shared.get("/subscription")["status"] == "notfound"
    assert (
        shared.get("/qemu") == shared.get("/qemu", full=1) == shared.get("/lxc") == shared.get("/replication") == []
    )


def test_hosts_are_replaced_only_as_they_were_read(node: Shown) -> None:
    before = node.get("/hosts")
    text = before["data"] + "192.0.2.11 node2\n"
    assert node.call("POST", "/hosts", data=text, digest=before["digest"])["data"] is None
    assert node.get("/hosts")["data"] == text
    again = node.call("POST", "/hosts", data="127.0.0.1 localhost\n", digest=before["digest"], status=409)
    assert "detected modified configuration" in again["message"]
    wrong = node.call("POST", "/hosts", data="127.0.0.1 localhost\nnonsense here\n", status=400)
    assert "no address" in wrong["errors"]["data"]


@pytest.mark.parametrize(
    ("timezone", "status"), [("Europe/Madrid", 200), ("Europe/Atlantis", 404), ("../../etc/passwd", 400)]
)
def test_a_time_zone_is_one_that_the_node_knows(node: Shown, timezone: str, status: int) -> None:
    node.call("PUT", "/time", timezone=timezone, status=status)
    asked = [words for words in node.programs.asked if words[0] == "timedatectl"]
    assert asked == ([("timedatectl", "set-timezone", "--", timezone)] if status == 200 else [])


def test_dns_is_set_in_netplan_and_checked(shared: Shown) -> None:
    wrong = shared.call("PUT", "/dns", search="example.org", dns1="nameserver", status=400)
    assert wrong["errors"].keys() == {"dns1"}
    shared.call("PUT", "/dns", search=" ".join("abcdefg"), status=400)
    shared.call("PUT", "/dns", dns1="192.0.2.53", status=400)


def test_power_needs_a_word_that_is_known(node: Shown) -> None:
    node.call("POST", "/status", command="reboot")
    assert node.worker.of(Power) == [("root@pam", Power(action="reboot"))]
    node.call("POST", "/status", command="explode", status=400)


def test_services_say_how_they_are_and_are_acted_on_as_tasks(node: Shown) -> None:
    services = {each["service"]: each for each in node.get("/services")}
    assert services["chrony"] == {
        "active-state": "active",
        "desc": "The chrony",
        "name": "chrony",
        "service": "chrony",
        "state": "running",
        "unit-state": "enabled",
    }
    assert services["trebold"]["unit-state"] == "not-found"
    assert node.get("/services/chrony/state") == services["chrony"]
    assert node.call("POST", "/services/chrony/restart")["data"] == str(STARTED)
    assert node.worker.of(ServiceAction) == [("root@pam", ServiceAction(service="chrony", action="restart"))]
    assert node.call("GET", "/services/rm/state", status=404)["errors"] == {"service": "service does not exist"}
    node.call("POST", "/services/rm/start", status=404)


def test_disks_are_listed_with_what_they_are_used_for(shared: Shown) -> None:
    disks = {each["devpath"]: each for each in shared.get("/disks/list")}
    assert all(path.startswith("/dev/") for path in disks)
    for disk in disks.values():
        assert disk["type"] in ("hdd", "ssd", "nvme", "usb")
        assert disk["health"] in ("PASSED", "FAILED!", "UNKNOWN")
        assert isinstance(disk["size"], int) and disk["osdid"] == -1
    with_parts = shared.get("/disks/list", **{"include-partitions": 1})
    assert {each["parent"] for each in with_parts if "parent" in each} <= disks.keys()
    assert all("used" not in each for each in shared.get("/disks/list", type="unused"))


def test_smart_asks_for_disks_of_this_node_alone(shared: Shown) -> None:
    assert "does not exist" in shared.call("GET", "/disks/smart", disk="/dev/sdz", status=404)["message"]
    shared.call("GET", "/disks/smart", disk="/dev/../etc/passwd", status=400)
    shared.call("GET", "/disks/smart", disk="sda; reboot", status=400)
    shared.call("GET", "/disks/smart", status=400)


def test_the_journal_comes_with_the_cursors_of_its_ends(shared: Shown) -> None:
    lines = shared.get("/journal", lastentries=5)
    assert (lines[0], lines[-1]) == ("s=1;i=1", "s=1;i=5")
    assert lines[1].endswith(f"{NODE} sshd[700]: line 1")
    shared.call("GET", "/journal", startcursor="$(reboot)", status=400)
    shared.call("GET", "/journal", since="yesterday", status=400)


def test_syslog_is_numbered_and_pages(shared: Shown) -> None:
    answer = shared.call("GET", "/syslog", start=1, limit=2, service="ssh")
    assert [line["n"] for line in answer["data"]] == [2, 3]
    assert answer["total"] == 5
    asked = next(words for words in reversed(shared.programs.asked) if "journalctl" in words)
    assert "--unit=ssh" in asked and "--lines=+4" in asked
    shared.call("GET", "/syslog", since="--output=export", status=400)
    shared.call("GET", "/syslog", service="-x", status=400)
    shared.call("GET", "/syslog", limit=-1, status=400)


def test_the_network_is_listed_and_filtered(shared: Shown) -> None:
    answer = shared.call("GET", "/network")
    assert "changes" not in answer
    assert [(each["iface"], each["type"], each["priority"]) for each in answer["data"]] == [
        ("eno1", "eth", 3),
        ("eno2", "eth", 4),
        ("vmbr0", "bridge", 5),
    ]
    assert [each["iface"] for each in shared.get("/network", type="any_bridge")] == ["vmbr0"]
    bridge = shared.get("/network/vmbr0")
    assert (bridge["method"], bridge["live-addresses"], bridge["active"]) == ("dhcp", ["192.0.2.10/24"], 1)
    assert shared.call("GET", "/network/vmbr9", status=404)["errors"] == {"iface": "interface does not exist"}


def test_a_bridge_is_made_changed_and_forgotten_as_a_candidate(node: Shown) -> None:
    own = node.files.root / "etc/netplan/50-trebol.yaml"
    before = own.read_text()
    new: dict[str, Any] = {
        "iface": "vmbr1",
        "type": "bridge",
        "bridge_ports": "eno2",
        "autostart": 1,
        "comments": "for guests",
    }
    assert node.call("POST", "/network", **new)["data"] is None
    answer = node.call("GET", "/network")
    assert "+    vmbr1:" in answer["changes"] and "-    vmbr0:" not in answer["changes"]
    made = node.get("/network/vmbr1")
    assert (made["bridge_ports"], made["comments"]) == ("eno2", "for guests")
    node.call("PUT", "/network/vmbr1", type="bridge", cidr="198.51.100.1/24", mtu=1400)
    changed = node.get("/network/vmbr1")
    assert (changed["cidr"], changed["mtu"], changed["method"]) == ("198.51.100.1/24", "1400", "static")
    assert changed["comments"] == "for guests"
    assert own.read_text() == before
    node.call("DELETE", "/network/vmbr1")
    node.call("GET", "/network/vmbr1", status=404)
    node.call("DELETE", "/network")
    assert "changes" not in node.call("GET", "/network")


@pytest.mark.parametrize(
    ("given", "argument", "why"),
    [
        ({"iface": "vmbr0", "type": "bridge"}, "iface", "interface already exists"),
        ({"iface": "vmbr1", "type": "bridge", "bridge_ports": "eno1"}, "bridge_ports", "already used by 'vmbr0'"),
        ({"iface": "vmbr1", "type": "bridge", "cidr": "nonsense"}, "cidr", ""),
        ({"iface": "vmbr1", "type": "bridge", "bridge_vlan_aware": 1}, "bridge_vlan_aware", "do not filter VLANs"),
        ({"iface": "vmbr1", "type": "OVSBridge"}, "type", "enumeration"),
        ({"iface": "vmbr1", "type": "bridge", "mtu": "large"}, "mtu", "integer"),
        ({"iface": "vmbr1", "type": "bridge", "colour": "green"}, "colour", "not defined in schema"),
        ({"type": "bridge"}, "iface", "missing"),
        ({"iface": "a" * 16, "type": "bridge"}, "iface", "15"),
    ],
)
def test_an_interface_that_cannot_be_says_which_argument_is_why(
    shared: Shown, given: dict[str, Any], argument: str, why: str
) -> None:
    errors = shared.call("POST", "/network", status=400, **given)["errors"]
    assert errors.keys() == {argument} and why in errors[argument]


def test_applying_confirming_and_going_back(node: Shown) -> None:
    assert node.call("PUT", "/network")["data"] == str(STARTED)
    assert node.worker.of(ApplyNetwork) == [("root@pam", ApplyNetwork())]
    assert "does not exist" in node.call("POST", "/network/confirm", status=404)["message"]
    assert node.call("DELETE", "/network")["data"] is None


def task(node: Shown, user: str, *, end: str | None = "OK") -> str:
    upid = Upid(NODE, 4_000_000, 5, 1_789_999_000, "srvrestart", "chrony", user)
    tasks = node.context.tasks
    tasks.create(upid)
    tasks.log_file(upid).write_text("one\ntwo\nthree\n")
    if end is not None:
        tasks.write_end(upid, end, 1_789_999_010)
    return str(upid)


def test_tasks_have_a_status_and_a_log(node: Shown) -> None:
    upid = task(node, "root@pam")
    answer = node.call("GET", "/tasks")
    assert [each["upid"] for each in answer["data"]] == [upid] and answer["total"] == 1
    assert node.get(f"/tasks/{upid}/status")["exitstatus"] == "OK"
    log = node.call("GET", f"/tasks/{upid}/log", start=1, limit=1)
    assert log["data"] == [{"n": 2, "t": "two"}] and log["total"] == 3
    text = node.root.get(f"{PREFIX}/nodes/{NODE}/tasks/{upid}/log", params={"download": 1})
    assert text.text == "one\ntwo\nthree\n" and text.headers["content-type"].startswith("text/plain")
    assert node.get("/tasks", source="active") == node.get("/tasks", typefilter="qmstart") == []
    node.call("DELETE", f"/tasks/{upid}")
    assert node.worker.of(EndTask) == [("root@pam", EndTask(upid=upid))]


def test_what_is_no_task_is_not_found_or_malformed(shared: Shown) -> None:
    absent = str(Upid(NODE, 1, 1, 1, "srvstop", "x", "root@pam"))
    for path in ("", "/status", "/log"):
        shared.call("GET", f"/tasks/{absent}{path}", status=404)
        shared.call("GET", f"/tasks/UPID:..:{path}", status=400)


def token_of(node: Shown, user: str, *roles: tuple[str, str]) -> dict[str, str]:
    """The header of a token of a new user who has roles on paths."""
    root = node.root
    assert root.post(f"{PREFIX}/access/users", data={"userid": user}).status_code == 200
    made = root.post(f"{PREFIX}/access/users/{user}/token/monitor", data={"privsep": "0"})
    secret = made.json()["data"]["value"]
    for path, role in roles:
        given = {"path": path, "users": user, "roles": role}
        assert root.put(f"{PREFIX}/access/acl", data=given).status_code == 200
    return {"Authorization": f"PVEAPIToken={user}!monitor={secret}"}


def test_who_may_see_nothing_sees_that_there_is_a_node_and_his_own_tasks(node: Shown) -> None:
    header = token_of(node, "ana@trebol")
    theirs, own = task(node, "root@pam"), f"{PREFIX}/nodes/{NODE}"
    assert node.nobody.get(f"{PREFIX}/nodes", headers=header).json()["data"] == [
        {"id": f"node/{NODE}", "node": NODE, "status": "online", "type": "node"}
    ]
    assert node.nobody.get(f"{own}/tasks", headers=header).json()["data"] == []
    for path in (
        "status",
        "time",
        "dns",
        "hosts",
        "network",
        "services",
        "disks/list",
        "syslog",
        "journal",
        "report",
    ):
        answer = node.nobody.get(f"{own}/{path}", headers=header)
        assert answer.status_code == 403, path
        assert f"Permission check failed (/nodes/{NODE}, Sys." in answer.json()["message"]
    for path in (f"tasks/{theirs}/status", f"tasks/{theirs}/log"):
        assert node.nobody.get(f"{own}/{path}", headers=header).status_code == 403
    assert node.nobody.get(f"{own}/version", headers=header).status_code == 200


def test_an_auditor_sees_all_and_changes_nothing(node: Shown) -> None:
    header = token_of(node, "eva@trebol", ("/", "PVEAuditor"))
    own = f"{PREFIX}/nodes/{NODE}"
    for path in ("status", "network", "services", "disks/list"):
        assert node.nobody.get(f"{own}/{path}", headers=header).status_code == 200, path
    changes: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "status", {"command": "reboot"}),
        ("PUT", "time", {"timezone": "Europe/Madrid"}),
        ("PUT", "hostname", {"fqdn": "alpha.example.org"}),
        ("PUT", "sshkeys", {"keys": ""}),
        ("GET", "apt/update", {}),
        ("POST", "apt/update", {}),
        ("POST", "apt/upgrade", {}),
        ("POST", "report", {}),
        ("PUT", "dns", {"search": "example.org"}),
        ("POST", "hosts", {"data": ""}),
        ("POST", "network", {"iface": "vmbr1", "type": "bridge"}),
        ("PUT", "network", {}),
        ("POST", "network/confirm", {}),
        ("POST", "services/chrony/stop", {}),
    ]
    for method, path, data in changes:
        assert node.nobody.request(method, f"{own}/{path}", data=data, headers=header).status_code == 403, path
    assert not node.worker.of(Power) and not node.worker.of(ServiceAction)


def test_another_node_is_not_here_and_nobody_learns_that_without_signing_in(shared: Shown) -> None:
    assert shared.root.get(f"{PREFIX}/nodes/node7/status").status_code == 404
    assert shared.root.get(f"{PREFIX}/nodes/localhost/status").status_code == 200
    assert shared.nobody.get(f"{PREFIX}/nodes/node7/status").status_code == 401


def test_the_report_tells_all_but_secrets(node: Shown) -> None:
    node.files.write("proc/cmdline", "quiet trebol.answer=http://me:hush@192.0.2.1/a password=hush\n")
    text = node.get("/report")
    for title in ("status", "services", "network", "disks", "netplan", "tasks", "journal, warnings"):
        assert f"==== {title} ====" in text
    assert "hush" not in text and "quiet" in text and "line 5" in text


def test_the_report_has_the_journal_for_those_alone_who_may_read_it(node: Shown) -> None:
    path = f"{PREFIX}/nodes/{NODE}/report"
    auditor = token_of(node, "eva@trebol", ("/", "PVEAuditor"))
    seen = node.nobody.get(path, headers=auditor).json()["data"]
    assert "==== status ====" in seen and "line 5" not in seen
    may_more = token_of(node, "ana@trebol", ("/", "PVESysAdmin"))
    assert "line 5" in node.nobody.get(path, headers=may_more).json()["data"]


def test_a_token_without_rights_does_not_see_what_its_user_does(node: Shown) -> None:
    header = token_of(node, "eva@trebol")
    task(node, "eva@trebol")
    made = node.nobody.post(f"{PREFIX}/access/users/eva@trebol/token/weak", headers=header)
    assert made.status_code == 403  # Tokens make no others: whoever is signed in as the user does.
    secret = node.root.post(f"{PREFIX}/access/users/eva@trebol/token/weak").json()["data"]["value"]
    weak = {"Authorization": f"PVEAPIToken=eva@trebol!weak={secret}"}
    for path in ("cluster/tasks", "cluster/log", f"nodes/{NODE}/tasks"):
        assert node.nobody.get(f"{PREFIX}/{path}", headers=weak).json()["data"] == [], path
    seen = node.nobody.get(f"{PREFIX}/cluster/log", headers=header).json()["data"]
    assert {each["user"] for each in seen} == {"eva@trebol!monitor"}


def test_localhost_is_the_node_in_the_acl_too(node: Shown) -> None:
    header = token_of(node, "eva@trebol", ("/", "PVEAuditor"))
    grant = {"path": f"/nodes/{NODE}", "roles": "NoAccess", "users": "eva@trebol"}
    assert node.root.put(f"{PREFIX}/access/acl", data=grant).status_code == 200
    for name in (NODE, "localhost"):
        assert node.nobody.get(f"{PREFIX}/nodes/{name}/status", headers=header).status_code == 403, name


def test_prometheus_scrapes_with_a_token(node: Shown) -> None:
    header = token_of(node, "monitor@trebol", ("/nodes", "PVEAuditor"))
    secret = header["Authorization"].rpartition("=")[2]
    assert node.nobody.get("/metrics").status_code == 401
    assert node.nobody.get("/metrics", auth=("monitor@trebol!monitor", "wrong")).status_code == 401
    answer = node.nobody.get("/metrics", auth=("monitor@trebol!monitor", secret))
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain")
    for line in (
        "trebol_memory_size_bytes 8.589934592e+09",
        "trebol_system_running 1.0",
        'trebol_load{minutes="1"} 0.5',
        'trebol_service_active{service="chrony"} 1.0',
        "trebol_cpu_usage_ratio 0.2",
    ):
        assert line in answer.text.splitlines()
    assert node.root.get("/metrics").status_code == 200


def test_what_the_network_is_stays_readable_while_the_worker_is_away(shared: Shown) -> None:
    assert shared.get("/network/vmbr0")["type"] == "bridge"
    assert MACS["eno2"] == shared.get("/network/eno2")["hwaddr"]
