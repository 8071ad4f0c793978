"""`trebol answer` and `trebol install` as they are typed."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from tests.unit.answer_files import MACHINES, STATIC, changed

from trebol_common.cli import run
from trebol_common.run import CommandRunner

MACHINE = str(MACHINES / "qemu-bios.json")


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "answer.toml"
    path.write_text(changed(("network.filter", {"INTERFACE": "ens3"})))
    return str(path)


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.toml"
    path.write_text(changed(("global.contry", "es"), ("global.root-password", "x")))
    return str(path)


def test_a_good_file_is_valid(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["answer", "validate", file]) == 0
    assert capsys.readouterr().out == f"{file}: valid\n"


def test_a_bad_file_is_told_on_stderr_with_status_2(bad: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["answer", "validate", bad]) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert "did you mean country?" in said.err and "must have 8 to 64 characters" in said.err
    assert "Traceback" not in said.err


def test_a_filter_and_a_number_of_disks_are_checked_without_a_machine(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(file).write_text(changed(("disk-setup.disk-list", None), ("disk-setup.filter", {"size": "1T"})))
    assert run(["answer", "validate", file]) == 2
    assert f"{file}: disk-setup.filter.size: '1T' does not say how to compare" in capsys.readouterr().err

    Path(file).write_text(changed(("disk-setup.disk-list", ["vda", "vdb"])))
    assert run(["answer", "validate", file]) == 2
    assert f"{file}: disk-setup.disk-list: names 2 disks; ext4 wants 1 disk" in capsys.readouterr().err


def test_match_prints_the_plan(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["answer", "match", file, "--machine", MACHINE]) == 0
    assert "vmbr0 on ens3" in capsys.readouterr().out


def test_match_prints_json_for_programs(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["answer", "match", file, "--machine", MACHINE, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["summary"]["node"] == "node1.example.org"


def test_a_disk_with_data_is_refused_with_status_3(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(file).write_text(
        changed(("network.filter", {"INTERFACE": "ens1"}), ("disk-setup.disk-list", ["vdb"]), text=STATIC)
    )

    assert run(["answer", "match", file, "--machine", str(MACHINES / "qemu-uefi.json")]) == 3
    assert 'wipe = "confirmed"' in capsys.readouterr().err


def test_show_leaves_secrets_out(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["answer", "show", file]) == 0
    text = capsys.readouterr().out
    assert "correct horse" not in text and "# global.root-password: not kept" in text

    assert run(["answer", "show", file, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["global"]["fqdn"] == "node1.example.org"


def test_the_schema_has_the_keys_of_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["answer", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)

    assert set(schema["properties"]) >= {"global", "network", "disk-setup", "cluster"}
    assert set(schema["$defs"]["Cluster"]["properties"]) == {"mode", "name", "peer", "token", "nodes", "force"}
    assert "root-password-hashed" in schema["$defs"]["Global"]["properties"]


def test_a_dry_run_needs_no_root_and_prints_the_plan(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["install", "--answers", file, "--dry-run", "--machine", MACHINE]) == 0

    out = capsys.readouterr().out
    assert "Unmount the target" in out and "no medium at hand" in out


def test_a_dry_run_can_print_events_alone(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["install", "--answers", file, "--dry-run", "--machine", MACHINE, "--events", "-"]) == 0

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[0] == {**events[0], "kind": "start", "path": ["install"]}
    assert events[-1]["kind"] == "finish" and events[-1]["ok"] is True


def test_events_can_go_to_a_file_beside_the_plan(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = tmp_path / "events.jsonl"

    assert run(["install", "--answers", file, "--dry-run", "--machine", MACHINE, "--events", str(events)]) == 0

    assert len(events.read_text().splitlines()) > 40
    assert "Steps:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "stdout", "warned"),
    [
        (["--events", "/dev/full"], "/dev/null", "warning: /dev/full: cannot be written any more: No space left"),
        (["--json", "--events", "/dev/full"], "/dev/null", "warning: /dev/full"),
        (["--events", "-"], "/dev/full", "warning: stdout: cannot be written any more: No space left"),
    ],
)
def test_whoever_reads_the_events_cannot_end_an_installation(
    file: str, options: list[str], stdout: str, warned: str
) -> None:
    arguments = ["install", "--answers", file, "--dry-run", "--machine", MACHINE, *options]
    program = "import sys; from trebol_common.cli import main; sys.stdout = open(sys.argv.pop(1), 'w'); main()"

    done = CommandRunner().run([sys.executable, "-c", program, stdout, *arguments])

    assert warned in done.stderr and done.stderr.count("\n") == 1


def test_the_plan_can_be_json_alone(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["install", "--answers", file, "--dry-run", "--machine", MACHINE, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"][0]["step"] == "check-target"


WRONG = [
    (["--dry-run"], "--answers: missing"),
    (["--answers", "FILE", "--machine", MACHINE], "a recorded machine cannot be installed on"),
    (["--answers", "FILE", "--json"], "--json: goes with --dry-run"),
    (["--answers", "FILE", "--dry-run", "--json", "--events", "-"], "--json: goes with --dry-run"),
    (["--answers", "FILE", "--dry-run", "--machine", "/none"], "/none: cannot be read"),
    (["--answers", "FILE", "--dry-run", "--machine", MACHINE, "--medium", "/none"], "/none: no such folder"),
    (["--answers", "FILE", "--dry-run", "--machine", MACHINE, "--events", "/none/x"], "--events: cannot be written"),
]


@pytest.mark.parametrize(("arguments", "told"), WRONG, ids=[told for _, told in WRONG])
def test_wrong_use_is_told(arguments: list[str], told: str, file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["install", *(file if word == "FILE" else word for word in arguments)]) != 0

    said = capsys.readouterr()
    assert told in said.err and "Traceback" not in said.err


def test_installing_without_root_is_told(
    file: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert run(["install", "--answers", file]) == 2
    assert "installing needs root" in capsys.readouterr().err
