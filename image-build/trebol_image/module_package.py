"""The Debian package that holds the kernel modules of OpenZFS: what zfsutils-linux and its kin call `zfs-modules`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trebol_common.files import write_text
from trebol_common.run import Runner
from trebol_image.tree import make_folders

#: Where modules lie that are not the kernel's own; depmod(8) takes one from there before one of the kernel's.
UPDATES = "updates"


@dataclass(frozen=True)
class ModulePackage:
    """`kernel` is what `uname -r` says, `kernel_version` its package's version, `version` that of OpenZFS."""

    kernel: str
    kernel_version: str
    version: str

    @property
    def name(self) -> str:
        """The package's name."""
        return f"trebol-zfs-modules-{self.kernel}"

    @property
    def file(self) -> str:
        """The name of its file, without an epoch, as Debian's archive does it."""
        return f"{self.name}_{self.version.rpartition(':')[2]}_amd64.deb"

    @property
    def folder(self) -> Path:
        """Where the modules lie, relative to the root."""
        return Path("usr/lib/modules") / self.kernel / UPDATES

    @property
    def fields(self) -> dict[str, str]:
        """The fields of its control file that say what it is and needs, in the order of Debian policy 5.3."""
        return {
            "Package": self.name,
            "Source": "trebol",
            "Version": self.version,
            "Section": "contrib/kernel",
            "Priority": "optional",
            "Architecture": "amd64",
            "Depends": f"kmod, linux-image-{self.kernel} (= {self.kernel_version})",
            "Provides": "zfs-modules",
            "Maintainer": "Trebol project <trebol@example.org>",
        }


def control(package: ModulePackage, installed: int) -> str:
    """DEBIAN/control; `installed` in bytes."""
    fields = {
        **package.fields,
        "Installed-Size": str(-(-installed // 1024)),
        "Description": f"OpenZFS file system kernel modules for Linux {package.kernel}\n"
        " Built from Debian's zfs-dkms for this very kernel and signed with the key of\n"
        " the Trebol image that brought them; the certificate is\n"
        " /usr/share/trebol/mok.der.",
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items())


def status_stanza(package: ModulePackage) -> str:
    """What dpkg's status would say, were it installed: for resolving what depends on it before it is built."""
    fields = {**package.fields, "Status": "install ok installed", "Description": "OpenZFS modules"}
    # The base that is resolved against has the kernel, or nothing would boot; only what it provides counts here.
    return "".join(f"{name}: {value}\n" for name, value in fields.items())


def maintainer_script(package: ModulePackage, states: tuple[str, ...]) -> str:
    """A script that renews the list of modules in these states of an installation (Debian policy 6.5)."""
    return f"""\
#!/bin/sh
set -e
case "$1" in
{"|".join(states)})
	if [ -d /usr/lib/modules/{package.kernel}/kernel ]; then
		depmod -a {package.kernel}
	fi
	;;
esac
"""


def build_package(package: ModulePackage, tree: Path, output: Path, runner: Runner, *, epoch: int) -> Path:
    """Make the .deb of `tree`, which holds the modules in their places; returns its path in the folder `output`."""
    debian = tree / "DEBIAN"
    make_folders(debian)
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
    write_text(debian / "control", control(package, size))
    write_text(debian / "postinst", maintainer_script(package, ("configure",)), mode=0o755)
    write_text(debian / "postrm", maintainer_script(package, ("remove",)), mode=0o755)
    write_text(debian / "triggers", "activate-noawait update-initramfs\n")
    path = output / package.file
    runner.run(
        ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", tree, path], env={"SOURCE_DATE_EPOCH": str(epoch)}
    )
    return path
