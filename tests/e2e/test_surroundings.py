"""What stands around a machine helps to install it: a USB stick, a server, the switch; and its shell and log."""

from __future__ import annotations

import json
import re

import pytest
from tests.e2e.cases import PASSWORD
from tests.e2e.second_line import BROKEN
from tests.e2e.surroundings import CASE, KEY_ON_SERVER, KEY_ON_STICK, PORT, SWITCH, WIRED_MAC, Surroundings


def test_a_key_opens_a_shell_and_its_end_brings_the_screens_back(surroundings: Surroundings) -> None:
    assert "in the shell" in surroundings.screens["shell"]


@pytest.mark.parametrize(
    ("name", "key"),
    [("keys from a stick", KEY_ON_STICK), ("keys from a server", KEY_ON_SERVER)],
    ids=["stick", "server"],
)
def test_ssh_keys_come_from_elsewhere(surroundings: Surroundings, name: str, key: str) -> None:
    # As much as its line has room for.
    assert key[:50] in surroundings.screens[name]


def test_each_port_is_shown_with_the_switch_it_leads_to(surroundings: Surroundings) -> None:
    lines = surroundings.screens["network"].splitlines()
    (port,) = [number for number, line in enumerate(lines) if WIRED_MAC in line]
    assert lines[port + 1].strip() == f"switch {SWITCH}, port {PORT}"


def test_the_layers_are_read_while_somebody_answers(surroundings: Surroundings) -> None:
    assert "\nactive\n" in surroundings.said["read ahead"]


def test_the_log_runs_on_the_third_console(surroundings: Surroundings) -> None:
    assert re.search(r"^\[ *\d+\.\d{6}\] ", surroundings.said["log"], re.MULTILINE)


def test_the_logs_on_the_stick_tell_what_failed(surroundings: Surroundings) -> None:
    logs = surroundings.logs
    assert BROKEN in "".join(logs.values())
    assert [disk["name"] for disk in json.loads(logs["plan.json"])["disks"]] == ["vda"]
    assert CASE.host in "".join(text for name, text in logs.items() if "answer" in name)


def test_the_logs_on_the_stick_hold_no_secret(surroundings: Surroundings) -> None:
    assert PASSWORD not in "".join(surroundings.logs.values())
