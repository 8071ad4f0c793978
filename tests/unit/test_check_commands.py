"""`trebol check …`: exit status, options, JSON; as a user types it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from tests.unit.checked_machines import INTEL, changed
from typer.testing import CliRunner

from trebol_common.errors import BadInput
from trebol_hardware.check_commands import app
from trebol_hardware.checks.registry import Role, check_machine, checks
from trebol_hardware.machine import Machine

FAILING = changed(
    INTEL, lacks=("vmx",), kvm={"device": False, "opens": False, "creates": False, "feature_control": 0x1}
)


def record(folder: Path, machine: Machine) -> str:
    path = folder / "machine.json"
    path.write_text(machine.to_json())
    return str(path)


def failures(machine: Machine, role: Role = Role.NODE) -> list[str]:
    return [found.code for found in check_machine(machine, role) if found.severity == "fail"]


def test_a_failing_check_is_status_1_with_its_remedy(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--machine", record(tmp_path, FAILING)])

    assert result.exit_code == 1
    assert "cpu-virtualisation" in result.output
    assert "Processor Settings → Virtualization Technology" in " ".join(result.output.split())


def test_when_all_that_fails_is_muted_the_status_is_0(tmp_path: Path) -> None:
    mute = [word for code in failures(FAILING) for word in ("--mute", code)]

    result = CliRunner().invoke(app, ["--machine", record(tmp_path, FAILING), *mute])

    assert result.exit_code == 0
    assert f"{len(mute) // 2} muted" in result.output


def test_muting_one_of_several_failures_is_still_status_1(tmp_path: Path) -> None:
    assert len(failures(FAILING)) > 1

    result = CliRunner().invoke(app, ["--machine", record(tmp_path, FAILING), "--mute", failures(FAILING)[0]])

    assert result.exit_code == 1


def test_json_has_what_scripts_need(tmp_path: Path) -> None:
    arguments = ["--machine", record(tmp_path, FAILING), "--for", "mixed", "--mute", "tpm", "--json"]

    result = CliRunner().invoke(app, arguments)

    answer = json.loads(result.output)
    assert result.exit_code == 1
    assert (answer["role"], answer["gravest"], answer["muted"]) == ("mixed", "fail", 1)
    assert answer["counts"]["fail"] == len([code for code in failures(FAILING, Role.MIXED) if code != "tpm"])
    found = next(member for member in answer["findings"] if member["code"] == "cpu-virtualisation")
    assert found["severity"] == "fail"
    assert found.keys() >= {"title", "measured", "required", "recommended", "source", "reason", "remedy", "details"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["explain", "cpu-virtualization"], "did you mean cpu-virtualisation"),
        (["explain", "qqq"], "trebol check list"),
    ],
)
def test_an_unknown_code_is_bad_input(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(app, arguments)

    assert isinstance(result.exception, BadInput)
    assert told in str(result.exception)


def test_muting_an_unknown_code_is_bad_input(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--machine", record(tmp_path, INTEL), "--mute", "nope"])

    assert isinstance(result.exception, BadInput)
    assert result.exception.exit_status == 2


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_name_that_is_not_utf8_is_shown_all_the_same(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = replace(FAILING.product, name="R\udcff650")
    monkeypatch.setattr("trebol_hardware.probe.whole.probe", lambda **_options: replace(FAILING, product=product))

    shown = CliRunner().invoke(app, arguments)
    written = CliRunner().invoke(app, [*arguments, "--output", str(tmp_path / "report")])

    assert shown.exit_code == written.exit_code == 1
    assert "R?650" in shown.output
    assert "R?650" in (tmp_path / "report").read_text()


def test_a_closed_output_costs_the_text_and_not_the_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)

    command = typer.main.get_command(app)

    assert command.main(["--machine", record(tmp_path, FAILING)], standalone_mode=False) == 1


@pytest.mark.parametrize(
    "content", [None, b"{}", b"\xff\xfe", b"[1"], ids=["missing", "no record", "no text", "no JSON"]
)
def test_an_unreadable_record_is_bad_input(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.json"
    if content is not None:
        path.write_bytes(content)

    result = CliRunner().invoke(app, ["--machine", str(path)])

    assert isinstance(result.exception, BadInput)
    assert "broken.json" in str(result.exception)


@pytest.mark.parametrize(
    "arguments", [["--for", "king"], ["--json", "list"], ["--mute", "tpm", "explain", "tpm"], ["no-such-command"]]
)
def test_bad_usage_is_status_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_without_a_record_this_machine_is_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def probe(*, health: bool) -> Machine:
        asked.append(health)
        return INTEL

    monkeypatch.setattr("trebol_hardware.probe.whole.probe", probe)

    result = CliRunner().invoke(app, ["--json"])

    assert asked == [True]
    assert "cpu-virtualisation" in {member["code"] for member in json.loads(result.output)["findings"]}


def test_explain_says_what_is_looked_at_and_who_asks() -> None:
    text = CliRunner().invoke(app, ["explain", "cpu-virtualisation"]).output

    assert "MSR 0x3A" in text
    assert "the project's brief" in text
    assert json.loads(CliRunner().invoke(app, ["explain", "iommu", "--json"]).output)["code"] == "iommu"


def test_list_has_every_check_or_those_of_a_role() -> None:
    lines = CliRunner().invoke(app, ["list"]).output.splitlines()
    some = json.loads(CliRunner().invoke(app, ["list", "--for", "node", "--json"]).output)["checks"]

    assert [line.split()[0] for line in lines] == [check.code for check in checks()]
    assert [member["code"] for member in some] == [check.code for check in checks() if check.role is Role.NODE]


def test_the_kernels_console_gets_ascii(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")

    assert CliRunner().invoke(app, ["--machine", record(tmp_path, FAILING)]).output.isascii()


def test_importing_the_command_does_not_import_the_probe() -> None:
    import subprocess
    import sys

    code = "import sys, trebol_hardware.check_commands; print('pyudev' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
