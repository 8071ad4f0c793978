"""What the hardware checks found, as a running node tells it: read from the file of trebol-checks.service."""

from __future__ import annotations

import json
import re
from configparser import ConfigParser
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.checked_machines import INTEL
from tests.unit.test_node_status import FACTS
from typer.testing import CliRunner

from trebol_common import FINDINGS
from trebol_hardware.check_commands import app
from trebol_hardware.checks.finding import Finding, Severity
from trebol_hardware.checks.registry import Role, check_machine, gravest
from trebol_hardware.checks.report import to_members
from trebol_node import facts
from trebol_node.hardware import Hardware
from trebol_node.hardware import gravest as from_file
from trebol_node.status import status, to_text

DEBIAN = Path(__file__).parents[2] / "debian"


def report(*findings: Finding) -> str:
    return json.dumps(to_members(findings, Role.NODE))


def finding(code: str, severity: Severity, *, muted: bool = False) -> Finding:
    return Finding(code, code.upper(), severity, muted=muted)


KVM_FAILS = finding("kvm", Severity.FAIL)
ONE_NIC = finding("nic", Severity.WARN)
LITTLE_MEMORY = finding("memory", Severity.WARN)
PASSED = finding("cpu", Severity.PASS)


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ((PASSED, ONE_NIC, KVM_FAILS), Hardware(Severity.FAIL, "kvm", "KVM", 1)),
        ((ONE_NIC, LITTLE_MEMORY, PASSED), Hardware(Severity.WARN, "nic", "NIC", 2)),
        ((replace(KVM_FAILS, muted=True), ONE_NIC), Hardware(Severity.WARN, "nic", "NIC", 1)),
        ((PASSED,), Hardware(Severity.PASS)),
        ((), Hardware(Severity.PASS)),
    ],
)
def test_the_gravest_finding_is_told_with_how_many_there_are(
    findings: tuple[Finding, ...], expected: Hardware
) -> None:
    assert from_file(report(*findings)) == expected


def test_a_whole_report_has_the_same_gravest_severity() -> None:
    findings = check_machine(INTEL)
    found = from_file(report(*findings))
    assert found is not None and found.severity is gravest(findings)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "{}", '{"findings": 1}', '{"findings": [{}]}', '{"findings": [1]}', "[" * 100_000),
        '{"findings": [{"muted": false, "severity": "bad", "code": "", "title": ""}]}',
    ],
)
def test_a_damaged_file_tells_nothing(text: str) -> None:
    assert from_file(text) is None


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"{"])
def test_a_node_without_findings_has_no_such_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "findings.json"
    if content is not None:
        path.write_bytes(content)
    assert facts._hardware(path) is None
    assert "hardware" not in to_text(status(FACTS))


@pytest.mark.parametrize(
    ("hardware", "expected"),
    [
        (Hardware(Severity.FAIL, "kvm", "KVM", 1), "hardware    fail: KVM; see: trebol check"),
        (Hardware(Severity.WARN, "nic", "NIC", 3), "hardware    warn: NIC (and 2 more); see: trebol check"),
        (Hardware(Severity.UNKNOWN, "nic", "NIC", 1), "hardware    unknown: NIC; see: trebol check"),
        (Hardware(Severity.INFO, "nic", "NIC", 1), "hardware    nothing to mend"),
        (Hardware(Severity.PASS), "hardware    nothing to mend"),
    ],
)
def test_status_names_what_is_gravest(hardware: Hardware, expected: str) -> None:
    assert expected in to_text(status(replace(FACTS, hardware=hardware))).splitlines()


def test_status_for_programs_has_severity_code_and_title() -> None:
    found = json.loads(status(replace(FACTS, hardware=Hardware(Severity.FAIL, "kvm", "KVM", 1))).to_json())
    assert found["hardware"] == {"severity": "fail", "code": "kvm", "title": "KVM", "count": 1}


class Unit(ConfigParser):
    """A unit file: its keys have capitals."""

    def optionxform(self, optionstr: str) -> str:
        """The key as it is written."""
        return optionstr


def unit(kind: str) -> Unit:
    parser = Unit(interpolation=None, strict=False)
    parser.read_string((DEBIAN / f"trebol.trebol-checks.{kind}").read_text())
    return parser


def test_the_service_writes_the_file_that_status_and_banner_read(tmp_path: Path) -> None:
    command = unit("service")["Service"]["ExecStart"]
    assert command.endswith(f" /{FINDINGS}")
    written = tmp_path / "findings.json"
    record = tmp_path / "machine.json"
    record.write_text(INTEL.to_json())
    arguments = command.replace(f"/{FINDINGS}", str(written)).split()[2:]

    result = CliRunner().invoke(app, [*arguments, "--machine", str(record)])

    assert result.output == ""
    assert result.exit_code == (1 if gravest(check_machine(INTEL)) is Severity.FAIL else 0)
    assert from_file(written.read_text()) is not None


def test_a_failed_check_is_no_failed_unit() -> None:
    assert unit("service")["Service"]["SuccessExitStatus"] == "1"


def test_the_checks_give_way_to_everything_else_and_come_back_daily() -> None:
    service, timer = unit("service"), unit("timer")["Timer"]
    assert (service["Service"]["Nice"], service["Service"]["IOSchedulingClass"]) == ("19", "idle")
    assert service["Unit"]["After"] == "multi-user.target"
    assert timer["OnUnitActiveSec"] == "1d"


def test_the_package_installs_the_units() -> None:
    assert re.search(r"^\tdh_installsystemd --name=trebol-checks$", (DEBIAN / "rules").read_text(), re.MULTILINE)
