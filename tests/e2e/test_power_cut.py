"""An installation whose power was cut is followed by one that succeeds, wherever it was cut."""

from __future__ import annotations

from tests.e2e.power_cuts import AFTER_WRITING, BEFORE_WRITING, CUTS, Survivor


def test_every_installation_began_where_the_last_one_was_cut(survivor: Survivor) -> None:
    assert len(survivor.consoles) == CUTS + 1
    for moment, console in zip((*survivor.moments, None), survivor.consoles, strict=True):
        assert BEFORE_WRITING in console
        assert "✗" not in console, f"seed {survivor.seed}, cut at {moment}: {console[-3000:]}"


def test_the_last_installation_is_whole(survivor: Survivor) -> None:
    assert AFTER_WRITING in survivor.consoles[-1]
    assert survivor.ssh("systemctl is-system-running").strip() == "running"
    assert survivor.ssh("cat /sys/block/md*/md/degraded").split() == ["0"]
