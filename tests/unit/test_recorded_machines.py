"""What administrators of two dozen kinds of machines are told: the records, and every finding on each."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.machines.recorded import FOLDER, MACHINES, record
from tests.unit.answer_files import answers
from tests.unit.checked_machines import words
from tests.unit.recorded_findings import EXPECTED

from trebol_common.errors import Refused
from trebol_hardware.checks.finding import Finding, Severity
from trebol_hardware.checks.registry import Role, check_machine, checks, gravest
from trebol_hardware.machine import Machine
from trebol_installer.plan import plan
from trebol_installer.render import render

RECORDS = sorted(path.stem for path in FOLDER.glob("*.json"))

#: Machines on which an installation is refused as they were recorded, with the reason.
REFUSED = {
    "supermicro-4kn-bios": "sectors of 4096 bytes",
    "supermicro-epyc-9004": "is in use",
}


def load(name: str) -> Machine:
    return Machine.load(FOLDER / f"{name}.json")


def findings(name: str) -> Mapping[str, Finding]:
    machine = load(name)
    return {check.code: check(machine) for check in checks()}


def test_there_are_records_of_at_least_twenty_kinds_and_findings_of_each() -> None:
    assert len(MACHINES) >= 20
    assert set(MACHINES) == set(EXPECTED) <= set(RECORDS)


@pytest.mark.parametrize("name", MACHINES)
def test_a_record_is_what_the_probe_makes_of_the_machine_today(name: str) -> None:
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")

    assert record(name).to_json() == text, "python -m tests.machines.recorded writes the files anew"


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("severity", [severity for severity in Severity if severity is not Severity.PASS])
def test_a_machine_is_told_what_is_wrong_with_it_and_nothing_else(name: str, severity: Severity) -> None:
    expected = str(getattr(EXPECTED[name], severity.value)).split()

    assert sorted(code for code, found in findings(name).items() if found.severity is severity) == sorted(expected)


@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_is_told_in_words_of_its_own(name: str) -> None:
    found = findings(name)
    for code, parts in EXPECTED[name].words.items():
        said = words(found[code]).lower()
        assert [part for part in parts.split("|") if part.lower() not in said] == [], f"{code}: {words(found[code])}"


@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_fails_for_the_roles_that_it_cannot_have(name: str) -> None:
    machine = load(name)

    failed = [role.value for role in Role if gravest(check_machine(machine, role)) is Severity.FAIL]

    assert failed == EXPECTED[name].fails_for.split()


@pytest.mark.parametrize("name", RECORDS)
def test_nothing_is_said_without_a_reason_and_failures_have_a_remedy(name: str) -> None:
    for found in findings(name).values():
        assert found.reason or found.severity in (Severity.PASS, Severity.INFO), found.code
        assert found.remedy or found.severity is not Severity.FAIL, found.code


@pytest.mark.parametrize("name", RECORDS)
def test_an_answer_file_can_be_matched_with_every_record(name: str) -> None:
    machine = load(name)
    mac = machine.interfaces[0].mac.replace(":", "")
    wanted = answers(
        ("disk-setup.disk-list", [machine.disks[0].name]), ("network.filter", {"ID_NET_NAME_MAC": f"enx{mac}"})
    )

    if name in REFUSED:
        with pytest.raises(Refused, match=REFUSED[name]):
            plan(machine, wanted)
    else:
        assert machine.disks[0].stable_path in render(plan(machine, wanted))


@pytest.mark.parametrize("name", MACHINES)
def test_a_record_survives_being_read_and_written(name: str) -> None:
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")

    assert Machine.from_json(text).to_json() == text
