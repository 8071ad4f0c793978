"""Somebody errs in every field, looks back, loses the screen, and meets a failing disk: the node is whole."""

from __future__ import annotations

import pytest
from tests.e2e.careful import CLUSTER, LARGE, ROUTER, VLAN, Careful
from tests.e2e.cases import PASSWORD
from tests.e2e.second_line import BROKEN
from tests.screens.wrong import WRONG


@pytest.mark.parametrize(
    ("label", "text", "said"),
    [(each.label.strip(), each.typed, each.said) for fields in WRONG.values() for each in fields],
)
def test_what_is_typed_wrong_is_told_below_its_field(careful: Careful, label: str, text: str, said: str) -> None:
    assert said in careful.wrong[label, text]


@pytest.mark.parametrize(("name", "said"), [("no disk", "Mark a disk."), ("no country", "is needed")])
def test_what_is_missing_is_told(careful: Careful, name: str, said: str) -> None:
    assert said in careful.screens[name]


def test_the_network_in_a_vlan_without_a_router_says_so(careful: Careful) -> None:
    seen = careful.screens["network"]
    assert f"nobody else has {careful.case.address}" in seen
    assert f"gateway: {ROUTER} does not answer" in seen


@pytest.mark.parametrize(
    ("again", "before"),
    [
        ("Disks", "disks"),
        ("Place and keyboard", "location"),
        ("The node", "node"),
        ("Cluster", "cluster"),
        ("What will be done", "review"),
    ],
)
def test_nothing_is_lost_back_and_forth(careful: Careful, again: str, before: str) -> None:
    assert _answers(careful.screens[f"again: {again}"]) == _answers(careful.screens[before])


def _answers(screen: str) -> list[str]:
    """Its lines above the rule, below which stands a hint about the field with the focus; but for that of the key, of
    which the part around the cursor is shown."""
    return [line for line in screen.partition("──")[0].splitlines() if not line.startswith(" 1 ")]


def test_no_disk_loses_data_without_agreement(careful: Careful) -> None:
    assert "All that these disks hold is lost: vda" in careful.screens["not agreed"]
    assert "step " not in careful.screens["not agreed"]


def test_a_step_that_fails_says_why_and_is_done_again(careful: Careful) -> None:
    assert BROKEN in careful.screens["failed"] and "< Do this step again >" in careful.screens["failed"]
    assert "Trebol is installed." in careful.screens["done"]


def test_a_screen_that_dies_comes_back_and_shows_how_far_it_is(careful: Careful) -> None:
    assert "step " in careful.screens["attached again"]


def test_a_terminal_that_grows_is_used(careful: Careful) -> None:
    columns, _ = LARGE
    assert "─" * columns in careful.screens["larger"]


def test_no_screen_shows_a_password(careful: Careful) -> None:
    assert not any(PASSWORD in text for text in careful.screens.values())


def test_the_node_has_its_address_in_the_vlan_on_the_bond(careful: Careful) -> None:
    assert f"{careful.case.address}/24" in careful.said["vlan"]
    assert f"vlan protocol 802.1Q id {VLAN}" in careful.said["link"]
    assert "Bonding Mode: fault-tolerance (active-backup)" in careful.said["bond"]
    assert careful.said["bond"].count("Slave Interface: ") == 2
    assert f"default via {ROUTER}" in careful.said["route"]


def test_the_first_boot_created_the_cluster(careful: Careful) -> None:
    assert f"cluster {CLUSTER}: " in careful.said["cluster"]


def test_the_node_runs_without_a_failed_unit(careful: Careful) -> None:
    assert "running" in careful.said["state"].splitlines()
