"""The upkeep of a cluster over the API, by the worker and by the daemons that go in order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from starlette.testclient import TestClient
from tests.unit import api_node
from tests.unit.cluster_of_three import NAMES, address, records_of, seen
from tests.unit.fake_members import FakeMembers, Listed, members_of
from tests.unit.shown_node import OverSocket

from trebol_common import cli
from trebol_common.errors import TrebolError
from trebol_common.run import ScriptedRunner
from trebol_node.api.app import PREFIX, make_app
from trebol_node.api.routes import upkeep
from trebol_node.client import Unreachable
from trebol_node.cluster.corosync.status import Membership
from trebol_node.cluster.diagnosis import told
from trebol_node.cluster.diagnosis.facts import Pacemaker, PacemakerNode
from trebol_node.cluster.diagnosis.finding import Finding
from trebol_node.cluster.power import records as power
from trebol_node.cluster.power.turn import Step
from trebol_node.cluster.preflight.finding import Severity
from trebol_node.commands import upkeep_of_cluster as commands
from trebol_node.daemon.telling import Going, keep_telling
from trebol_node.store.configuration import peer_url
from trebol_node.store.records import MemoryRecords
from trebol_node.worker import upkeep as worker
from trebol_node.worker.cluster_operations import ReadMembership
from trebol_node.worker.context import Machine
from trebol_node.worker.errors import WorkerAbsent
from trebol_node.worker.operations import Power
from trebol_node.worker.upkeep_operations import Diagnose, HoldCluster, ReadPacemaker, SetStandby

FOUND = Finding("clock-offset", Severity.WARNING, "n1", "0.1 s", "chronyc").to_members()


@dataclass
class FakeWorker:
    """Pacemaker does what it is told; `seen` has what was asked for. `absent`: it is not there."""

    seen: list[Any] = field(default_factory=list)
    held: bool = False
    absent: bool = False
    online: list[str] = field(default_factory=lambda: list(NAMES))

    async def call(self, operation: Any, *, who: str = "root@pam") -> Any:
        if self.absent:
            raise WorkerAbsent("is not there", where="trebol-worker")
        match operation:
            case ReadPacemaker():
                nodes = tuple(PacemakerNode(name, online=True) for name in NAMES)
                return TypeAdapter(Pacemaker).dump_python(Pacemaker(True, nodes, stopped=self.held), mode="json")
            case Diagnose():
                return [FOUND]
            case ReadMembership():
                there = seen(NAMES, self.online, quorate=len(self.online) > 1)
                return TypeAdapter(Membership).dump_python(there, mode="json")
            case HoldCluster(held=held):
                self.held = held
        self.seen.append(operation)
        return None


@dataclass
class Node:
    """Its API, the records behind it, its worker; `online` is who is there."""

    client: TestClient
    records: MemoryRecords
    worker: FakeWorker
    online: list[str]

    def call(self, method: str, path: str, *, status: int = 200, **arguments: str) -> Any:
        by: dict[str, Any] = {"params" if method in ("GET", "DELETE") else "data": arguments}
        answer = self.client.request(method, f"{PREFIX}/cluster{path}", **by)
        assert answer.status_code == status, answer.text
        return answer.json() if status != 200 else answer.json()["data"]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A member of three, all of them there."""
    records, fake = records_of(*NAMES), FakeWorker()
    listed = (Listed(int(name[1:]), name, peer_url(address(name))) for name in NAMES)
    store = members_of(FakeMembers(*listed))
    context = replace(api_node.context(tmp_path, records), worker=fake, node="n1")
    routes = upkeep.router(upkeep.Upkeep(records, store, lambda: seen(NAMES, fake.online)))
    with TestClient(OverSocket(make_app(context, routers=(routes,)))) as client:
        yield Node(client, records, fake, fake.online)


def test_the_page_says_what_is_wrong_and_that_the_worker_is_silent(node: Node) -> None:
    assert node.call("GET", "/diagnosis") == [FOUND]
    node.worker.absent = True
    (found,) = node.call("GET", "/diagnosis")
    assert (found["code"], found["severity"], found["where"]) == ("worker-silent", "error", "n1")


def test_a_node_is_taken_out_shown_and_taken_back(node: Node) -> None:
    assert node.call("GET", "/maintenance/n2")["survives"] == 1
    node.call("PUT", "/maintenance/n2", why="new memory")
    assert node.worker.seen == [SetStandby(node="n2", standby=True)]
    (out,) = node.call("GET", "/maintenance")
    assert (out["node"], out["why"], out["forced"]) == ("n2", "new memory", 0)
    assert node.call("GET", "/maintenance/n2")["maintenance"] == out
    node.call("DELETE", "/maintenance/n2")
    assert node.worker.seen[-1] == SetStandby(node="n2", standby=False)
    assert node.call("GET", "/maintenance") == []


