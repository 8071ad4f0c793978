"""`trebol api …` against a node: tables and JSON out of it, errors like those of every command."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.api_node import LiveNode, context, serving

from trebol_common import cli
from trebol_common.errors import TrebolError
from trebol_node import client
from trebol_node.table import to_text


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveNode]:
    folder = tmp_path_factory.mktemp("node")
    with serving(context(folder), folder) as found:
        yield found


def run(node: LiveNode, *words: str) -> int:
    return cli.run(["api", *words, "--socket", str(node.path)])


def test_a_list_is_a_table(node: LiveNode, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(node, "get", "/cluster/resources", "type=node") == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["cpu", "disk", "id"]
    assert "node/node1" in row


def test_json_is_what_the_api_has(node: LiveNode, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(node, "get", "version", "--json") == 0
    assert json.loads(capsys.readouterr().out)["version"]


def test_making_changing_and_deleting(
    node: LiveNode, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A password is typed, not an argument that everybody on the node could read.
    monkeypatch.setattr("sys.stdin", io.StringIO("secret of ana\n"))
    assert run(node, "create", "/access/users", "userid=ana@trebol", "password=-", "comment=Ana, of node 1") == 0
    assert run(node, "set", "/access/users/ana@trebol", "firstname=Ana") == 0
    assert capsys.readouterr().out == ""
    assert run(node, "get", "/access/users/ana@trebol") == 0
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if " " in line)
    assert (shown["firstname"], shown["comment"]) == ("Ana", "Ana, of node 1")
    assert run(node, "delete", "/access/users/ana@trebol") == 0
    assert run(node, "get", "/access/users/ana@trebol") == 2


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("get", "/cluster/resources", "type=ham"), 2, "type: value does not have a value in the enumeration"),
        (("get", "/nonsense"), 2, "path '/nonsense' does not exist"),
        (("get", "/pools"), 2, "Method 'GET /pools' not implemented"),
        (("get", "/version", "type"), 2, "an argument is not KEY=VALUE"),
        (("create", "/access/roles", "roleid=r", "privs=Fly"), 2, "privs: "),
    ],
)
def test_errors_say_what_is_wrong(
    node: LiveNode, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], status: int, said: str
) -> None:
    assert run(node, *words) == status
    assert said in capsys.readouterr().err


def test_without_the_daemon_it_says_where_to_look(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["api", "get", "/version", "--socket", str(tmp_path / "none.sock")]) == 1
    assert "systemctl status trebold" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (7, "7"),
        ("two\nlines", "two\\nlines"),
        ([], ""),
        (["a", "b"], "a\nb"),
        ({"name": "n1", "on": True, "tags": ["x"]}, 'name  n1\non    1\ntags  ["x"]'),
        ([{"a": 1}, {"a": 22, "b": None}], "a   b\n1\n22"),
        # What is stored must not steer the terminal that it is shown on.
        ("\x1b[2J", "\\x1b[2J"),
    ],
)
def test_values_as_text(value: object, text: str) -> None:
    assert to_text(value) == text


@pytest.mark.parametrize(("status", "ends"), [(400, 2), (409, 3), (403, 1), (503, 1)])
def test_a_command_ends_with_the_status_that_fits_the_answer(status: int, ends: int) -> None:
    with pytest.raises(TrebolError, match="is online") as caught:
        client._answer("/cluster/config/nodes/n2", status, "", b'{"message": "is online", "errors": {}}')
    assert caught.value.exit_status == ends
