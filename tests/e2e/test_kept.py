"""A reinstallation beside the guests' disks: a new system, and their data as it was."""

from __future__ import annotations

from tests.e2e.kept import Kept


def test_the_system_is_another_one(kept: Kept) -> None:
    assert kept.before.strip() and kept.after.strip() and kept.before != kept.after


def test_the_guests_data_is_as_it_was(kept: Kept) -> None:
    assert kept.ssh(kept.reinstallation.read).strip() == "precious"


def test_the_new_system_runs_without_a_failed_unit(kept: Kept) -> None:
    assert kept.ssh("systemctl is-system-running").strip() == "running"
