"""What the installer has the live system do."""

from __future__ import annotations

from pathlib import Path

import pytest

from trebol_common.run import ScriptedRunner
from trebol_installer.live import read_ahead


@pytest.mark.parametrize(("free", "begins"), [(4001, True), (4000, False)])
def test_layers_are_read_ahead_where_they_take_less_than_half_of_the_free_memory(
    tmp_path: Path, free: int, begins: bool
) -> None:
    for name in ("base", "live"):
        (tmp_path / f"{name}.squashfs").write_bytes(bytes(1000 * 1024))
    (tmp_path / "meminfo").write_text(f"MemTotal: 99999999 kB\nMemAvailable:   {free} kB\nBuffers: 1 kB\n")
    runner = ScriptedRunner()
    if begins:
        runner.expect("systemctl", "start", "--no-block", "trebol-live-hash.service")

    read_ahead(runner, tmp_path, meminfo=tmp_path / "meminfo")

    assert runner.expected == []
