"""What a server is told of its firmware."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.sound_machine import GUEST, MACHINE, but, run, told

from trebol_hardware.checks.finding import Severity
from trebol_hardware.checks.firmware import CHECKS, is_placeholder
from trebol_hardware.machine import Firmware, FirmwareMode, Machine, Product

PASS, INFO, UNKNOWN, WARN, FAIL = Severity

BIOS = Firmware(FirmwareMode.BIOS)


def label(**changes: str) -> Machine:
    return but(product=replace(MACHINE.product, **changes))


@pytest.mark.parametrize(
    ("code", "machine", "severity", "words"),
    [
        ("firmware-mode", MACHINE, INFO, "UEFI"),
        ("firmware-mode", but(firmware=BIOS), INFO, "4096-byte sectors"),
        ("secure-boot", MACHINE, INFO, "signed modules only"),
        ("secure-boot", but(firmware=Firmware(FirmwareMode.UEFI, False)), INFO, "Secure Boot"),
        ("secure-boot", but(firmware=BIOS), INFO, "BIOS mode has no"),
        ("secure-boot", but(firmware=Firmware(FirmwareMode.UEFI)), UNKNOWN, "efivarfs"),
        ("tpm", MACHINE, INFO, "TPM 2.0"),
        ("tpm", but(tpm="1.2"), INFO, "too old"),
        ("tpm", but(tpm=""), INFO, "fTPM"),
        ("tpm", GUEST, INFO, "sees none"),
        ("dmi-label", MACHINE, PASS, "PowerEdge R640"),
        ("dmi-label", GUEST, PASS, "QEMU"),
        ("dmi-label", but(product=Product()), INFO, "does not give"),
        ("dmi-label", label(name="To be filled by O.E.M."), INFO, "product name"),
        ("dmi-label", label(serial="0123456789"), INFO, "serial number"),
        ("dmi-label", label(serial="", uuid=""), PASS, "R640"),
        ("dmi-label", label(uuid="03000200-0400-0500-0006-000700080009"), WARN, 'host_uuid_source = "machine-id"'),
    ],
)
def test_firmware_is_judged(code: str, machine: Machine, severity: Severity, words: str) -> None:
    finding = run(CHECKS, code, machine)

    assert finding.severity is severity
    assert words.lower() in told(finding).lower()


@pytest.mark.parametrize(
    ("text", "says_nothing"),
    [
        ("Default string", True),
        ("System Product Name", True),
        ("xxxxxxxxxxxx", True),
        ("00000000-0000-0000-0000-000000000000", True),
        ("ffffffff-ffff-ffff-ffff-ffffffffffff", True),
        (" NONE ", True),
        ("ProLiant DL380 Gen10", False),
        ("4c4c4544-0042-3310-8056-b4c04f4e4d32", False),
        ("CZ12345678", False),
        ("111", False),
    ],
)
def test_texts_that_say_nothing_are_known(text: str, says_nothing: bool) -> None:
    assert is_placeholder(text) is says_nothing
