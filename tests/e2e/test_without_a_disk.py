"""Every mirror boots without its first disk."""

from __future__ import annotations

from tests.e2e.layouts import Degraded


def test_a_mirror_boots_without_its_first_disk(degraded: Degraded) -> None:
    assert degraded.ssh("systemctl is-system-running").strip() == "running"
    listed = degraded.ssh("ls /dev/disk/by-id")
    assert degraded.case.disk_names[0] not in listed.split()


def test_a_degraded_node_still_updates_what_it_boots_from(degraded: Degraded) -> None:
    told = degraded.ssh("trebol node boot-sync")
    assert "is not there: its disk is missing" in told
    assert "kernels: " in told
