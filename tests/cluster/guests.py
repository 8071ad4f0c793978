"""A virtual machine of one sector, and virsh at a node over SSH: how people have virtual machines there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: What the machine says on its serial line once it runs.
SAYS = "a guest runs on this node"
NAME = "tiny"
#: What libvirt's own log daemon keeps of that line.
LOG = f"/var/log/libvirt/qemu/{NAME}-serial.log"

WITHIN = 120.0

_POOL = "tests"
_DISK = f"{NAME}.raw"
_DISK_SIZE = 2**20

#: Real mode: each byte of what follows goes to COM1, up to a zero; then the processor halts. BIOS loads it to 0x7c00.
_CODE = bytes.fromhex(
    "fc 31c0 8ed8"  # cld; xor ax, ax; mov ds, ax
    "be 167c"  # mov si, 0x7c16
    "ac 84c0 7406"  # 1: lodsb; test al, al; jz 2f
    "ba f803 ee ebf5"  # mov dx, 0x3f8; out dx, al; jmp 1b
    "f4 ebfd"  # 2: hlt; jmp 2b
)

#: Emulated: where tests run there may be no KVM.
_DOMAIN = f"""\
<domain type='qemu'>
  <name>{NAME}</name>
  <memory unit='MiB'>32</memory>
  <os><type arch='x86_64'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <disk type='volume' device='disk'>
      <driver name='qemu' type='raw'/>
      <source pool='{_POOL}' volume='{_DISK}'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <serial type='pty'><log file='{LOG}' append='off'/></serial>
  </devices>
</domain>
"""


def boot_sector(words: str) -> bytes:
    """A disk's first sector, which says `words` on the first serial line."""
    code = _CODE + words.encode("ascii") + b"\r\n\0"
    assert len(code) <= 510, "a sector has 512 bytes, two of them its mark"
    return code.ljust(510, b"\0") + b"\x55\xaa"


@dataclass(frozen=True)
class Virsh:
    """virsh of this machine at the node that `uri` names; what it brings there comes from `folder`.

    Each command has to be done `within` so many seconds.
    """

    uri: str
    folder: Path
    within: float

    def __call__(self, *words: str) -> str:
        """What a command of virsh says."""
        done = subprocess.run(
            ("virsh", "--quiet", "--connect", self.uri, *words),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            timeout=self.within,
        )
        assert done.returncode == 0, f"virsh {' '.join(words)}: {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout.strip()


def virsh_over_ssh(address: str, key: Path, folder: Path, *, port: int = 22, within: float = WITHIN) -> Virsh:
    """virsh as root of the node at `address`; deaf to this machine's own configuration of SSH."""
    ssh = folder / "ssh"
    options = ("BatchMode=yes", "IdentitiesOnly=yes", "LogLevel=ERROR", "StrictHostKeyChecking=no")
    words = " ".join(f"-o {option}" for option in (*options, "UserKnownHostsFile=/dev/null"))
    ssh.write_text(f'#!/bin/sh\nexec ssh -F /dev/null {words} -i {key} "$@"\n', encoding="utf-8")
    ssh.chmod(0o755)
    return Virsh(f"qemu+ssh://root@{address}:{port}/system?command={ssh}", folder, within)


@contextmanager
def guest(virsh: Virsh) -> Iterator[str]:
    """Bring a disk to the node, define a machine that boots from it, and start it; its name.

    In the end nothing of it is left.
    """
    disk, domain = virsh.folder / _DISK, virsh.folder / "domain.xml"
    disk.write_bytes(boot_sector(SAYS).ljust(_DISK_SIZE, b"\0"))
    domain.write_text(_DOMAIN, encoding="utf-8")
    virsh("pool-create-as", _POOL, "dir", "--target", "/var/lib/libvirt/images")
    virsh("vol-create-as", _POOL, _DISK, f"{_DISK_SIZE}b", "--format", "raw")
    virsh("vol-upload", _DISK, str(disk), "--pool", _POOL)
    virsh("define", str(domain))
    virsh("start", NAME)
    try:
        yield NAME
    finally:
        if virsh("domstate", NAME) != "shut off":
            virsh("destroy", NAME)
        virsh("undefine", NAME)
        virsh("vol-delete", _DISK, "--pool", _POOL)
        virsh("pool-destroy", _POOL)
