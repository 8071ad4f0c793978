"""What makes the medium boot: the target distribution's signed EFI programs, and a BIOS image of its GRUB."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from trebol_common.errors import TrebolError
from trebol_common.run import Runner

#: Kernel words of every entry. Nothing on a disk is activated, mounted or swapped to by itself; only errors of the
#: kernel interrupt the installer's progress, while systemd still says what it starts. The target is named here and
#: not by a default.target, whose name would draw in what the base wants by default.target.wants. A system that lives
#: for minutes, with one user, does without zeroing each page it allocates, and without the security modules whose
#: hooks stand before each opened file; the installed node does not. Without autogroups, nice counts between services
#: too, and the medium's hashing leaves its time to the installer. The target's disk writes while layers are unpacked,
#: not all at the end: unmounting waited for a third of the bytes.
KERNEL_WORDS = (
    "boot=trebol systemd.unit=trebol-installer.target quiet loglevel=4 systemd.show_status=1 "
    "nompath raid=noautodetect systemd.gpt_auto=0 systemd.swap=0 fsck.mode=skip noresume init_on_alloc=0 "
    "lsm=lockdown,capability,landlock,yama noautogroup "
    "sysctl.vm.dirty_background_bytes=33554432 sysctl.vm.dirty_writeback_centisecs=50"
)
#: Seconds until an unseeded medium boots its default entry.
TIMEOUT = 5

#: GRUB modules of the BIOS image: all that the templates use, as nothing is loaded from files.
BIOS_MODULES = (
    "biosdisk", "boot", "cat", "chain", "configfile", "echo", "fat", "halt", "iso9660", "linux", "loadenv", "ls",
    "minicmd", "normal", "part_gpt", "part_msdos", "reboot", "regexp", "search", "search_fs_file", "serial", "sleep",
    "terminal", "test", "true",
)  # fmt: skip


@dataclass(frozen=True)
class BootFiles:
    """Where boot programs lie in a tree of the target distribution."""

    shim: Path
    grub: Path
    mok_manager: Path
    bios_grub: Path
    bios_memtest: Path
    efi_memtest: Path

    @classmethod
    def of_tree(cls, tree: Path) -> BootFiles:
        """Find them in `tree`. Raises TrebolError naming every one that is missing, and its package."""
        files = cls(
            shim=tree / "usr/lib/shim/shimx64.efi.signed",
            grub=tree / "usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed",
            mok_manager=tree / "usr/lib/shim/mmx64.efi.signed",
            bios_grub=tree / "usr/lib/grub/i386-pc",
            bios_memtest=tree / "boot/memtest86+x64.bin",
            efi_memtest=tree / "boot/memtest86+x64.efi",
        )
        needed = {
            files.shim: "shim-signed",
            files.grub: "grub-efi-amd64-signed",
            files.mok_manager: "shim-helpers-amd64-signed",
            files.bios_grub / "boot_hybrid.img": "grub-pc-bin",
            files.bios_memtest: "memtest86+",
            files.efi_memtest: "memtest86+",
        }
        if missing := {path: package for path, package in needed.items() if not path.is_file()}:
            raise TrebolError(
                f"the base layer lacks {', '.join(str(path.relative_to(tree)) for path in missing)}",
                where="iso/packages/boot.list",
                hint=f"add {', '.join(dict.fromkeys(missing.values()))}",
            )
        return files

    def efi_folder(self) -> dict[str, Path]:
        """EFI/BOOT by the names that firmware and shim look for."""
        return {
            "EFI/BOOT/BOOTX64.EFI": self.shim,
            "EFI/BOOT/grubx64.efi": self.grub,
            "EFI/BOOT/mmx64.efi": self.mok_manager,
        }

    def memory_tests(self) -> dict[str, Path]:
        """Memtest86+ for either firmware, where the boot menu loads it from."""
        return {f"boot/{path.name}": path for path in (self.bios_memtest, self.efi_memtest)}


def render(templates: Path, name: str, *, medium_id: str, version: str) -> str:
    """One of GRUB's configuration files, from the templates in `iso/boot`."""
    environment = Environment(
        loader=FileSystemLoader(templates), undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    return environment.get_template(name).render(
        medium_id=medium_id, version=version, words=KERNEL_WORDS, timeout=TIMEOUT
    )


def bios_image(files: BootFiles, stub: Path, output: Path, runner: Runner) -> None:
    """Make the El Torito image for BIOS, which boot_hybrid.img in the MBR starts from a stick too.

    `stub` is the configuration built into it. The modules are the tree's; grub-mkimage is the host's.
    """
    runner.run(
        [
            "grub-mkimage", "--format=i386-pc-eltorito", f"--directory={files.bios_grub}", "--prefix=/boot/grub",
            f"--config={stub}", f"--output={output}", *BIOS_MODULES,
        ]
    )  # fmt: skip
