"""The medium opens an installed node of any layout for repairs, and closes it again."""

from __future__ import annotations

import pytest
from tests.e2e.cases import DOMAIN, PASSPHRASE
from tests.e2e.rescued import Rescued


def test_the_shell_is_inside_the_node_that_was_meant(rescued: Rescued) -> None:
    lines = rescued.inside.split()
    assert f"{rescued.rescue.case.host}.{DOMAIN}" in lines or rescued.rescue.case.host in lines


def test_what_belongs_to_the_node_is_mounted(rescued: Rescued) -> None:
    assert {"/boot/efi", "/dev", "/proc", "/run", "/sys"} <= set(rescued.inside.split())


def test_nothing_stays_open(rescued: Rescued) -> None:
    told = [line.split()[0] for line in rescued.left.splitlines() if line.split()]
    assert "active" not in rescued.left
    assert not [word for word in told if word.startswith(("/mnt/trebol", "trebol", "rpool"))], rescued.left


def test_no_passphrase_is_shown(rescued: Rescued) -> None:
    assert PASSPHRASE not in rescued.asked


def test_a_repaired_node_starts(rescued: Rescued) -> None:
    if not rescued.rescue.boots:
        pytest.skip("is not started afterwards")
    assert rescued.repaired == "mended\n"
