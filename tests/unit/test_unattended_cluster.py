"""`[cluster]` of the answers is carried out by the first boot: whatever cuts it off, in the end the node is there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from trebol_common import CLUSTER_INTENT
from trebol_common.errors import BadInput, TrebolError
from trebol_firstboot.unattended.cluster import DAEMON_WITHIN, PAUSES, Clock, ClusterTask
from trebol_firstboot.unattended.journal import State
from trebol_firstboot.unattended.log import LOG, Log
from trebol_node.client import Unreachable
from trebol_node.cluster.steps import disk
from trebol_node.cluster.steps.journal import Journal
from trebol_node.cluster.tokens.agreed import Agreed

TEXT = "9f2c4e81b7d3605a1c88e4f2070b9d6e"
CREATE = f'[cluster]\nmode = "create"\nname = "clover"\ntoken = "{TEXT}"\n'
FOR_TWO = f'{CREATE}nodes = ["n2", "n3"]\n'
JOIN = f'[cluster]\nmode = "join"\npeer = "n1"\ntoken = "{TEXT}"\n'
SILENT = Unreachable("does not answer")


@dataclass
class FakeNode:
    """A node's API: what was asked of it, and how its tasks end. `fails`: how the next ones end that do not do their
    work; `silent`: so many calls more are not answered."""

    cluster: str = ""
    ids: list[str] = field(default_factory=list)
    fails: list[str] = field(default_factory=list)
    silent: int = 0
    active: list[str] = field(default_factory=list)
    journal: Path | None = None
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def get(self, path: str, **arguments: str | Sequence[str]) -> Any:
        self._speak()
        match path.split("/")[1:]:
            case ["cluster", "status"]:
                head = [{"type": "cluster", "name": self.cluster, "quorate": 1}] if self.cluster else []
                return [*head, {"type": "node", "name": "n1", "online": 1}]
            case ["cluster", "tokens"]:
                return [{"id": each} for each in self.ids]
            case ["nodes", "localhost", "tasks"]:
                return [{"upid": upid, "type": "clusterjoin"} for upid in self.active]
            case ["nodes", "localhost", "tasks", upid, "status"]:
                self.active = [each for each in self.active if each != upid]
                return {"status": "stopped", "exitstatus": upid}
            case ["nodes", "localhost", "tasks", _upid, "log"]:
                lines = [{"n": 1, "t": "1/7 admit"}, {"n": 2, "t": "2/7 keys"}]
                return lines[int(str(arguments["start"])) :] or [{"n": 1, "t": "no content"}]
        raise AssertionError(path)

    def create(self, path: str, **arguments: str | Sequence[str]) -> Any:
        self._speak()
        self.asked.append((path, dict(arguments)))
        if path == "/cluster/tokens":
            text, node = SecretStr(str(arguments["agreed"])), arguments.get("node")
            self.ids.append(Agreed.of(text, node=None if node is None else str(node)).id)
            return {"id": self.ids[-1]}
        if self.journal is not None and path == "/cluster/config/go-on":
            self.journal.unlink()
        if self.fails:
            return self.fails.pop(0)
        self.cluster = str(arguments.get("clustername") or "clover")
        return "OK"

    def _speak(self) -> None:
        if self.silent:
            self.silent -= 1
            raise SILENT

    @property
    def paths(self) -> list[str]:
        return [path.removeprefix("/cluster/") for path, _arguments in self.asked]


@dataclass
class Boot:
    """A first boot of a node with these answers; time goes on only while it waits."""

    root: Path
    node: FakeNode
    seconds: float = 0.0
    waits: int = 0
    stops_at: float = 1e9

    def carry_out(self) -> tuple[State, str]:
        def pause(seconds: float) -> None:
            self.seconds += seconds

        def waiting() -> None:
            self.waits += 1

        log = Log.open(self.root, lambda: datetime(2026, 11, 28, tzinfo=UTC), lambda text: None)
        clock = Clock(lambda: self.seconds, pause)
        return ClusterTask(
            self.root, self.node, log, lambda: self.seconds >= self.stops_at, waiting, clock
        ).carry_out()

    @property
    def log(self) -> str:
        return (self.root / LOG).read_text()


@pytest.fixture
def boot(tmp_path: Path) -> Callable[..., Boot]:
    def made(answers: str, **node: Any) -> Boot:
        if answers:
            path = tmp_path / CLUSTER_INTENT
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(answers)
        return Boot(tmp_path, FakeNode(**node))

    return made


def test_what_others_join_with_is_registered_before_there_is_a_cluster(boot: Callable[..., Boot]) -> None:
    found = boot(FOR_TWO)

    assert found.carry_out() == (State.DONE, "")

    of_two = [("/cluster/tokens", {"agreed": TEXT, "ttl": "7d", "node": node}) for node in ("n2", "n3")]
    assert found.node.asked == [*of_two, ("/cluster/config", {"clustername": "clover"})]
    assert not (found.root / CLUSTER_INTENT).exists(), "the secret is needed by nobody any more"
    assert TEXT not in found.log and "2/7 keys" in found.log
    assert not found.waits


@pytest.mark.parametrize(
    ("answers", "asked"),
    [(CREATE, [{"agreed": TEXT, "ttl": "7d"}]), (CREATE.replace(f'token = "{TEXT}"\n', ""), [])],
    ids=["any node", "nobody"],
)
def test_a_text_without_names_is_for_whoever_comes_first(
    boot: Callable[..., Boot], answers: str, asked: list[Mapping[str, str]]
) -> None:
    found = boot(answers)
    found.carry_out()
    assert [arguments for path, arguments in found.node.asked if path == "/cluster/tokens"] == asked


def test_a_join_waits_as_long_as_it_takes_and_the_boot_does_not_wait_for_it(boot: Callable[..., Boot]) -> None:
    found = boot(JOIN)

    assert found.carry_out() == (State.DONE, "")

    assert found.node.asked == [("/cluster/config/join", {"token": TEXT, "hostname": "n1", "patience": "0"})]
    assert found.waits == 1


def test_what_the_answers_force_is_forced(boot: Callable[..., Boot]) -> None:
    found = boot(f'{JOIN}force = ["rtt-high", "mtu-path"]\n')
    found.carry_out()
    assert [arguments.get("force") for _path, arguments in found.node.asked] == ["rtt-high,mtu-path"]


def test_a_join_without_a_token_is_left_to_somebody(boot: Callable[..., Boot]) -> None:
    state, reason = boot(JOIN.replace(f'token = "{TEXT}"\n', "")).carry_out()
    assert state is State.WAITING and "trebol cluster join" in reason


def test_the_daemon_is_waited_for(boot: Callable[..., Boot]) -> None:
    found = boot(JOIN, silent=40)
    assert found.carry_out() == (State.DONE, "")
    assert found.seconds >= 40


def test_a_daemon_that_never_answers_is_told(boot: Callable[..., Boot]) -> None:
    found = boot(JOIN, silent=10**6)
    with pytest.raises(Unreachable):
        found.carry_out()
    assert found.seconds < DAEMON_WITHIN + 10


#: How far a first boot was that the power cut off: what its node knows, and what is left to be asked.
CUTS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "one text registered": (FOR_TWO, {"ids": [Agreed.of(SecretStr(TEXT), node="n2").id]}, ["tokens", "config"]),
    "created": (FOR_TWO, {"cluster": "clover", "ids": []}, ["tokens", "tokens"]),
    "all but noted": (CREATE, {"cluster": "clover", "ids": [Agreed.of(SecretStr(TEXT)).id]}, []),
    "joined": (JOIN, {"cluster": "clover"}, []),
    "forgotten": ("", {"cluster": "clover"}, []),
}


@pytest.mark.parametrize("cut", CUTS)
def test_what_a_power_cut_left_is_gone_on_with(boot: Callable[..., Boot], cut: str) -> None:
    answers, node, left = CUTS[cut]
    found = boot(answers, **node)

    assert found.carry_out() == (State.DONE, "")
    assert found.node.paths == left


@pytest.mark.parametrize(("fails", "asked"), [([], ["config/go-on"]), (["no"], ["config/go-on", "config/join"])])
def test_a_join_that_was_cut_off_is_resumed_and_begun_anew_where_it_went_back(
    boot: Callable[..., Boot], fails: list[str], asked: list[str]
) -> None:
    found = boot(JOIN, fails=fails)
    folder = found.root / disk.FOLDER.relative_to("/")
    folder.mkdir(parents=True)
    kept = disk.Kept(folder, Journal.of("join", ["admit"], {}))
    disk.create(kept)
    found.node.journal = folder / "journal.json"

    assert found.carry_out() == (State.DONE, "")
    assert found.node.paths == asked


def test_what_somebody_at_the_console_began_is_let_end(boot: Callable[..., Boot]) -> None:
    found = boot(JOIN, active=["OK"], cluster="clover")
    assert found.carry_out() == (State.DONE, "")
    assert found.node.paths == []


def test_what_fails_is_tried_for_an_hour_and_then_told(boot: Callable[..., Boot]) -> None:
    found = boot(JOIN, fails=["token: is not known here"] * 99)

    with pytest.raises(TrebolError, match="token: is not known here"):
        found.carry_out()

    assert len(found.node.asked) == len(PAUSES) + 1
    assert "tried again in 5 s: token: is not known here" in found.log
    assert (found.root / CLUSTER_INTENT).exists(), "the next boot needs it"


def test_a_node_of_another_cluster_is_told(boot: Callable[..., Boot]) -> None:
    with pytest.raises(TrebolError, match="is of the cluster oak already"):
        boot(CREATE, cluster="oak").carry_out()


def test_a_node_that_goes_down_waits_for_nobody(boot: Callable[..., Boot]) -> None:
    found = boot(JOIN, fails=["no"] * 10)
    found.stops_at = 3.0
    assert found.carry_out() == (State.PENDING, "")
    assert found.seconds < 5


def test_answers_that_are_gone_are_told(boot: Callable[..., Boot]) -> None:
    with pytest.raises(TrebolError, match=r"cluster\.toml") as caught:
        boot("").carry_out()
    assert not isinstance(caught.value, BadInput) and json.dumps(str(caught.value))
