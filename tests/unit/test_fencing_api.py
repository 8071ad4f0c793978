"""Fence devices over the API: added and tested by the worker, shown without secrets, refused with the reason."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.unit import api_node, worker_context
from tests.unit.fence_agents import NAMES, install
from tests.unit.shown_node import OverSocket

from trebol_common.errors import Refused, TrebolError
from trebol_common.run import CommandRunner
from trebol_node.api.app import PREFIX, make_app
from trebol_node.api.routes import fencing
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.corosync.status import Member as Seen
from trebol_node.cluster.corosync.status import Membership
from trebol_node.cluster.records import Member, State
from trebol_node.daemon.applying_fencing import FencingFollower, delayed_of
from trebol_node.fencing import records as kept
from trebol_node.fencing import secret_files
from trebol_node.fencing.agents import Agents
from trebol_node.fencing.device import digest_of
from trebol_node.store.records import MemoryRecords
from trebol_node.tasks.inside import Log
from trebol_node.worker import fence_operations
from trebol_node.worker import fencing as worker
from trebol_node.worker.context import Context
from trebol_node.worker.handlers import perform
from trebol_node.worker.operation import Operation
from trebol_node.worker.protocol import Request

SECRET = "Kleeblatt"
GIVEN = ["ip=192.0.2.61", "username=admin", f"password={SECRET}"]
WHO = "root@pam"


@dataclass
class WorkerHere:
    """The worker, without its socket; pacemaker alone is not there: `pacemaker` has what it was given."""

    context: Context
    seen: list[Operation]

    async def call(self, operation: Any, *, who: str) -> Any:
        self.seen.append(operation)
        if isinstance(operation, fence_operations.WriteFencing):
            return True
        answer = perform(Request(1, who, operation), self.context)
        json.dumps(answer)
        return answer


class AtOnce(fencing.Fencing):
    """Nobody has to be waited for."""

    async def written(self) -> None:
        kept.say(self.records, kept.WRITTEN, digest_of(kept.devices(self.records)))


@dataclass
class Node:
    """Node 1 of two, as root uses its API."""

    root: TestClient
    records: MemoryRecords
    worker: WorkerHere

    def call(self, method: str, path: str, *, status: int = 200, **given: Any) -> Any:
        """What it answers, with the status that is expected."""
        answer = self.root.request(method, f"{PREFIX}{path}", data=given or None)
        assert answer.status_code == status, answer.text
        return answer.json() if status != 200 else answer.json()["data"]

    def add(self, node: str = "n2", **more: Any) -> str:
        """A controller of a node."""
        full = {"node": node, "agent": "fence_ipmilan", "options": GIVEN, **more}
        return str(self.call("POST", "/cluster/fencing/devices", **full))


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    records = MemoryRecords(
        {f"cluster/nodes/{name}": Member(name, name, "192.0.2.1", State.MEMBER).to_members() for name in ("n1", "n2")}
    )
    root = tmp_path / "root"
    install(root / "usr/sbin")
    worker_context.write(root, "proc/sys/kernel/hostname", "n1\n")
    (root / "etc/trebol/pki").mkdir(parents=True)
    curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    CommandRunner().run(["openssl", "genpkey", *curve, "-out", root / "etc/trebol/pki/ca.key"])
    here = WorkerHere(worker_context.context(root, CommandRunner()), [])
    context = replace(api_node.context(tmp_path, records), worker=here)
    app = make_app(context, routers=[fencing.router(AtOnce(records, Agents(CommandRunner(), root / "usr/sbin")))])
    with TestClient(OverSocket(app)) as client:
        yield Node(client, records, here)


def test_agents_are_those_that_fence_by_themselves(node: Node) -> None:
    assert [each["agent"] for each in node.call("GET", "/cluster/fencing/agents")] == list(NAMES)


def test_a_form_has_what_an_agent_takes(node: Node) -> None:
    found = node.call("GET", "/cluster/fencing/agents/fence_apc")
    fields = {each["name"]: each for each in found["parameters"]}
    assert fields["plug"]["required"] == 1 and fields["password"]["secret"] == 1
    assert "action" not in fields
    node.call("GET", "/cluster/fencing/agents/fence_none", status=404)
    node.call("GET", "/cluster/fencing/agents/fence_kdump", status=404)


def test_a_device_is_kept_with_its_secrets_sealed_and_shown_without(node: Node) -> None:
    assert node.add() == "n2.ipmilan"
    assert node.add(level=1) == "n2.ipmilan-2"
    first, second = node.call("GET", "/cluster/fencing/devices")
    assert (first["level"], second["level"], first["options"]["password"]) == (1, 1, "***")
    assert node.call("GET", "/cluster/fencing/devices/n2.ipmilan") == first
    assert SECRET not in str([record.value for record in node.records.below("")])
    assert SECRET not in repr(node.worker.seen)


def test_a_removed_device_is_gone(node: Node) -> None:
    node.add()
    node.call("DELETE", "/cluster/fencing/devices/n2.ipmilan")
    assert node.call("GET", "/cluster/fencing/devices") == []
    assert "does not exist" in node.call("DELETE", "/cluster/fencing/devices/n2.ipmilan", status=404)["message"]


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "no such node": ({"node": "n9"}, "node", "it has n1, n2"),
    "no such agent": ({"agent": "fence_none"}, "agent", "is no fence agent"),
    "no agent by itself": ({"agent": "fence_kdump"}, "agent", "is no fence agent"),
    "a path for an agent": ({"agent": "../../bin/sh"}, "agent", "is no fence agent"),
    "no address": ({"options": ["username=admin"]}, "ip", "is missing"),
    "no pair": ({"options": [SECRET]}, "options", "number 1 is not NAME=VALUE"),
    "a pair twice": ({"options": ["ip=192.0.2.1", "ip=192.0.2.2"]}, "ip", "is given twice"),
    "a level too high": ({"level": 10}, "level", "maximum value of 9"),
    "a name that is none": ({"name": "A B"}, "name", "regex"),
    "an unknown option": ({"options": [*GIVEN, "colour=red"]}, "colour", "is no parameter of fence_ipmilan"),
    "a program": ({"options": [*GIVEN, "ipmitool_path=/bin/sh"]}, "ipmitool_path", "cannot be set"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_with_a_device_is_told_at_its_argument(node: Node, name: str) -> None:
    given, where, says = BAD[name]
    full = {"node": "n2", "agent": "fence_ipmilan", "options": GIVEN, **given}
    found = node.call("POST", "/cluster/fencing/devices", status=400, **full)
    assert list(found["errors"]) == [where] and says in found["errors"][where]
    assert SECRET not in str(found)
    assert node.call("GET", "/cluster/fencing/devices") == []


def test_one_plug_is_not_that_of_two_nodes(node: Node) -> None:
    node.add("n1")
    full = {"node": "n2", "agent": "fence_ipmilan", "options": GIVEN}
    found = node.call("POST", "/cluster/fencing/devices", status=400, **full)
    assert found["errors"] == {"ip": "is that of n1 too: n1.ipmilan"}
    node.add("n2", options=[*GIVEN, "ipport=6230"])


def test_a_result_waits_for_a_store_that_comes_back(node: Node) -> None:
    node.add()
    clock = node.worker.context.machine.clock
    assert isinstance(clock, worker_context.JumpingClock)
    node.records.quorate = False
    clock.due[clock.time + 60] = lambda: setattr(node.records, "quorate", True)
    assert prove(node).count("waiting for the store") == 1
    assert node.call("GET", "/cluster/fencing")[1]["state"] == "proven"


def test_a_name_is_there_once(node: Node) -> None:
    node.add(name="bmc")
    full = {"node": "n2", "agent": "fence_ipmilan", "options": GIVEN, "name": "bmc"}
    assert "already exists" in node.call("POST", "/cluster/fencing/devices", status=409, **full)["message"]


def test_a_test_needs_devices_and_a_power_cycle_the_nodes_name(node: Node) -> None:
    assert "has no fence device" in str(node.call("POST", "/cluster/fencing/test", status=400, node="n2"))
    node.add()
    wrong = {"node": "n2", "power-cycle": "1", "confirm": "n1"}
    assert "cuts its power" in node.call("POST", "/cluster/fencing/test", status=400, **wrong)["errors"]["confirm"]
    assert ":fencetest:n2:" in node.call("POST", "/cluster/fencing/test", node="n2")


def test_without_proof_ha_says_why_it_is_off(node: Node) -> None:
    found = {each["id"]: each for each in node.call("GET", "/cluster/ha/status/current")}
    assert found["fencing"]["armed"] == 0 and found["fencing"]["reasons"]
    node.add()
    assert [(each["node"], each["state"]) for each in node.call("GET", "/cluster/fencing")] == [
        ("n1", "none"),
        ("n2", "untested"),
    ]


def prove(node: Node, **more: Any) -> str:
    """Do the task of a test; what it says, and why it failed."""
    stream = io.StringIO()
    operation = fence_operations.TestFencing.of(**{"node": "n2", "online": True, **more})
    machine = node.worker.context.machine
    try:
        worker.prove(operation, machine, node.records, by="n1", now=lambda: 1790000000.0, log=Log(stream))
    except TrebolError as error:
        stream.write(f"{error}\n")
    return stream.getvalue()


def test_a_test_is_kept_with_its_time_and_by_whom(node: Node) -> None:
    node.add()
    assert "n2.ipmilan (level 1, fence_ipmilan): the power is on" in prove(node)
    found = node.call("GET", "/cluster/fencing")[1]
    assert (found["state"], found["proven"], found["by"], found["how"]) == ("proven", 1790000000, "n1", "status")


def test_a_wrong_password_is_found(node: Node) -> None:
    node.add()
    prove(node)
    node.call("DELETE", "/cluster/fencing/devices/n2.ipmilan")
    node.add(options=["ip=192.0.2.61", "username=admin", "password=other"])
    assert "it does not take the password" in prove(node)
    found = node.call("GET", "/cluster/fencing")[1]
    assert (found["state"], found["proven"]) == ("failed", 0)
    assert found["problems"] == ["n2.ipmilan: it does not take the password"]
    assert "other" not in prove(node)


def test_a_node_does_not_test_itself(node: Node) -> None:
    with pytest.raises(Refused, match="the others that fence it"):
        perform(Request(1, WHO, fence_operations.TestFencing.of(node="n1", online=True)), node.worker.context)


def test_the_worker_takes_no_option_that_could_run_a_program(node: Node) -> None:
    made = {"node": "n2", "name": "x", "agent": "fence_ipmilan", "level": 1, "options": {"ip": "192.0.2.1"}}
    made["options"] = {"ip": "192.0.2.1", "ipmitool_path": "/tmp/mine"}
    for kind in (fence_operations.InstallFencing, fence_operations.WriteFencing):
        with pytest.raises(TrebolError, match="cannot be set"):
            perform(Request(1, WHO, kind.of(devices=[made])), node.worker.context)


def seen(*names: str, quorate: bool = True) -> Membership:
    """Corosync with these nodes."""
    members = tuple(
        Seen(id=number, name=name, local=number == 1, joined=True, votes=1, links={}, version=1)
        for number, name in enumerate(names, 1)
    )
    return Membership("clover", 1, "1.1", quorate, False, len(names), len(names), 1, None, members)


def totem(*names: str) -> Totem:
    """Of a cluster of these."""
    made = Totem.first("clover", names[0], {0: "192.0.2.1"})
    for number, name in enumerate(names[1:], 2):
        made = made.with_node(name, {0: f"192.0.2.{number}"})
    return made


def follow(node: Node, name: str, there: Membership | None, *names: str) -> list[str]:
    """Have the daemon of `name` look once; the names of what it asked of the worker."""
    before = len(node.worker.seen)
    follower = FencingFollower(node.records, name, node.worker, lambda: there, who=WHO)
    asyncio.run(follower.follow(totem(*names)))
    return [each.name for each in node.worker.seen[before:]]


def test_pacemaker_is_told_by_the_first_once_all_that_are_there_have_the_secrets(node: Node) -> None:
    node.add()
    kept.say(node.records, kept.WRITTEN, "older")
    both = seen("n1", "n2")
    assert follow(node, "n1", both, "n1", "n2") == ["fence-install"]
    assert follow(node, "n2", both, "n1", "n2") == ["fence-install"]
    assert not kept.is_written(node.records)
    assert follow(node, "n1", both, "n1", "n2") == ["fence-install", "fence-write", "fence-sweep"]
    assert kept.is_written(node.records)
    folder = node.worker.context.machine.root / secret_files.FOLDER.relative_to("/")
    assert [path.read_text() for path in folder.glob("*/password")] == [SECRET]


@pytest.mark.parametrize("there", [None, seen("n1", quorate=False)])
def test_without_quorum_nothing_is_written(node: Node, there: Membership | None) -> None:
    node.add()
    kept.say(node.records, kept.WRITTEN, "older")
    assert follow(node, "n1", there, "n1", "n2") == ["fence-install"]


def test_a_cluster_that_never_had_a_device_is_left_alone(node: Node) -> None:
    assert follow(node, "n1", seen("n1", "n2"), "n1", "n2") == []


@pytest.mark.parametrize(("names", "delayed"), [(("b", "a"), "b"), (("a",), None), (("a", "b", "c"), None)])
def test_of_two_nodes_the_first_is_fenced_later(names: tuple[str, ...], delayed: str | None) -> None:
    assert delayed_of(totem(*names)) == delayed
