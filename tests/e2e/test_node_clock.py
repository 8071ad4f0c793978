"""A node whose clock jumps by a day, forwards and back: whoever signs in gets in, and all that it does goes on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from tests.cluster.eventually import eventually
from tests.e2e.cases import PASSWORD
from tests.e2e.clocks import Clocked
from tests.e2e.lab import patient

DAY = 24 * 3600
#: Each begins where the one before has left the clock.
JUMPS = {"a day ahead": DAY, "back": -DAY, "a day behind": -DAY}
DAEMONS = ("trebold.service", "trebol-worker.service", "trebol-store.service")
API = "https://127.0.0.1:8006/api2/json"
#: The API's certificate speaks for 127.0.0.1, too.
CURL = f"curl --silent --show-error --max-time {patient(60):.0f} --cacert /etc/trebol/pki/ca.pem"
STATUS = "--output /dev/null --write-out '%{http_code}'"


def sign_in(password: str) -> str:
    """The command that asks for a ticket of root's."""
    return f"{CURL} --data-urlencode username=root@pam --data-urlencode 'password={password}' {API}/access/ticket"


def ticket(node: Clocked) -> str:
    """A new ticket."""
    found: str = json.loads(node.ssh(sign_in(PASSWORD)))["data"]["ticket"]
    return found


def ran(node: Clocked) -> str:
    """A task that was started, and is over well."""
    task: str = node.json("trebol api create /nodes/localhost/services/cron/restart --json")
    state = f"trebol api get /nodes/localhost/tasks/{task}/status --json"
    node.ssh(f"timeout {patient(60):.0f} sh -c 'until {state} | grep --quiet exitstatus; do sleep 1; done'")
    assert node.json(state)["exitstatus"] == "OK"
    return task


@dataclass(frozen=True)
class Jumped:
    """A node whose clock has just jumped by `seconds`, with a ticket and a task of before."""

    node: Clocked
    seconds: int
    ticket: str
    task: str
    restarts: list[str]

    def api(self, path: str) -> Any:
        """What is at a path of the API."""
        return self.node.json(f"trebol api get {path} --json")

    def status(self, ticket: str) -> int:
        """What the API answers to whoever has this ticket."""
        return int(self.node.ssh(f"{CURL} --cookie 'PVEAuthCookie={ticket}' {STATUS} {API}/version"))


def restarts(node: Clocked) -> list[str]:
    """How often systemd had to start each daemon again."""
    return node.ssh(f"systemctl show --property=NRestarts --value {' '.join(DAEMONS)}").split()


@pytest.fixture(scope="module", params=JUMPS)
def jumped(clocked: Clocked, request: pytest.FixtureRequest) -> Jumped:
    """After each of JUMPS."""
    found = Jumped(clocked, JUMPS[request.param], ticket(clocked), ran(clocked), restarts(clocked))
    clocked.jump(found.seconds)
    return found


def test_all_that_runs_a_node_stays_up(jumped: Jumped) -> None:
    # Longer than any watchdog, and than a watch of the store may be silent.
    jumped.node.ssh("sleep 40")
    assert jumped.node.ssh(f"systemctl is-active {' '.join(DAEMONS)}").split() == ["active"] * len(DAEMONS)
    assert restarts(jumped.node) == jumped.restarts


def test_who_signs_in_gets_in(jumped: Jumped) -> None:
    assert jumped.status(ticket(jumped.node)) == 200


def test_a_ticket_that_seems_to_be_a_day_old_or_of_tomorrow_does_not_count(jumped: Jumped) -> None:
    assert jumped.status(jumped.ticket) == 401


def test_a_wrong_password_is_refused_and_locks_nobody_out_for_a_day(jumped: Jumped) -> None:
    assert jumped.node.ssh(f"{sign_in('wrong')} {STATUS}") == "401"
    assert ticket(jumped.node)


def test_what_is_written_is_kept_and_seen(jumped: Jumped) -> None:
    words = f"after {jumped.seconds}"
    jumped.node.ssh(f"trebol api set /cluster/options 'description={words}'")
    assert jumped.api("/cluster/options")["description"] == words
    (own,) = jumped.api("/cluster/status")
    assert own["quorate"] == 1
    assert "read-only" not in jumped.node.ssh("trebol node store status")


def test_tasks_of_before_and_after_are_told_as_they_ended(jumped: Jumped) -> None:
    after = ran(jumped.node)
    ended = {task["upid"]: task["status"] for task in jumped.api("/nodes/localhost/tasks limit=500")}
    assert ended[jumped.task] == ended[after] == "OK"


def test_a_snapshot_of_now_is_made_and_those_of_other_days_stay(jumped: Jumped) -> None:
    def days() -> set[str]:
        return {name[:8] for name in jumped.node.ssh("ls /var/backups/trebol 2>/dev/null || true").split()}

    before = days()
    jumped.node.ssh("trebol node store snapshot")
    assert days() == before | {jumped.node.ssh("date --utc +%Y%m%d").strip()}


def test_the_node_shows_its_time_and_reads_on(jumped: Jumped) -> None:
    assert abs(jumped.api("/nodes/localhost/time")["time"] - int(jumped.node.ssh("date +%s"))) < patient(60)
    first = jumped.api("/nodes/localhost/status")["uptime"]
    assert eventually(lambda: jumped.api("/nodes/localhost/status")["uptime"] > first)
