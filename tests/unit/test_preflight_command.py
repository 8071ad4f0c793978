"""`trebol cluster preflight`: what people see of it, and what scripts go by."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.preflight_facts import sound
from typer.testing import CliRunner

from trebol_common.errors import BadInput, Refused
from trebol_node.cluster.preflight.facts import Contents, Facts
from trebol_node.cluster.preflight.findings import evaluate
from trebol_node.cluster.preflight.report import to_members
from trebol_node.commands import cluster as cluster_commands

#: A node with guests.
GUESTS = replace(sound(), hosts=(replace(sound().hosts[0], contents=Contents(guests=("web",))), *sound().hosts[1:]))


class Api:
    """A node that measured these facts."""

    facts: Facts = sound()
    asked: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, socket: object) -> None:
        pass

    def create(self, path: str, **arguments: Any) -> str:
        """POST."""
        assert path == "/cluster/config/preflight"
        Api.asked = arguments
        return "UPID:"

    def get(self, path: str, **arguments: Any) -> Any:
        """GET."""
        if path.endswith("/status"):
            return {"status": "stopped", "exitstatus": "OK"}
        if path.endswith("/log"):
            return [{"n": 1, "t": "measuring the ways to and from node1"}]
        return to_members(self.facts, evaluate(self.facts), arguments["force"])


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setattr(cluster_commands, "Api", Api)
    return CliRunner()


@pytest.mark.parametrize(
    ("facts", "options", "status", "says"),
    [
        (sound(), (), 0, "The node may join"),
        (GUESTS, (), 1, "✗ not-empty-guests\n    node4: the node has guests: web"),
        (GUESTS, ("--force", "not-empty-guests"), 0, "✗ not-empty-guests (forced)"),
    ],
)
def test_the_exit_status_says_whether_something_stops_a_join(
    command: CliRunner,
    monkeypatch: pytest.MonkeyPatch,
    facts: Facts,
    options: tuple[str, ...],
    status: int,
    says: str,
) -> None:
    monkeypatch.setattr(Api, "facts", facts)
    done = command.invoke(cluster_commands.app, ["preflight", "trebol1-x", *options])
    assert done.exit_code == status and says in done.output
    shown = command.invoke(cluster_commands.app, ["preflight", "trebol1-x", "--json", *options])
    assert shown.exit_code == status
    assert json.loads(shown.output[shown.output.index("{\n") :])["stops"] is bool(status)


def test_token_member_and_links_go_to_the_node(command: CliRunner) -> None:
    given = ["preflight", "-", "--peer", "192.0.2.1", "--link", "0=192.0.2.4"]
    assert command.invoke(cluster_commands.app, given, input="a-token").exit_code == 0
    assert Api.asked == {"token": "a-token", "hostname": "192.0.2.1", "link0": "192.0.2.4"}


@pytest.mark.parametrize(("code", "error"), [("name-taken", Refused), ("hello", BadInput)])
def test_what_cannot_be_forced_is_told_before_anything_is_measured(
    command: CliRunner, code: str, error: type[Exception]
) -> None:
    for name in ("preflight", "join"):
        done = command.invoke(cluster_commands.app, [name, "trebol1-x", "--force", code])
        assert isinstance(done.exception, error)
