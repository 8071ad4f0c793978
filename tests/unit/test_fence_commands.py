"""`trebol fence …`: what is typed becomes a call of the API, and no secret is typed where others read it."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from trebol_common import cli
from trebol_node.commands import fence as fence_commands

PLAIN = {"type": "string", "required": 0, "secret": 0, "default": "", "choices": [], "description": ""}
PARAMETERS = [
    {**PLAIN, "name": "ip", "description": "Where"},
    {**PLAIN, "name": "password", "secret": 1},
    {**PLAIN, "name": "method", "default": "onoff", "choices": ["onoff", "cycle"], "description": "How"},
]
PROOF = {"reason": "", "how": "status", "by": "n1", "tested": 1790000000, "problems": [], "warnings": []}
NODES = [
    {**PROOF, "node": "n1", "state": "proven", "proven": 1790000000, "warnings": ["n1.apc: it does not answer"]},
    {**PROOF, "node": "n2", "state": "none", "proven": 0, "how": ""},
]
DEVICE = {"id": "n1.apc", "node": "n1", "name": "apc", "agent": "fence_apc", "level": 2}
OPTIONS = {"ip": "192.0.2.70", "plug": "4", "password": "***"}


@dataclass
class FakeApi:
    """Answers what a node would; `done` has what was to be changed."""

    done: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def get(self, path: str) -> Any:
        answers: dict[str, Any] = {
            "/cluster/fencing": NODES,
            "/cluster/fencing/devices": [{**DEVICE, "options": OPTIONS}],
            "/cluster/fencing/devices/n1.apc": {**DEVICE, "options": OPTIONS},
            "/cluster/fencing/agents": [{"agent": "fence_apc"}],
            "/cluster/fencing/agents/fence_apc": {"agent": "fence_apc", "description": "A", "parameters": PARAMETERS},
        }
        return answers[path]

    def create(self, path: str, **given: Any) -> str:
        self.done.append((path, given))
        return "n1.apc"

    def delete(self, path: str) -> None:
        self.done.append((path, {}))


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    made = FakeApi()
    monkeypatch.setattr(fence_commands, "Api", lambda socket: made)
    monkeypatch.setattr(fence_commands, "follow", lambda api, upid: None)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    return made


def run(*words: str) -> int:
    return cli.run(["fence", *words])


def test_devices_and_proofs_are_tables_and_the_status_says_that_one_is_missing(
    api: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("list") == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == ["n1.apc", "2", "fence_apc", "192.0.2.70", "4"]
    assert lines[3] == ["n1", "proven", "2026-09-21", "14:13:20", "UTC", "status"]
    assert lines[4] == ["n2", "no", "device", "-", "-"]
    assert " ".join(lines[5]) == "n1: n1.apc: it does not answer"
    assert run("list", "--json") == 1
    assert json.loads(capsys.readouterr().out)["nodes"] == NODES


def test_a_device_is_added_with_its_secrets_from_a_file(api: FakeApi, tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    path.write_text("password=Kleeblatt 4711\n\n")
    assert run("add", "n1", "--agent", "fence_apc", "--level", "2", "--secrets", str(path), "ip=192.0.2.70") == 0
    given: Sequence[str] = ["ip=192.0.2.70", "password=Kleeblatt 4711"]
    full = {"node": "n1", "agent": "fence_apc", "level": "2", "options": given}
    assert api.done == [("/cluster/fencing/devices", full)]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("add", "n1", "ip=1"), "--agent: is missing"),
        (("add", "n1", "--agent", "fence_apc", "password=x"), "password: would be seen by all in `ps`"),
        (("add", "n1", "--agent", "fence_apc", "passwd=x"), "passwd: would be seen by all in `ps`"),
        (("add", "n1", "--agent", "fence_apc", "--secrets", "/nowhere"), "/nowhere: No such file"),
        (("add", "n1", "--agent", "fence_apc", "--level", "10"), "10 is not in the range"),
        (("add", "n1", "--agent", "fence_apc", "ip"), "ip: is not NAME=VALUE"),
    ],
)
def test_what_cannot_be_added_is_told(
    api: FakeApi, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], says: str
) -> None:
    assert run(*words) == 2
    assert says in capsys.readouterr().err
    assert api.done == []


def test_a_device_is_shown_without_its_secrets_and_removed(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "n1.apc") == 0
    assert ["password", "***"] in [line.split() for line in capsys.readouterr().out.splitlines()]
    assert run("remove", "n1.apc") == 0
    assert api.done == [("/cluster/fencing/devices/n1.apc", {})]


def test_agents_and_what_they_take_are_listed(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("agents") == 0
    assert capsys.readouterr().out == "fence_apc\n"
    assert run("parameters", "fence_apc") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[2] == ["password", "string", "secret"]
    assert lines[3] == ["method", "onoff|cycle", "=", "onoff", "How"]


@pytest.mark.parametrize(
    ("words", "typed", "status", "given"),
    [
        (("n1",), "", 0, {"node": "n1"}),
        (("n1", "--power-cycle"), "n1\n", 0, {"node": "n1", "power-cycle": "1", "confirm": "n1"}),
        (("n1", "--power-cycle", "--yes"), "", 0, {"node": "n1", "power-cycle": "1", "confirm": "n1"}),
        (("n1", "--power-cycle"), "n2\n", 2, None),
        (("n1", "--power-cycle"), "\n", 2, None),
    ],
)
def test_power_is_cut_only_after_the_nodes_name_was_typed(
    api: FakeApi,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    typed: str,
    status: int,
    given: dict[str, str] | None,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert run("test", *words) == status
    assert api.done == ([] if given is None else [("/cluster/fencing/test", given)])
