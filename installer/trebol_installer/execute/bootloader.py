"""Boot in BIOS and UEFI alike: both paths are on every disk, whichever way the machine was booted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from trebol_common.errors import TrebolError
from trebol_common.esp import BOOT_PARTITIONS, COMMAND_LINE, boot_partitions_file, synchronise
from trebol_common.files import write_text
from trebol_common.i18n import _
from trebol_common.run import CommandFailed
from trebol_hardware.machine import FirmwareMode
from trebol_installer.execute.block import disk_node, node_of
from trebol_installer.execute.filesystems import other_esp
from trebol_installer.execute.state import Run, key_of
from trebol_installer.plan_steps import ESP_MOUNT
from trebol_installer.steps import BootPartition, InstallBootLoader, PartitionRef

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
    header = "# The kernel's command line. After a change: trebol node boot-sync\n"
    write_text(run.inside(COMMAND_LINE), f"{header}root={_root(step, run)} {step.command_line}\n")
    write_text(run.inside(BOOT_PARTITIONS), boot_partitions_file(run.uuids[key_of(each.esp)] for each in step.boot))
    for number, each in enumerate(step.boot):
        with _mounted(each.esp, run, already=number == 0) as esp:
            _install_on(each, esp, step, run)
    if step.firmware is FirmwareMode.UEFI:
        _write_boot_entries(step, run)


def _root(step: InstallBootLoader, run: Run) -> str:
    identity = run.uuids.get(key_of(step.root))
    return f"UUID={identity}" if identity else str(step.root)


@contextmanager
def _mounted(esp: PartitionRef, run: Run, *, already: bool) -> Iterator[Path]:
    """Where `esp` is mounted: the first in the target, each other one beside it for as long as it is written."""
    if already:
        yield run.inside(ESP_MOUNT)
        return
    folder = other_esp(run.target)
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as mounted:
        run.runner.run(["mount", "-o", "noatime", node_of(esp), folder])
        mounted.callback(run.runner.run, ["umount", folder])
        yield folder


def _install_on(boot: BootPartition, esp: Path, step: InstallBootLoader, run: Run) -> None:
    done = synchronise(run.target, esp, on_progress=lambda done, total: run.context.progress(done, total, "bytes"))
    for warning in done.warnings:
        run.context.log(_("warning: {text}").format(text=warning))
    if not (esp / "EFI/BOOT/BOOTX64.EFI").is_file() and step.firmware is FirmwareMode.UEFI:
        raise TrebolError(_("this machine boots by UEFI, and the system has no signed boot loader"), where=str(esp))
    try:
        _install_for_bios(boot, esp, run)
    except CommandFailed as error:
        if step.firmware is not FirmwareMode.UEFI or boot.sector == 512:
            raise
        text = _("warning: BIOS cannot boot from this disk, whose sectors have {size} bytes: {reason}")
        run.context.log(text.format(size=boot.sector, reason=error))


def _install_for_bios(boot: BootPartition, esp: Path, run: Run) -> None:
    """GRUB's core into the BIOS boot partition, its modules onto the ESP. Uses the target's own GRUB files."""
    run.runner.run(
        [
            "grub-install",
            "--target=i386-pc",
            f"--directory={run.inside('/usr/lib/grub/i386-pc')}",
            f"--boot-directory={esp}",
            f"--install-modules={_MODULES}",
            "--locales=",
            "--fonts=",
            "--themes=",
            "--no-floppy",
            disk_node(boot.esp.disk),
        ]
    )


def _write_boot_entries(step: InstallBootLoader, run: Run) -> None:
    """An entry for each disk in the firmware's boot order, the first disk first.

    Some firmware refuses them; the disks boot by EFI/BOOT all the same.
    """
    labels = [LABEL, *(f"{LABEL} {number}" for number in range(2, len(step.boot) + 1))]
    # Entries of earlier installations would pile up, and point to partitions that are gone.
    for label in labels:
        run.runner.run(["efibootmgr", "--quiet", "--delete-bootnum", "--label", label], check=False)
    # Each new entry becomes the first.
    for label, each in reversed(tuple(zip(labels, step.boot, strict=True))):
        entry = ["--label", label, "--loader", r"\EFI\debian\shimx64.efi"]
        place = ["--disk", str(disk_node(each.esp.disk)), "--part", str(each.esp.number)]
        try:
            run.runner.run(["efibootmgr", "--quiet", "--create", *place, *entry])
        except CommandFailed as error:
            text = _("warning: no boot entry could be written; the firmware finds EFI/BOOT by itself: {reason}")
            run.context.log(text.format(reason=error))
