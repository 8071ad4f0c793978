"""A step that fails can be done again; what was installed then is a whole node."""

from __future__ import annotations

from tests.e2e.retried import Retried


def test_the_failure_names_the_step_the_command_and_its_last_words(retried: Retried) -> None:
    told = retried.said[retried.said.index("✗ Make vfat") : retried.said.index("type retry")]
    assert "failed:" in told and "mkfs.vfat -F 32" in told and "Input/output error" in told


def test_the_step_is_done_again_alone(retried: Retried) -> None:
    before, after = retried.said.split("type retry", 1)
    assert "✓ Partition " in before and "✓ Partition " not in after
    assert "✓ Make vfat" in after and "Installed." in after
    assert retried.status == 0


def test_the_node_runs_without_a_failed_unit(retried: Retried) -> None:
    assert retried.ssh("systemctl is-system-running").strip() == "running"
