"""Each entry of the medium's boot menu leads where it says, by keys on the serial line."""

from __future__ import annotations

from tests.e2e.boot_menu import MEMORY_TEST, Chosen

from trebol_image.qemu import Firmware


def test_an_entry_leads_where_it_says(chosen: Chosen) -> None:
    assert all(text in chosen.shown for text in chosen.entry.says)


def test_what_nobody_signed_is_not_offered_with_secure_boot(chosen: Chosen) -> None:
    assert (MEMORY_TEST in chosen.menu) == (chosen.entry.firmware is not Firmware.SECURE_BOOT)
