"""LUKS2 containers: made and opened, and what the node needs to open them when it boots.

The image's initramfs is the same for every node and knows nothing of this one's containers: `trebol_common.esp` makes
an archive of what it lacks, from /etc/crypttab and the console's keymap.
"""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path

from trebol_common.files import write_text
from trebol_installer.execute.block import node_of
from trebol_installer.execute.state import Run, key_of
from trebol_installer.sizing import LUKS_HEADER
from trebol_installer.steps import BindToTpm, EncryptDevice, OpenContainer, UnbindFromTpm, WriteEncryption

CRYPTTAB = "/etc/crypttab"

#: Trims reach the disk; the thin pool and SSDs need them more than it hurts that free blocks are seen to be free.
_OPTIONS = "luks,discard,initramfs"

#: Asks once for containers that share a key name (crypttab(5), /usr/share/doc/cryptsetup/README.keyctl).
_ASK_ONCE = "keyscript=decrypt_keyctl"


#: Secure Boot's state, keys, and what they vouched for on the way to the kernel (TCG PC Client Platform Firmware
#: Profile 1.06, 3.3.4.8): the same for the medium and for the disk, and after an update of kernel or boot loader.
TPM_POLICY = {"pcr_bank": "sha256", "pcr_ids": "7"}

#: A line of `clevis luks list`: `1: tpm2 '{"hash":"sha256",...}'`.
_TPM_BINDING = re.compile(r"^(\d+): tpm2 ", re.MULTILINE)


def encrypt_device(step: EncryptDevice, run: Run) -> None:
    """See `EncryptDevice`. The passphrase goes through stdin, and stands in no argument."""
    passphrase = passphrase_of(run)
    node = node_of(step.device)
    identity = str(uuid.uuid4())
    run.runner.run(
        [
            "cryptsetup",
            "luksFormat",
            "--type",
            "luks2",
            "--batch-mode",
            "--uuid",
            identity,
            # In sectors of 512 bytes. By itself, cryptsetup rounds up to what the disk calls its best size of writes.
            "--offset",
            str(LUKS_HEADER // 512),
            "--key-file",
            "-",
            node,
        ],  # fmt: skip
        input=passphrase,
        secrets=(passphrase,),
    )
    _open(node, step.name, run)
    run.uuids[key_of(step.device)] = identity


def open_container(step: OpenContainer, run: Run) -> None:
    """See `OpenContainer`."""
    node = node_of(step.device)
    _open(node, step.name, run)
    run.uuids[key_of(step.device)] = run.runner.run(["cryptsetup", "luksUUID", node]).stdout.strip()


def _open(node: Path, name: str, run: Run) -> None:
    passphrase = passphrase_of(run)
    run.runner.run(
        ["cryptsetup", "open", "--type", "luks2", "--allow-discards", "--key-file", "-", node, name],
        input=passphrase,
        secrets=(passphrase,),
    )
    run.undo.callback(run.runner.run, ["cryptsetup", "close", name])


def bind_to_tpm(step: BindToTpm, run: Run) -> None:
    """See `BindToTpm`. clevis adds a key of its own, which the TPM gives to what this machine boots now."""
    node = node_of(step.device)
    # Of an installation whose container stays: its key would be given out as before, to whom it was bound then.
    _unbind(node, run)
    passphrase = passphrase_of(run)
    run.runner.run(
        ["clevis", "luks", "bind", "-y", "-k", "-", "-d", node, "tpm2", json.dumps(TPM_POLICY)],
        input=passphrase,
        secrets=(passphrase,),
    )


def unbind_from_tpm(step: UnbindFromTpm, run: Run) -> None:
    """See `UnbindFromTpm`."""
    _unbind(node_of(step.device), run)


def _unbind(node: Path, run: Run) -> None:
    listed = run.runner.run(["clevis", "luks", "list", "-d", node]).stdout
    for slot in _TPM_BINDING.findall(listed):
        run.runner.run(["clevis", "luks", "unbind", "-d", node, "-s", slot, "-f"])


def passphrase_of(run: Run) -> str:
    """The passphrase of the answers, which ask for encryption."""
    encryption = run.answers.disk_setup.encryption
    assert encryption is not None
    return encryption.passphrase.get_secret_value()


def write_encryption(step: WriteEncryption, run: Run) -> None:
    """See `WriteEncryption`."""
    table = crypttab({name: run.uuids[key_of(device)] for name, device in step.containers})
    write_text(run.inside(CRYPTTAB), f"# Written by Trebol; see crypttab(5).\n{table}", mode=0o600)


def crypttab(containers: dict[str, str]) -> str:
    """The lines of crypttab(5) for `containers`: name in /dev/mapper → UUID."""
    if len(containers) == 1:
        return "".join(f"{name} UUID={identity} none {_OPTIONS}\n" for name, identity in containers.items())
    return "".join(f"{name} UUID={identity} trebol {_OPTIONS},{_ASK_ONCE}\n" for name, identity in containers.items())
