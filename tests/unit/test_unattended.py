"""The unattended installation of the live system: what it does with its answers, and what it says where it fails."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from tests.unit.answer_files import changed, machine

from trebol_common.answers import Answers
from trebol_common.errors import BadInput
from trebol_common.medium import SLOT
from trebol_installer import session, unattended


class Recorder:
    """A runner that only notes what it was asked to run."""

    def __init__(self) -> None:
        self.seen: list[list[str]] = []

    def run(self, command: list[str], **_: object) -> None:
        self.seen.append(command)


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """A live system as root, on which no installation and no reboot is real."""
    recorder = Recorder()
    (tmp_path / SLOT).parent.mkdir()
    (tmp_path / "cmdline").write_text("boot=trebol console=ttyS0\n")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(unattended, "COMMAND_LINE", tmp_path / "cmdline")
    monkeypatch.setattr(unattended, "CommandRunner", lambda: recorder)
    return recorder


DEVICES = ["systemctl", "start", "trebol-live-devices.service"]
NETWORK = ["systemctl", "start", "trebol-live-network.service"]


@pytest.mark.parametrize(("on_error", "commands"), [(False, [DEVICES]), (True, [DEVICES, ["systemctl", "reboot"]])])
def test_an_unattended_failure_says_what_why_and_what_next(
    live: Recorder,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    on_error: bool,
    commands: list[list[str]],
) -> None:
    (tmp_path / SLOT).write_text(changed(("global.reboot-on-error", on_error)))

    assert unattended.run(tmp_path) == 1

    said = capsys.readouterr()
    assert "Answers: the medium's answer slot" in said.out
    assert "The installation failed." in said.err
    assert "manifest.json: cannot be read" in said.err
    assert ("systemctl start trebol-install" in said.err) is not on_error
    assert live.seen == commands


def test_unattended_without_answers_names_the_places(
    live: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / SLOT).write_bytes(bytes(100))

    assert unattended.run(tmp_path) == 2
    assert "no answers were found; looked at:" in capsys.readouterr().err


@pytest.mark.parametrize(("mode", "verb"), [("power-off", "poweroff"), ("reboot", "reboot")])
def test_a_finished_installation_leaves_as_the_answers_say(
    live: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, verb: str
) -> None:
    (tmp_path / SLOT).write_text(changed(("global.reboot-mode", mode), ("network.filter", {"INTERFACE": "ens3"})))

    def prepare(wanted: Answers, medium: Path, **_: object) -> session.Prepared:
        return session.prepare_dry_run(wanted, machine("qemu-bios"), None)

    monkeypatch.setattr(session, "prepare", prepare)
    monkeypatch.setattr(session, "run_logged", session.execute)

    assert unattended.run(tmp_path) == 0
    assert live.seen == [DEVICES, ["udevadm", "settle", "--timeout=10"], ["systemctl", verb]]


def test_answers_of_a_server_have_the_network_brought_up_first(
    live: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cmdline").write_text("boot=trebol trebol.answer=http://me:secret@198.51.100.1/a.toml\n")
    seen_before: list[list[str]] = []

    def fetch(url: str) -> bytes:
        seen_before.extend(live.seen)
        raise BadInput("the server does not answer in time", where=url)

    monkeypatch.setattr(unattended, "fetch", fetch)

    assert unattended.run(tmp_path) == 2
    assert seen_before == [NETWORK]
    said = capsys.readouterr()
    assert "Fetching http://198.51.100.1/a.toml" in said.out
    assert "the server does not answer in time" in said.err
    assert "secret" not in said.out


def test_what_the_system_refuses_fails_an_unattended_installation_as_anything_else(
    live: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / SLOT).write_text(changed(("global.reboot-on-error", True)))

    def prepare(wanted: Answers, medium: Path, **_: object) -> session.Prepared:
        raise OSError(errno.EMFILE, "Too many open files", "/sys/block")

    monkeypatch.setattr(session, "prepare", prepare)

    assert unattended.run(tmp_path) == 1
    said = capsys.readouterr().err
    assert "The installation failed." in said and "/sys/block: Too many open files" in said
    assert live.seen[-1] == ["systemctl", "reboot"]
