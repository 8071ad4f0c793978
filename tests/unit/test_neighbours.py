"""Which switch a port leads to, by what lldpd heard of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trebol_common.run import CommandFailed, ScriptedRunner
from trebol_installer.neighbours import LLDPCLI, Neighbour, listen, neighbours

#: What lldpcli 1.0.18 shows of two ports that lead to one switch.
TOLD = (Path(__file__).parent / "golden/lldpcli-neighbours.json").read_text()


def heard(chassis: Any, port: Any) -> str:
    return json.dumps({"lldp": [{"interface": [{"name": "eno1", "chassis": [chassis], "port": [port]}]}]})


def test_a_neighbour_is_told_by_the_names_of_switch_and_port() -> None:
    assert neighbours(TOLD) == {
        "enp1s0": Neighbour("sw1.example.org", "Gi1/0/7"),
        "enp2s0": Neighbour("sw1.example.org", "Gi1/0/8"),
    }


@pytest.mark.parametrize("told", ["", "{}", '{"lldp": [{}]}', '{"lldp": [{"interface": []}]}'])
def test_where_nobody_spoke_there_is_no_neighbour(told: str) -> None:
    assert neighbours(told) == {}


@pytest.mark.parametrize(
    ("port", "shown"),
    [
        ({"id": [{"type": "mac", "value": "00:1c:73:00:00:07"}], "descr": [{"value": "Port 7"}]}, "Port 7"),
        ({"id": [{"type": "mac", "value": "00:1c:73:00:00:07"}]}, "00:1c:73:00:00:07"),
        ({"id": [{"type": "ifname", "value": "swp7"}], "descr": [{"value": "rack 3"}]}, "swp7"),
        ({"descr": [{"value": "rack 3"}]}, "rack 3"),
        ({}, ""),
        ({"id": [{"type": "local", "value": "\x1b[2Jx\n y"}]}, "\\x1b[2Jx y"),
        ({"id": [{"type": "local", "value": "x" * 40}]}, "x" * 31 + "…"),
    ],
)
def test_a_port_is_called_what_people_call_it(port: Any, shown: str) -> None:
    switch = {"id": [{"type": "mac", "value": "00:1c:73:00:00:01"}]}

    assert neighbours(heard(switch, port)) == {"eno1": Neighbour("00:1c:73:00:00:01", shown)}


def test_switches_are_listened_to_until_each_has_had_time_to_speak() -> None:
    runner = ScriptedRunner().expect(*LLDPCLI, status=1).expect(*LLDPCLI, stdout=TOLD)

    first, second = (next(listening) for listening in [listen(runner, pause=0)] for _ in range(2))

    assert first == {} and len(second) == 2


def test_a_system_without_lldpd_shows_nothing() -> None:
    class Without(ScriptedRunner):
        def run(self, command: Any, **others: Any) -> Any:
            raise CommandFailed("lldpcli", 127, ("lldpcli: not found",))

    assert list(listen(Without(), pause=0)) == []