def test_it_is_refused_with_the_reasons_unless_forced(node: Node) -> None:
    node.online.remove("n3")
    answer = node.call("PUT", "/maintenance/n2", status=409)
    assert "n3 is missing already" in answer["message"] and not node.worker.seen
    node.call("PUT", "/maintenance/n2", force="1")
    assert node.call("GET", "/maintenance")[0]["forced"] == 1


@pytest.mark.parametrize(("method", "path"), [("GET", "/maintenance/n9"), ("PUT", "/maintenance/n9")])
def test_what_is_no_node_is_told(node: Node, method: str, path: str) -> None:
    assert "is no node of the cluster" in str(node.call(method, path, status=400))


def test_a_shutdown_wants_the_clusters_name_quorum_and_all_nodes(node: Node) -> None:
    assert "is not the cluster's name" in node.call("POST", "/shutdown", status=409, confirm="other")["message"]
    node.online.remove("n3")
    assert "n3: is not there" in node.call("POST", "/shutdown", status=409, confirm="clover")["message"]
    node.online.remove("n2")
    assert "has no quorum" in node.call("POST", "/shutdown", status=409, confirm="clover")["message"]
    assert node.call("GET", "/shutdown") == {}


def test_a_shutdown_is_shown_until_the_cluster_is_started(node: Node) -> None:
    assert node.call("POST", "/shutdown", confirm="clover") == ["n2", "n3", "n1"]
    found = node.call("GET", "/shutdown")
    assert [each["node"] for each in found["nodes"] if each["online"]] == ["n2", "n3", "n1"]
    node.online.remove("n3")
    assert node.call("POST", "/start") == ["n3"]
    assert node.worker.seen == [HoldCluster(held=False)]
    assert node.call("GET", "/shutdown") == {}


@dataclass
class Rack:
    """Three nodes' daemons over the same records."""

    records: MemoryRecords
    online: list[str] = field(default_factory=lambda: list(NAMES))
    workers: dict[str, FakeWorker] = field(default_factory=dict)
    daemons: dict[str, Going] = field(default_factory=dict)

    def boot(self, name: str, boot: str) -> None:
        worker = self.workers[name] = FakeWorker()
        self.daemons[name] = Going(self.records, name, boot, worker.call, lambda: seen(NAMES, self.online))

    async def turn(self) -> list[str]:
        """One step of each that is there; who powered off."""
        for name in list(self.online):
            await self.daemons[name].step()
        off = [name for name in self.online if Power(action="shutdown") in self.workers[name].seen]
        self.online[:] = [name for name in self.online if name not in off]
        return off


def test_nothing_is_begun_amid_a_shutdown_and_without_quorum_nothing_seems_done(node: Node) -> None:
    node.records.quorate = False
    for method, path in (("POST", "/start"), ("DELETE", "/maintenance/n2")):
        assert "quorum" in node.call(method, path, status=503)["message"]
    node.records.quorate = True
    node.call("POST", "/shutdown", confirm="clover")
    assert "trebol cluster start" in node.call("PUT", "/maintenance/n2", status=409)["message"]
    assert not node.worker.seen


@pytest.mark.parametrize("name", ["", "/", "n 1", "../n1"])
def test_what_is_no_name_of_a_node_is_asked_of_nobody(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("node", "maintenance", name, "check"), ("cluster", "remove", name)):
        assert cli.run([*words, "--socket", "/nonexistent"]) == 2
        assert "NODE: is no name of a node" in capsys.readouterr().err


def test_daemons_go_one_after_the_other_and_come_back_to_stay() -> None:
    asyncio.run(_go_and_come_back())


async def _go_and_come_back() -> None:
    rack = Rack(records_of(*NAMES))
    for name in NAMES:
        rack.boot(name, "first")
    power.begin(rack.records, power.Shutdown("1", "root@pam", "n2", "then", ("n1", "n3", "n2")))
    gone = [await rack.turn() for _turn in range(9)]
    assert [each for each in gone if each] == [["n1"], ["n3"], ["n2"]]
    assert rack.workers["n2"].seen == [HoldCluster(held=True), Power(action="shutdown")]
    assert rack.workers["n1"].seen == [Power(action="shutdown")]

    for name in NAMES:
        rack.boot(name, "second")
    rack.online[:] = ["n1", "n2"]
    assert [await rack.turn() for _turn in range(3)] == [[], [], []]
    assert power.current(rack.records) is not None
    rack.online.append("n3")
    for _turn in range(3):
        await rack.turn()
    assert power.current(rack.records) is None
    assert rack.workers["n1"].seen == [HoldCluster(held=False)]
    assert await rack.daemons["n1"].step() is Step.WAIT


