"""`trebol machine …`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trebol_common.errors import BadInput
from trebol_hardware.commands import app
from trebol_hardware.machine import Machine
from trebol_hardware.sizes import show_size

MACHINES = Path(__file__).parents[1] / "machines"


def test_show_names_disks_with_what_they_hold() -> None:
    shown = CliRunner().invoke(app, ["show", str(MACHINES / "rack-server.json")]).output
    assert "PowerEdge R650, serial 7XK4B53" in shown
    assert "/dev/disk/by-id/scsi-SSEAGATE_ST1200MM0009_WFK9ABC3" in shown
    assert "sdc: LVM group ceph-block-1" in shown
    assert "medium" in shown
    assert "25000 Mbit/s" in shown


def test_show_gives_the_record_back_as_json() -> None:
    path = MACHINES / "disk-4kn.json"
    shown = CliRunner().invoke(app, ["show", "--json", str(path)]).output
    assert json.loads(shown)["format"] == 1
    assert Machine.from_json(shown) == Machine.load(path)


def test_show_of_a_missing_record_names_the_file(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["show", str(tmp_path / "none.json")])
    assert isinstance(result.exception, BadInput)
    assert "none.json" in str(result.exception)


def test_probe_writes_the_record_to_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trebol_hardware.machine import Machine

    machine = Machine.load(MACHINES / "qemu-bios.json")
    monkeypatch.setattr("trebol_hardware.probe.whole.probe", lambda: machine)
    target = tmp_path / "machine.json"
    assert CliRunner().invoke(app, ["probe", "--output", str(target)]).exit_code == 0
    assert Machine.load(target) == machine


@pytest.mark.parametrize(
    ("size", "text"),
    [(512 * 2**20, "512 MiB"), (int(59.6 * 2**30), "59.6 GiB"), (1862 * 2**30, "1.8 TiB"), (0, "0 MiB")],
)
def test_sizes_are_shown_in_a_fitting_unit(size: int, text: str) -> None:
    assert show_size(size) == text
