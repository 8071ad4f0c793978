"""`trebol node …` against a node's daemon on its socket."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.shown_node import NODE, STARTED, UPDATES, Served, served_node
from typer.testing import CliRunner

from trebol_common.errors import BadInput, TrebolError
from trebol_node.commands.node import app
from trebol_node.commands.shown import status_command
from trebol_node.root_keys import changed
from trebol_node.worker.operations import ApplyNetwork


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_node(tmp_path_factory.mktemp("node")) as found:
        yield found


def trebol(node: Served, *words: str, status: int = 0) -> str:
    """What `trebol node WORDS` prints; the socket is an option of the first word."""
    result = CliRunner().invoke(app, [words[0], "--socket", str(node.path), *words[1:]])
    assert result.exit_code == status, result.output
    return result.output


def test_status_is_that_of_the_daemon(node: Served) -> None:
    text = trebol(node, "status")
    assert NODE in text and "192.0.2.10/24" in text and "running" in text
    members = json.loads(trebol(node, "status", "--json"))
    assert (members["host"], members["memory"]["total"]) == (NODE, 8 * 2**30)
    assert members.keys() >= {
        "addresses",
        "failed_units",
        "hardware",
        "installed",
        "kernel",
        "load",
        "root",
        "version",
    }


def test_a_node_may_be_named_and_has_to_be_one(node: Served) -> None:
    for words in (("status",), ("services",), ("tasks",), ("log",)):
        assert trebol(node, *words, "--node", NODE, "--json")
        for wrong, says in (("elsewhere", "does not exist"), ("a/b", "is no name of a node")):
            result = CliRunner().invoke(app, [words[0], "--socket", str(node.path), "--node", wrong])
            # Of another node this one has nothing to tell instead.
            assert isinstance(result.exception, BadInput) and says in str(result.exception)


def test_the_network_is_a_table_and_says_what_is_pending(node: Served) -> None:
    text = trebol(node, "network")
    assert "192.0.2.10/24 (DHCP)" in text and "eno2" in text
    answer = json.loads(trebol(node, "network", "--json"))
    assert answer["changes"] == "" and answer["trial"] is None
    assert [each["iface"] for each in answer["interfaces"]] == ["eno1", "eno2", "vmbr0"]
    assert str(STARTED) in trebol(node, "network", "apply")
    assert json.loads(trebol(node, "network", "apply", "--json")) == str(STARTED)
    assert node.worker.of(ApplyNetwork)
    trebol(node, "network", "revert")


def test_time_in_the_zone_of_the_node(node: Served) -> None:
    assert trebol(node, "time") == "2026-09-21 16:13:20 Europe/Madrid\n"
    assert json.loads(trebol(node, "time", "Europe/Madrid", "--json"))["timezone"] == "Europe/Madrid"


def test_the_name_and_the_packages_of_the_node(node: Served) -> None:
    assert trebol(node, "name").strip() == NODE
    assert json.loads(trebol(node, "name", "--json")) == {"fqdn": NODE, "hostname": NODE}
    assert "trebol" in (text := trebol(node, "update")) and "Trebol" in text
    assert json.loads(trebol(node, "update", "--json")) == UPDATES


def test_roots_keys_are_added_and_taken_away(node: Served, tmp_path: Path) -> None:
    blob = base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + bytes(range(32))).decode()
    file = tmp_path / "ana.pub"
    file.write_text(f"# mine\nssh-ed25519 {blob} ana@laptop\n")
    assert trebol(node, "ssh-keys") == ""
    assert trebol(node, "ssh-keys", "--add", str(file)) == f"ssh-ed25519 {blob} ana@laptop\n"
    assert json.loads(trebol(node, "ssh-keys", "--json")) == [f"ssh-ed25519 {blob} ana@laptop"]
    assert trebol(node, "ssh-keys", "--remove", "ana@laptop") == ""


@pytest.mark.parametrize(
    ("removed", "added", "left"),
    [
        (["a@b"], ["x AAA c"], ["x BBB d", "x AAA c"]),
        (["x AAA a@b"], ["# no key\n\nx BBB d\n"], ["x BBB d"]),
        (["nobody"], [], None),
        (["a@b"], [], ["x BBB d"]),
    ],
)
def test_keys_go_by_comment_or_line(removed: list[str], added: list[str], left: list[str] | None) -> None:
    keys = ["x AAA a@b", "x BBB d"]
    if left is None:
        with pytest.raises(BadInput, match="names 0 keys"):
            changed(keys, added, removed)
    else:
        assert [*changed(keys, added, removed)] == left


def test_services_that_are_there(node: Served) -> None:
    text = trebol(node, "services")
    assert "active (running)" in text and "trebold" not in text
    assert json.loads(trebol(node, "services", "chrony", "--json"))["unit-state"] == "enabled"


def test_without_tasks_it_says_so(node: Served) -> None:
    assert trebol(node, "tasks") == "no tasks\n"
    assert json.loads(trebol(node, "tasks", "--json")) == []


def test_the_last_lines_of_the_journal(node: Served) -> None:
    lines = trebol(node, "log", "--lines", "5").splitlines()
    assert len(lines) == 5 and lines[-1].endswith("sshd[700]: line 5")
    assert len(json.loads(trebol(node, "log", "--json"))) == 5


def test_the_report_is_shown_or_goes_into_a_file(node: Served, tmp_path: Path) -> None:
    assert "==== network ====" in trebol(node, "report")
    assert "==== network ====" in json.loads(trebol(node, "report", "--json"))
    assert trebol(node, "report", "--output", str(tmp_path / "report.txt")) == ""
    assert "==== network ====" in (tmp_path / "report.txt").read_text()
    trebol(node, "report", "--json", "--output", str(tmp_path / "none"), status=1)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("words", [["services", "rm"], ["time", "Europe/Atlantis"], ["tasks", "UPID:nonsense"]])
def test_what_is_not_there_is_one_message(node: Served, words: list[str]) -> None:
    result = CliRunner().invoke(app, [words[0], "--socket", str(node.path), *words[1:]])
    assert isinstance(result.exception, TrebolError) and result.exception.exit_status == 2


def test_without_the_daemon_status_says_so_and_shows_what_it_can(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status_command(as_json=True, socket=tmp_path / "none.sock")
    shown = capsys.readouterr()
    assert "the node's daemon does not answer" in shown.err
    assert json.loads(shown.out)["kernel"]
