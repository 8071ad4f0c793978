"""Firmware: how the machine booted, Secure Boot, TPM, and whether its label is filled in."""

from __future__ import annotations

import re

from trebol_common.i18n import _
from trebol_hardware.checks.details import of_details
from trebol_hardware.checks.finding import Detail, Requirement, Severity, Verdict
from trebol_hardware.checks.firmware_menu import Switch, menu_path
from trebol_hardware.checks.hypervisor import is_guest
from trebol_hardware.checks.registry import Check, Role
from trebol_hardware.checks.sources import SMBIOS
from trebol_hardware.machine import FirmwareMode, Machine

#: What boards carry whose maker did not fill in DMI, in lower case.
_PLACEHOLDERS = frozenset(
    {
        "to be filled by o.e.m.",
        "o.e.m.",
        "oem",
        "default string",
        "system manufacturer",
        "system product name",
        "system serial number",
        "system version",
        "not specified",
        "not applicable",
        "not available",
        "unknown",
        "undefined",
        "invalid",
        "none",
        "n/a",
        "empty",
        "123456789",
        "0123456789",
        "1234567890",
        "type1productconfigid",
        "type2 - board serial number",
    }
)

#: Repeated by thousands of boards: all of one digit, and the example of AMI's firmware.
_PLACEHOLDER_UUID = re.compile(r"([0f])\1{31}|03000200040005000006000700080009")

#: Text of one character again and again: "0000000", "xxxxxxx", ".......".
_REPEATED = re.compile(r"(.)\1{3,}")


def mode(machine: Machine) -> Verdict:
    """UEFI or BIOS."""
    if machine.firmware.mode is FirmwareMode.UEFI:
        return Verdict(Severity.INFO, "UEFI")
    return Verdict(
        Severity.INFO,
        "BIOS",
        _("Boots, but without Secure Boot, and not from disks with 4096-byte sectors."),
        _("UEFI mode, if wanted, has to be set in the firmware before the installation."),
    )


def secure_boot(machine: Machine) -> Verdict:
    """Secure Boot: noted. Debian boots either way."""
    firmware = machine.firmware
    match firmware.secure_boot:
        case True:
            reason = _("The kernel loads signed modules only: those built here need a key of this machine (MOK).")
            return Verdict(Severity.INFO, _("on"), reason)
        case False:
            where = _("To switch it on: {path}").format(path=menu_path(machine, Switch.SECURE_BOOT))
            return Verdict(Severity.INFO, _("off"), "", where)
        case None:
            if firmware.mode is FirmwareMode.BIOS:
                return Verdict(Severity.INFO, _("none"), _("BIOS mode has no Secure Boot."))
            return Verdict(
                Severity.UNKNOWN,
                "",
                _("The firmware variable SecureBoot cannot be read."),
                _("Mount efivarfs on /sys/firmware/efi/efivars, then: mokutil --sb-state"),
            )


def tpm(machine: Machine) -> Verdict:
    """TPM: noted."""
    if machine.tpm == "2.0":
        return Verdict(Severity.INFO, "TPM 2.0")
    if machine.tpm:
        reason = _("Too old for keys bound to the boot: systemd-cryptenroll(1) wants TPM 2.0.")
        return Verdict(Severity.INFO, f"TPM {machine.tpm}", reason)
    remedy = "" if is_guest(machine) else _("Look for TPM, PTT (Intel) or fTPM (AMD) in the firmware's setup.")
    return Verdict(Severity.INFO, _("none"), _("The kernel sees none: there is none, or it is switched off."), remedy)


def label(machine: Machine) -> Verdict:
    """DMI names that are missing or were never filled in."""
    product = machine.product
    fields = (
        (_("manufacturer"), product.manufacturer, True),
        (_("product name"), product.name, True),
        # Only root may read these two: empty means nothing.
        (_("serial number"), product.serial, False),
        ("UUID", product.uuid, False),
    )
    details = [_label_of(name, text, readable=readable) for name, text, readable in fields if text or readable]
    measured = " ".join(word for word in (product.manufacturer, product.name) if word)
    return of_details(details, measured=measured)


def _label_of(name: str, text: str, *, readable: bool) -> Detail:
    remedy = _("Set it with the board vendor's DMI tool; in answer files, match disks and interfaces instead.")
    reason = _("Never filled in, so that other machines have the same.")
    if not text and readable:
        return Detail(name, Severity.INFO, "", _("Firmware does not give it."), remedy)
    if is_placeholder(text) and name == "UUID":
        reason += " " + _("libvirt tells hosts apart by it, and migrates nothing between two that share one.")
        remedy = _(
            "Set it with the board vendor's DMI tool, or give libvirt another: in /etc/libvirt/libvirtd.conf "
            'host_uuid_source = "machine-id".'
        )
        return Detail(name, Severity.WARN, text, reason, remedy)
    if is_placeholder(text):
        return Detail(name, Severity.INFO, text, reason, remedy)
    return Detail(name, Severity.PASS, text)


def is_placeholder(text: str) -> bool:
    """Whether a DMI text says nothing."""
    plain = text.strip().lower()
    bare = plain.replace("-", "")
    return bool(plain in _PLACEHOLDERS or _REPEATED.fullmatch(plain) or _PLACEHOLDER_UUID.fullmatch(bare))


CHECKS: tuple[Check, ...] = (
    Check(
        "firmware-mode",
        "Boot mode",
        Role.NODE,
        mode,
        "How the running system was booted. The installed one boots the same way.",
        Requirement("", "", "Linux kernel, /sys/firmware/efi"),
    ),
    Check(
        "secure-boot",
        "Secure Boot",
        Role.NODE,
        secure_boot,
        "Whether firmware starts signed boot loaders only. Debian's are signed.",
        Requirement("", "", "UEFI Specification, 3.3: SecureBoot"),
    ),
    Check(
        "tpm",
        "Trusted Platform Module",
        Role.NODE,
        tpm,
        "A chip, or a part of the firmware, that keeps keys.",
        Requirement("", "", "TCG, TPM 2.0 Library Specification"),
    ),
    Check(
        "dmi-label",
        "Names on the machine's label",
        Role.NODE,
        label,
        "Manufacturer, product, serial number and UUID as firmware gives them. Answer files match machines by them, "
        "and libvirt refuses to migrate between hosts of one UUID.",
        Requirement("", "filled in, and of this machine only", f"{SMBIOS}, 7.2"),
    ),
)
