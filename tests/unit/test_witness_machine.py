"""The machine that is the witness: its member of the store follows the list, its files come and go whole."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from trebol_common.errors import BadInput, Refused
from trebol_common.run import CommandRunner, ScriptedRunner
from trebol_node import pki
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.voters.members import Member
from trebol_node.pki import Kind, Names, requests
from trebol_node.pki.validity import end_of
from trebol_node.store.configuration import parse
from trebol_node.witness import main, storing
from trebol_node.witness.joining import Witnessing
from trebol_node.witness.places import Settings

SETTINGS = Settings(
    "clover", ("192.0.2.11:8006",), "192.0.2.9", "0" * 16, "1" * 32, "2" * 64, "m9", qnetd=True, store=True
)
ONE = Member(1, "n1", ("https://192.0.2.11:2380",), ("https://192.0.2.11:2379",), learner=False)
MINE = Member(0xABC, "", ("https://192.0.2.9:2380",), (), learner=True)


def machine(root: Path, runner: ScriptedRunner) -> Here:
    (root / "etc/trebol-witness").mkdir(parents=True)
    return Here(root, runner, own=lambda _path, _group: None)


def silent(text: str) -> None:
    """Who says nothing."""


def learning(runner: ScriptedRunner, verb: str) -> ScriptedRunner:
    runner.expect("systemctl", "enable", storing.UNIT)
    return runner.expect("systemctl", verb, "--no-block", storing.UNIT)


def test_it_begins_as_the_learner_that_the_list_has_and_is_told_once(tmp_path: Path) -> None:
    here = machine(tmp_path, runner := learning(ScriptedRunner(), "restart"))
    storing.follow(here, SETTINGS, (ONE, MINE))
    found = parse(here.at(storing.CONFIGURATION).read_text())
    assert dict(found.cluster) == {"n1": "https://192.0.2.11:2380", "witness.trebol": "https://192.0.2.9:2380"}
    assert found.joins and found.client_url == "https://192.0.2.9:2379"
    learning(runner, "start")
    storing.follow(here, SETTINGS, (ONE, MINE))
    assert runner.expected == []


def test_what_it_holds_of_another_member_goes_before_it_begins(tmp_path: Path) -> None:
    here = machine(
        tmp_path,
        learning(ScriptedRunner().expect("systemctl", "disable", "--now", storing.UNIT), "restart"),
    )
    for path, text in ((storing.MARK, "def\n"), (storing.DATA / "member/wal/1", "old")):
        here.at(path).parent.mkdir(parents=True, exist_ok=True)
        here.at(path).write_text(text)
    storing.follow(here, SETTINGS, (ONE, MINE))
    assert not here.at(storing.DATA).exists() and here.at(storing.MARK).read_text() == "abc\n"


def test_who_is_not_in_the_list_has_no_store(tmp_path: Path) -> None:
    here = machine(tmp_path, ScriptedRunner().expect("systemctl", "disable", "--now", storing.UNIT))
    here.at(storing.MARK).parent.mkdir(parents=True)
    here.at(storing.MARK).write_text("abc\n")
    storing.follow(here, SETTINGS, (ONE,))
    storing.follow(here, SETTINGS, (ONE,))
    assert not here.at(storing.MARK).exists()


@pytest.mark.parametrize(
    ("version", "possible"), [("3.5.16-4", True), ("3.4.23-4+b4", False), ("1:4.0.1-1", True), ("", False)]
)
def test_an_etcd_that_is_too_old_offers_no_vote(tmp_path: Path, version: str, possible: bool) -> None:
    query = ("dpkg-query", "--show", "--showformat=${Version}", "etcd-server")
    assert storing.is_possible(Here(tmp_path, ScriptedRunner().expect(*query, stdout=version))) is possible


def test_it_keeps_up_with_the_nodes_that_there_are() -> None:
    assert storing.with_nodes(SETTINGS, ("192.0.2.12", "2001:db8::1")).nodes == (
        "192.0.2.12:8006",
        "[2001:db8::1]:8006",
    )
    assert storing.with_nodes(SETTINGS, ()) == SETTINGS


def test_its_settings_are_roots_alone_and_damage_is_told(tmp_path: Path) -> None:
    here = machine(tmp_path, ScriptedRunner())
    SETTINGS.write(here.root)
    assert Settings.read(here.root) == SETTINGS
    path = tmp_path / "etc/trebol-witness/witness.json"
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("{}")
    with pytest.raises(BadInput, match="is damaged"):
        Settings.read(here.root)


def test_a_machine_is_the_witness_of_one_cluster(tmp_path: Path) -> None:
    here = machine(tmp_path, ScriptedRunner())
    SETTINGS.write(here.root)
    with pytest.raises(Refused, match="is the witness of the cluster clover already"):
        Witnessing(here, silent)._require_free()


def test_a_qnetd_that_serves_others_is_left_alone(tmp_path: Path) -> None:
    runner = ScriptedRunner().expect("systemctl", "is-active", "--quiet", "corosync-qnetd.service")
    runner.expect("corosync-qnetd-tool", "-l", stdout='Cluster "rack7":\n    Algorithm:\t\tFifty-Fifty split\n')
    with pytest.raises(Refused, match="other clusters already: rack7"):
        Witnessing(machine(tmp_path, runner), silent)._require_free()


def test_whoever_is_no_witness_has_nothing_to_leave(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is no cluster's witness"):
        Witnessing(machine(tmp_path, ScriptedRunner()), silent).leave()


def test_its_command_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("join", "leave", "status"):
        with pytest.raises(SystemExit):
            main.parser().parse_args([command, "--help"])
        assert "Example: trebol-witness" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_of_a_request_the_key_alone_counts(tmp_path: Path) -> None:
    runner, folder = CommandRunner(), tmp_path / "pki"
    pki.prepare(Names("n1", ("n1",), ("192.0.2.11",)), runner, folder=folder, own=lambda _path, _group: None)
    key = tmp_path / "key"
    requests.new_key(key, runner, own=lambda _path, _group: None)
    extension = ("-subj", "/CN=trebold", "-addext", "subjectAltName=DNS:evil.example.org")
    asked = runner.run(["openssl", "req", "-new", "-key", key, *extension]).stdout
    made = requests.sign(
        asked, Kind("qnetd", "root", ("serverAuth",), "Qnetd Server"), Names("w", (), ()), runner, folder=folder
    )
    (tmp_path / "made").write_text(made)
    told = runner.run(["openssl", "x509", "-in", tmp_path / "made", "-noout", "-text"]).stdout
    assert re.search(r"CN ?= ?Qnetd Server", told) and "evil" not in told and "TLS Web Client" not in told
    assert end_of(made).year == 2049
    with pytest.raises(BadInput, match="is no request"):
        requests.sign("hello", Kind("x", "root", ("serverAuth",)), Names("w", (), ()), runner, folder=folder)
