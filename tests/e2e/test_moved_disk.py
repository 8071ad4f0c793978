"""A node's disk boots in another machine: other firmware, or a board that knows no boot entry for it."""

from __future__ import annotations

from tests.e2e.moved import Moved

from trebol_image.qemu import Firmware


def test_the_node_runs_by_the_other_firmware(moved: Moved) -> None:
    by_uefi = moved.ssh("test -d /sys/firmware/efi && echo yes || echo no").strip() == "yes"
    assert by_uefi == (moved.move.firmware is not Firmware.BIOS)
    assert moved.ssh("systemctl is-system-running").strip() == "running"
