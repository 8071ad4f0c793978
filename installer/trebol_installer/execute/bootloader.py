"""Boot in BIOS and UEFI alike: both paths are on every disk, whichever way the machine was booted."""

from __future__ import annotations

from trebol_common.errors import TrebolError
from trebol_common.esp import COMMAND_LINE, synchronise
from trebol_common.files import write_text
from trebol_common.run import CommandFailed
from trebol_hardware.machine import FirmwareMode
from trebol_installer.execute.block import disk_node
from trebol_installer.execute.state import Run
from trebol_installer.plan import ESP_MOUNT
from trebol_installer.steps import InstallBootLoader

#: Name of the boot entry in the firmware's menu.
LABEL = "Trebol"

#: All that the menu needs and an administrator may want at GRUB's prompt; the 270 others would only cost time.
_MODULES = (
    "acpi all_video biosdisk boot cat chain configfile cpuid echo fat gfxterm halt help keystatus linux ls minicmd "
    "normal part_gpt part_msdos probe reboot regexp search search_fs_file search_fs_uuid search_label serial sleep "
    "terminal test true vbe"
)


def install_boot_loader(step: InstallBootLoader, run: Run) -> None:
    """See `InstallBootLoader`."""
    esp = run.inside(ESP_MOUNT)
    header = "# The kernel's command line. After a change: trebol node boot-sync\n"
    write_text(run.inside(COMMAND_LINE), f"{header}{step.command_line}\n")
    done = synchronise(run.target, esp, on_progress=lambda done, total: run.context.progress(done, total, "bytes"))
    for warning in done.warnings:
        run.context.log(f"warning: {warning}")
    if not (esp / "EFI/BOOT/BOOTX64.EFI").is_file() and step.firmware is FirmwareMode.UEFI:
        raise TrebolError("this machine boots by UEFI, and the system has no signed boot loader", where=str(esp))
    try:
        _install_for_bios(step, run)
    except CommandFailed as error:
        if step.firmware is not FirmwareMode.UEFI or step.sector == 512:
            raise
        run.context.log(f"warning: BIOS cannot boot from this disk, whose sectors have {step.sector} bytes: {error}")
    if step.firmware is FirmwareMode.UEFI:
        _write_boot_entry(step, run)


def _install_for_bios(step: InstallBootLoader, run: Run) -> None:
    """GRUB's core into the BIOS boot partition, its modules onto the ESP. Uses the target's own GRUB files."""
    run.runner.run(
        [
            "grub-install",
            "--target=i386-pc",
            f"--directory={run.inside('/usr/lib/grub/i386-pc')}",
            f"--boot-directory={run.inside(ESP_MOUNT)}",
            f"--install-modules={_MODULES}",
            "--locales=",
            "--fonts=",
            "--themes=",
            "--no-floppy",
            disk_node(step.disk),
        ]
    )


def _write_boot_entry(step: InstallBootLoader, run: Run) -> None:
    """An entry in the firmware's boot order. Some firmware refuses it; the disk boots by EFI/BOOT all the same."""
    entry = ["--label", LABEL, "--loader", r"\EFI\debian\shimx64.efi"]
    node = str(disk_node(step.disk))
    place = ["--disk", node, "--part", str(step.esp.number)]
    # Entries of earlier installations would pile up, and point to partitions that are gone.
    run.runner.run(["efibootmgr", "--quiet", "--delete-bootnum", "--label", LABEL], check=False)
    try:
        run.runner.run(["efibootmgr", "--quiet", "--create", *place, *entry])
    except CommandFailed as error:
        run.context.log(f"warning: no boot entry could be written; the firmware finds EFI/BOOT by itself: {error}")