def test_what_a_node_finds_wrong_with_itself_is_told_to_the_others() -> None:
    asyncio.run(_tell())


async def _tell() -> None:
    records, fake = records_of(*NAMES), FakeWorker()
    telling = asyncio.create_task(keep_telling(records, "n1", fake.call))
    while not told.by(records, "n1"):
        await asyncio.sleep(0.01)
    telling.cancel()
    assert [each.to_members() for each in told.by(records, "n1")] == [FOUND]


def test_pacemaker_is_told_what_it_may_run() -> None:
    of_node = ("crm_attribute", "--type", "nodes", "--node", "n2", "--name", "standby", "--update")
    of_all = ("crm_attribute", "--type", "crm_config", "--name")
    bound = ("timeout", "--kill-after=1", "20")
    runner = (
        ScriptedRunner()
        .expect(*bound, *of_node, "on")
        .expect(*bound, *of_node, "off")
        .expect(*bound, *of_all, "startup-fencing", "--update", "false")
        .expect(*bound, *of_all, "stop-all-resources", "--update", "true")
        .expect(*bound, *of_all, "startup-fencing", "--update", "true", stderr="no daemon", status=102)
    )
    context: Any = type("Context", (), {"machine": Machine(Path("/"), runner)})
    worker.standby(SetStandby(node="n2", standby=True), context, "root@pam")
    worker.standby(SetStandby(node="n2", standby=False), context, "root@pam")
    worker.hold(HoldCluster(held=True), context, "root@pam")
    with pytest.raises(TrebolError, match="does not take startup-fencing=true: no daemon"):
        worker.hold(HoldCluster(held=False), context, "root@pam")


STATUS = [{"type": "cluster", "name": "clover"}]
GOES = {"nodes": [{"node": "n1", "ready": 1, "online": 0}, {"node": "n2", "ready": 1, "online": 1}]}
CHECK = {
    "node": "n2",
    "survives": 0,
    "layers": [
        {"layer": "corosync", "survives": 1, "reasons": []},
        {"layer": "store", "survives": 0, "reasons": ["n3 does not answer"]},
    ],
    "maintenance": {"node": "n2", "since": "2026-11-29", "who": "root@pam", "why": "new memory"},
}


@dataclass
class FakeApi:
    """Answers what a node would; `done` has what was to be changed. Once it has shown how far it is, it goes."""

    done: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    goes: list[Any] = field(default_factory=lambda: [GOES])

    def get(self, path: str) -> Any:
        if path == "/cluster/shutdown":
            if not self.goes:
                raise Unreachable("is gone")
            return self.goes.pop()
        answers = {"/cluster/status": STATUS, "/cluster/maintenance/n2": CHECK, "/cluster/diagnosis": [FOUND]}
        return answers.get(path, [])

    def set(self, path: str, **given: Any) -> None:
        self.done.append((path, given))

    def create(self, path: str, **given: Any) -> list[str]:
        self.done.append((path, given))
        return ["n1", "n2"]

    def delete(self, path: str) -> None:
        self.done.append((path, {}))


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    made = FakeApi()
    monkeypatch.setattr(commands, "Api", lambda socket: made)
    monkeypatch.setattr(commands, "_PAUSE", 0)
    return made


def typed(*words: str) -> int:
    return cli.run(list(words))


def test_check_says_of_each_layer_why(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("node", "maintenance", "n2", "check") == 1
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["✓ corosync: does without it", "✗ store: n3 does not answer"]
    assert "new memory" in said[2]


def test_what_is_typed_becomes_a_call(api: FakeApi) -> None:
    assert typed("node", "maintenance", "n2", "on", "--force", "--why", "x") == 0
    assert typed("node", "maintenance", "n2", "off") == 0
    assert typed("cluster", "start") == 0
    assert api.done == [
        ("/cluster/maintenance/n2", {"force": "1", "why": "x"}),
        ("/cluster/maintenance/n2", {}),
        ("/cluster/start", {}),
    ]
    assert typed("node", "maintenance", "n2", "off", "--force") == 2


def test_a_shutdown_is_shown_until_this_node_goes_too(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("cluster", "shutdown", "--yes") == 0
    assert api.done == [("/cluster/shutdown", {"confirm": "clover", "force": "0"})]
    said = capsys.readouterr().out
    assert "n1, n2" in said and "n1 is gone" in said and "n2 is gone" not in said and "this node goes" in said


def test_a_shutdown_that_is_taken_back_says_so(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    api.goes = [{}]
    assert typed("cluster", "shutdown", "--yes") == 1
    assert "taken back" in capsys.readouterr().err
